//! Clusters of NATS and RabbitMQ whose nodes are killed and frozen under our clients.
//!
//! Each run has a cluster of three nodes on loopback, a publisher and a consumer. Nothing is set but the three addresses as one cluster, and the version where the client would begin with
//! another one. The node of the consumer is lost, then comes back; then that of the publisher is.

mod clients;
mod http;
mod nats;
mod node;
mod on_threads;
mod on_tokio;
mod ports;
mod rabbitmq;
mod tally;
mod trial;

use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;

use crate::trial::{Loss, Trial, Verdict};

const HELP: &str = "\
Kills and freezes nodes of clusters under our clients, and counts what is lost.

    cargo run --manifest-path tests/clusters/Cargo.toml [-- OPTIONS]

    --cluster NAME     nats, rabbitmq-quorum or rabbitmq-classic; may be given several times (default: all)
    --client NAME      threads or tokio (default: both)
    --loss NAME        kill or freeze (default: both)
    --messages N       so many messages at QoS 1 (default: 3000)
    --keep-alive N     sets the keep alive, in seconds, which is left as it is otherwise (60)
    --keep             leaves the folder with the nodes' logs

It needs nats-server and rabbitmq-server (packages of Debian), and Linux.
";

fn main() -> ExitCode {
    match read().and_then(|trials| trials.map_or(Ok(()), |trials| run(&trials))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// `None` if help is asked for.
fn read() -> Result<Option<Vec<Trial>>, String> {
    let (mut clusters, mut clients, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    let (mut messages, mut keep_alive, mut keeps_folder) = (3_000, None, false);
    let mut parser = lexopt::Parser::from_env();
    let mut next = || -> Result<bool, lexopt::Error> {
        while let Some(arg) = parser.next()? {
            match arg {
                Long("cluster") => clusters.push(parser.value()?.parse_with(trial::cluster)?),
                Long("client") => clients.push(parser.value()?.parse_with(clients::kind)?),
                Long("loss") => losses.push(parser.value()?.parse_with(trial::loss)?),
                Long("messages") => messages = parser.value()?.parse()?,
                Long("keep-alive") => keep_alive = Some(parser.value()?.parse()?),
                Long("keep") => keeps_folder = true,
                Short('h') | Long("help") => return Ok(false),
                other => return Err(other.unexpected()),
            }
        }
        Ok(true)
    };
    if !next().map_err(|error| format!("{error}\n\n{HELP}"))? {
        print!("{HELP}");
        return Ok(None);
    }
    let clusters = or_all(clusters, &trial::CLUSTERS);
    let (clients, losses) = (or_all(clients, &clients::KINDS), or_all(losses, &[Loss::Kill, Loss::Freeze]));
    let trials = clusters.iter().flat_map(|cluster| clients.iter().map(move |client| (*cluster, *client)));
    let trials = trials.flat_map(|pair| losses.iter().map(move |loss| (pair, *loss)));
    let trial = |((cluster, client), loss)| Trial { cluster, client, loss, messages, keep_alive, keeps_folder };
    Ok(Some(trials.map(trial).collect()))
}

fn or_all<T: Copy>(chosen: Vec<T>, all: &[T]) -> Vec<T> {
    if chosen.is_empty() { all.to_vec() } else { chosen }
}

fn run(trials: &[Trial]) -> Result<(), String> {
    println!("{}", Verdict::HEAD);
    let mut failed = 0;
    for trial in trials {
        match trial.run() {
            Ok(verdict) => {
                println!("{}", verdict.row(trial));
                failed += u32::from(!verdict.is_as_expected(trial));
            }
            Err(sentence) => {
                eprintln!("{trial}: {sentence}");
                failed += 1;
            }
        }
    }
    match failed {
        0 => Ok(()),
        count => Err(format!("{count} of {} runs did not end as they should.", trials.len())),
    }
}

/// Far more than anything takes here that is no matter of the clients: a node that starts, or catches up.
const PATIENCE: Duration = Duration::from_secs(180);
