//! `mqtt pub --durable`: what was accepted is delivered, once, whatever becomes of the program.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::server::{Mosquitto, free_port};
use crate::tool::{mqtt, ours, printed, run, start, theirs};

const PATIENCE: Duration = Duration::from_secs(60);

fn publish(port: u16, folder: &Path, more: &str) -> Command {
    let mut program = mqtt();
    program.args(["pub", "-h", "127.0.0.1", "-p", &port.to_string(), "-t", "meter", "-q", "2", "--durable"]);
    program.arg(folder).args(more.split(' ').filter(|word| !word.is_empty()));
    program
}

/// A subscriber whose session outlives its connection, and who counts.
fn listen(broker: &Mosquitto, count: usize) -> Child {
    let line = format!("-i reader -c -q 2 -t meter -C {count} -W 120");
    let subscriber = start(theirs(broker, "mosquitto_sub", &line));
    broker.await_log("Sending SUBACK to reader");
    subscriber
}

fn lines_of(output: &str) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    output.lines().for_each(|line| *counts.entry(line).or_default() += 1);
    counts
}

/// The number is `MQTT_KILLS` (default 25), the seed `MQTT_SEED`.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn lines_arrive_once_though_the_program_is_killed() {
    let kills: u32 = std::env::var("MQTT_KILLS").map_or(25, |text| text.parse().expect("MQTT_KILLS is a number"));
    let seed: u64 = std::env::var("MQTT_SEED")
        .map_or_else(|_| fastrand::u64(..), |text| text.parse().expect("MQTT_SEED is a number"));
    println!("MQTT_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let total = 400 * kills as usize;
    let broker = Mosquitto::with("allow_anonymous true\nmax_queued_messages 0\n");
    let mut reader = listen(&broker, total);
    let mut arrived = BufReader::new(reader.stdout.take().expect("stdout is a pipe"));
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("input");
    let text: String = (0..total).map(|number| format!("line {number}\n")).collect();
    std::fs::write(&input, &text).expect("the input can be written");
    let (mut seen, mut output) = (0, String::new());
    let mut killed = 0;
    while killed < kills {
        let mut program = publish(broker.port, &folder.path().join("box"), "--lines --refeed --quiet");
        program.stdin(Stdio::from(File::open(&input).expect("the input is there"))).stdout(Stdio::null());
        let mut program = program.stderr(Stdio::null()).spawn().expect("the program starts");
        let goal = seen + random.usize(1..300); // killed once so many more have arrived
        while seen < goal.min(total) {
            arrived.read_line(&mut output).expect("the reader writes text");
            seen += 1;
        }
        program.kill().expect("the program can be killed");
        let status = program.wait().expect("the program ends");
        assert!(status.code().is_none() || status.success(), "{status}");
        killed += u32::from(status.code().is_none());
        assert!(seen < total || killed == kills, "all has arrived after {killed} kills: more lines are needed");
    }
    let mut program = publish(broker.port, &folder.path().join("box"), "--lines --refeed -W 60");
    program.stdin(Stdio::from(File::open(&input).expect("the input is there")));
    let last = program.output().expect("the program starts");
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    while seen < total {
        assert!(
            arrived.read_line(&mut output).expect("the reader writes text") > 0,
            "the reader has ended after {seen}"
        );
        seen += 1;
    }
    reader.wait().expect("the reader ends");
    let counts = lines_of(&output);
    let wrong: Vec<_> = text.lines().filter(|line| counts.get(line) != Some(&1)).collect();
    assert!(wrong.is_empty() && counts.len() == total, "{} lines are lost or doubled: {wrong:?}", wrong.len());
    println!("killed {killed} times by SIGKILL; {total} lines, each arrived once");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn what_was_read_without_a_broker_is_delivered_by_a_later_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let output = run(publish(port, folder.path(), "--lines -W 1"), "one\ntwo\n");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{errors}");
    assert!(errors.contains("2 messages wait in the folder"), "{errors}");
    let broker = Mosquitto::start();
    let reader = listen(&broker, 3);
    printed(run(publish(broker.port, folder.path(), "-W 20"), ""));
    printed(run(publish(broker.port, folder.path(), "-m three -W 20"), ""));
    assert_eq!(printed(reader.wait_with_output().expect("the reader ends")), "one\ntwo\nthree\n");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn another_input_is_not_skipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Mosquitto::start();
    printed(run(publish(broker.port, folder.path(), "--lines -W 20"), "one\ntwo\n"));
    let other = run(publish(broker.port, folder.path(), "--lines --refeed -W 20"), "one\nand\n");
    assert_eq!(other.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&other.stderr).contains("up to line 2 they differ"));
    let reader = listen(&broker, 1);
    printed(run(publish(broker.port, folder.path(), "--lines --refeed -W 20"), "one\ntwo\nthree\n"));
    assert_eq!(printed(reader.wait_with_output().expect("the reader ends")), "three\n");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn ctrl_c_leaves_what_is_left_in_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = start(publish(free_port(), folder.path(), "--lines"));
    let mut input = program.stdin.take().expect("stdin is a pipe");
    input.write_all(b"one\n").expect("the program reads");
    let log = folder.path().join("log");
    let beginning = Instant::now();
    let holds_it = || {
        let files = std::fs::read_dir(&log).into_iter().flatten().flatten();
        files
            .map(|file| std::fs::read(file.path()).unwrap_or_default())
            .any(|bytes| bytes.windows(3).any(|part| part == b"one"))
    };
    while !holds_it() {
        assert!(beginning.elapsed() < PATIENCE, "the line is never written");
        std::thread::yield_now();
    }
    let status = Command::new("kill").args(["-s", "INT", &program.id().to_string()]).status();
    assert!(status.expect("kill starts").success());
    let output = program.wait_with_output().expect("the program ends"); // though the input is open still
    assert_eq!(output.status.code(), Some(130));
    let broker = Mosquitto::start();
    let reader = listen(&broker, 1);
    printed(run(ours(&broker, "pub", &format!("-t meter -q 2 --durable {}", folder.path().display())), ""));
    assert_eq!(printed(reader.wait_with_output().expect("the reader ends")), "one\n");
    drop(input);
}
