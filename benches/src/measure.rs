//! Takes the rounds: all clients of a row in turns, so that whatever disturbs the machine disturbs all of them.

use serde::Serialize;

use crate::args::Options;
use crate::client::Version;
use crate::clients;
use crate::rows::{ROWS, Row};
use crate::work::{Batch, Task};

/// What came out for one row.
#[derive(Serialize)]
pub struct Result {
    pub row: &'static str,
    /// `ns` per message, or `bytes` per connection.
    pub unit: &'static str,
    pub figures: Vec<Figure>,
}

/// One client's figure; those that can't do the row have none.
#[derive(Serialize, Clone)]
pub struct Figure {
    pub client: &'static str,
    pub median: f64,
    /// The tenth and the ninetieth of a hundred.
    pub low: f64,
    pub high: f64,
    pub allocations: f64,
    pub allocated: f64,
}

/// How long one batch is to take at least, in nanoseconds.
const BATCH: f64 = 2e6;
const QUICK_BATCH: f64 = 4e5;
const ROUNDS: usize = 25;
const QUICK_ROUNDS: usize = 5;
/// A client that is this slow gets fewer rounds: more would not make its figure clearer.
const SLOW: f64 = 1e8;
/// A client that takes so long for a window gets one round, and is left out of the other rows with this window.
const HOPELESS: f64 = 1e9;

/// Measures the chosen rows, and tells of each as it is done.
pub fn run(options: &Options, mut done: impl FnMut(&Result)) -> Vec<Result> {
    let chosen = ROWS.iter().filter(|row| options.takes(row.name));
    let mut hopeless = Vec::new();
    chosen
        .map(|row| {
            let result = measure(row, options.quick, &mut hopeless);
            done(&result);
            result
        })
        .collect()
}

struct Runner {
    client: &'static str,
    task: Task,
    times: usize,
    rounds: usize,
    nanos: Vec<f64>,
    allocations: f64,
    allocated: f64,
}

/// Clients with the version and the window that they were hopelessly slow at.
type Hopeless = Vec<(&'static str, Version, usize)>;

fn measure(row: &Row, quick: bool, hopeless: &mut Hopeless) -> Result {
    let key = |client| (client, row.setup.version, row.setup.window);
    let mut runners: Vec<_> = clients::ALL
        .iter()
        .filter(|contestant| !hopeless.contains(&key(contestant.name)))
        .filter_map(|contestant| Some(Runner::new(contestant.name, Task::new(row, contestant)?, row, quick)))
        .collect();
    hopeless.extend(runners.iter().filter(|runner| runner.rounds == 0).map(|runner| key(runner.client)));
    let rounds = runners.iter().map(|runner| runner.rounds).max().unwrap_or(0);
    for round in 0..rounds {
        for runner in runners.iter_mut().filter(|runner| round < runner.rounds) {
            runner.round();
        }
    }
    let unit = if row.counts_bytes() { "bytes" } else { "ns" };
    Result { row: row.name, unit, figures: runners.into_iter().map(Runner::figure).collect() }
}

impl Runner {
    /// Warms the client up, and finds out how much it does in one batch.
    fn new(client: &'static str, mut task: Task, row: &Row, quick: bool) -> Self {
        let least = if quick { QUICK_BATCH } else { BATCH };
        let mut times = 1;
        let mut batch = task.batch(times);
        while batch.cost.nanos < least && times < 1 << 20 && !row.counts_bytes() {
            let before = batch.messages;
            times *= 2;
            batch = task.batch(times);
            if batch.messages == before {
                break; // this work has a size of its own
            }
        }
        let rounds = match quick {
            _ if batch.cost.nanos > HOPELESS => 0, // this one was it
            _ if row.counts_bytes() => 1,
            true if batch.cost.nanos > SLOW => 2,
            true => QUICK_ROUNDS,
            false if batch.cost.nanos > SLOW => 5,
            false => ROUNDS,
        };
        let mut runner =
            Self { client, task, times, rounds, nanos: Vec::with_capacity(rounds), allocations: 0.0, allocated: 0.0 };
        if rounds == 0 {
            runner.note(&batch);
        }
        runner
    }

    fn round(&mut self) {
        let batch = self.task.batch(self.times);
        self.note(&batch);
    }

    fn note(&mut self, batch: &Batch) {
        let messages = batch.messages as f64;
        self.nanos.push(batch.cost.nanos / messages);
        self.allocations = batch.cost.allocations / messages;
        self.allocated = batch.cost.allocated / messages;
    }

    fn figure(mut self) -> Figure {
        self.nanos.sort_by(f64::total_cmp);
        let at = |part: f64| self.nanos[((self.nanos.len() - 1) as f64 * part).round() as usize];
        Figure {
            client: self.client,
            median: at(0.5),
            low: at(0.1),
            high: at(0.9),
            allocations: self.allocations,
            allocated: self.allocated,
        }
    }
}

impl Result {
    pub fn of(&self, client: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.client == client)
    }

    /// Our figure and the best of the peers'.
    pub fn against_best(&self) -> Option<(f64, f64)> {
        let ours = self.of(clients::OURS)?.median;
        let is_peer = |client| client != clients::OURS && !clients::YARDSTICKS.contains(&client);
        let peers = self.figures.iter().filter(|figure| is_peer(figure.client));
        Some((ours, peers.map(|figure| figure.median).min_by(f64::total_cmp)?))
    }
}
