//! The firmwares on the emulated board, against a real broker, over a line on which everything goes wrong.

use std::collections::BTreeSet;

use host_test::build;
use host_test::log::Log;
use host_test::qemu::Board;
use host_test::relay::Relay;
use host_test::server::Mosquitto;
use host_test::watch::{self, Watcher};

#[test]
fn uart_over_3_1_1() {
    Scenario::start("uart", Version::V311).play();
}

#[test]
fn uart_over_5_0() {
    Scenario::start("uart", Version::V5).play();
}

#[test]
fn embassy_over_3_1_1() {
    Scenario::start("embassy", Version::V311).play();
}

#[test]
fn embassy_over_5_0() {
    Scenario::start("embassy", Version::V5).play();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V311,
    V5,
}

/// Commands in a batch of each quality of service.
const BATCH: usize = 10;

struct Scenario {
    version: Version,
    /// It keeps settings and reads the news as well.
    has_many_tasks: bool,
    broker: Mosquitto,
    relay: Relay,
    board: Board,
    watcher: Watcher,
    log: Log,
    random: fastrand::Rng,
    /// Batches of commands sent so far, with their quality of service.
    batches: Vec<(String, u8)>,
}

impl Scenario {
    fn start(firmware: &str, version: Version) -> Self {
        let random = host_test::random();
        let has_many_tasks = firmware == "embassy";
        let features: &[&str] = if version == Version::V5 { &["v5", "defmt"] } else { &["v3", "defmt"] };
        let firmware = build::firmware(firmware, features);
        let broker = Mosquitto::start();
        let watcher = Watcher::start(broker.port);
        broker.await_log("Sending SUBACK to watcher");
        let relay = Relay::start(broker.port);
        let log = Log::of(&firmware);
        let board = Board::boot(&firmware, Some(relay.port), Some(log.file()));
        Self { version, has_many_tasks, broker, relay, board, watcher, log, random, batches: Vec::new() }
    }

    fn play(mut self) {
        self.await_new_readings();
        self.command(2);
        self.await_answers();

        self.cut_and_restore();
        self.cut_in_half_down();
        self.cut_in_half_up();
        self.noise(&[0x00, 0xFF, 0x00, 0xFF], Some("Malformed"));
        let noise: Vec<u8> = (0..300).map(|_| self.random.u8(..)).collect();
        self.noise(&noise, None);
        self.noise(b"\x30\x7F\x00\x03abc", None); // a packet that stops in the middle, with others in its place
        self.unwanted_messages();
        let flood: Vec<u8> = (0..40_000).map(|_| self.random.u8(..)).collect();
        self.noise(&flood, None);

        self.flood_of_commands();
        self.stop();
        self.check();
        self.check_log();
    }

    /// The line is cut while commands are on their way, and stays cut until the board has noticed.
    fn cut_and_restore(&mut self) {
        let links = self.relay.links();
        let lines = self.board.console.count();
        self.command(1);
        self.relay.cut();
        self.command(2);
        self.await_end_of_link(lines, Some("Timeout"));
        self.relay.restore();
        self.recover(links);
    }

    /// A packet from the broker arrives in part.
    fn cut_in_half_down(&mut self) {
        let links = self.relay.links();
        let lines = self.board.console.count();
        self.relay.cut_down_after(self.random.usize(1..200));
        self.command(2);
        self.relay.await_cut();
        self.relay.restore();
        self.await_end_of_link(lines, None);
        self.recover(links);
    }

    /// A packet from the board arrives in part.
    fn cut_in_half_up(&mut self) {
        let links = self.relay.links();
        let lines = self.board.console.count();
        self.relay.cut_up_after(self.random.usize(1..200));
        self.relay.await_cut();
        self.command(1);
        self.relay.restore();
        self.await_end_of_link(lines, None);
        self.recover(links);
    }

    /// Bytes that the broker never sent. What ends the link is a typed error, perhaps a certain one.
    fn noise(&mut self, bytes: &[u8], error: Option<&str>) {
        let links = self.relay.links();
        let lines = self.board.console.count();
        self.relay.inject(bytes);
        self.await_end_of_link(lines, error);
        self.recover(links);
        self.command(2);
        self.await_answers();
    }

    /// Messages that nobody asked for, faster than the board reads. They are whole, so the link lives on.
    fn unwanted_messages(&mut self) {
        let message: &[u8] = match self.version {
            Version::V311 => b"\x30\x06\x00\x03a/bX",
            Version::V5 => b"\x30\x07\x00\x03a/b\x00X",
        };
        self.relay.inject(&message.repeat(2_000));
        self.await_new_readings();
        self.command(2);
        self.await_answers();
    }

    /// More commands than the board can hold, as fast as the broker takes them.
    fn flood_of_commands(&mut self) {
        for _ in 0..20 {
            self.command(2);
        }
        self.await_answers();
    }

    /// The board carries out its last command, and ends its run.
    fn stop(&mut self) {
        watch::publish(self.broker.port, "board-7/command", 2, &[], &["stop".into()]);
        self.watcher.lines.wait_for("the report", |lines| !watch::payloads(lines, "board-7/report").is_empty());
        self.board.await_end();
        let lines = self.board.console.all();
        assert!(lines.iter().any(|line| line == "done, overruns=0"), "{lines:?}");
        for what in lines.iter().filter_map(|line| line.strip_prefix("dropped ")) {
            assert!(what.split([' ', '=']).filter_map(|word| word.parse().ok()).all(|count: u32| count > 5), "{what}");
        }
        println!("{}\n{}", lines.join("\n"), self.watcher.payloads("board-7/report").join("\n"));
    }

    /// Nothing was lost, nothing was doubled.
    fn check(&self) {
        let report = self.watcher.payloads("board-7/report");
        assert_eq!(report.len(), 1, "{report:?}");
        let count = |name: &str| -> usize {
            let value = report[0].split(['|', ' ']).find_map(|word| word.strip_prefix(&format!("{name}=")));
            value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} is not in {report:?}"))
        };
        let numbers = |qos: u8| -> Vec<usize> {
            let readings = self.watcher.payloads(&format!("board-7/reading/{qos}"));
            readings.iter().map(|reading| number(reading.trim_start_matches('|'))).collect()
        };
        let zero = numbers(0);
        assert!(zero.is_sorted_by(|one, next| one < next), "QoS 0 in order, none twice: {zero:?}");
        let one: BTreeSet<_> = numbers(1).into_iter().collect();
        assert!(one.iter().copied().eq(0..count("qos1")), "QoS 1: each at least once: {one:?}");
        let two = numbers(2);
        assert!(two.iter().copied().eq(0..count("qos2")), "QoS 2: each once, in order: {two:?}");
        assert!(count("unreadable") > 0, "the flood of messages was seen: {report:?}");
        for (batch, qos) in &self.batches {
            let answers = self.answers(&self.watcher.lines.all(), batch);
            let distinct: BTreeSet<_> = answers.iter().collect();
            assert_eq!(distinct.len(), BATCH, "batch {batch}: {answers:?}");
            assert!(*qos < 2 || answers.len() == BATCH, "batch {batch} at QoS 2 was answered twice: {answers:?}");
        }
        if self.has_many_tasks {
            for (batch, qos) in &self.batches {
                let kept = Self::kept(&self.watcher.lines.all(), batch);
                assert!(*qos < 2 || kept.len() == BATCH, "settings {batch} at QoS 2 were kept twice: {kept:?}");
            }
            assert!(count("news") > 0, "the slow task gets something: {report:?}");
            assert!(count("news") < self.batches.len() * BATCH, "and has no time for all of it: {report:?}");
        }
    }

    /// The log tells of each link, and decodes to the end.
    fn check_log(&self) {
        let lines = self.log.decode();
        println!("{}", lines.join("\n"));
        let console = self.board.console.all();
        for (logged, told) in [("connected: ", " is up: "), ("link over: ", " is over: ")] {
            let count = |lines: &[String], text: &str| lines.iter().filter(|line| line.contains(text)).count();
            assert!(count(&lines, logged) >= count(&console, told), "{logged:?}");
            assert!(count(&lines, told) == count(&console, told), "{told:?}");
        }
    }

    /// Sends a batch of commands.
    fn command(&mut self, qos: u8) {
        let batch = format!("b{}", self.batches.len());
        let texts: Vec<_> = (0..BATCH).map(|number| format!("{batch} {number}")).collect();
        let topic = format!("answers/{batch}");
        let properties = ["-D", "publish", "response-topic", &topic, "-D", "publish", "correlation-data", &batch];
        let properties = if self.version == Version::V5 { &properties[..] } else { &[] };
        watch::publish(self.broker.port, "board-7/command", qos, properties, &texts);
        if self.has_many_tasks {
            watch::publish(self.broker.port, "board-7/setting", qos, &[], &texts);
            watch::publish(self.broker.port, "board-7/news", 0, &[], &texts);
        }
        self.batches.push((batch, qos));
    }

    /// The answers to a batch among the `lines`.
    fn answers(&self, lines: &[String], batch: &str) -> Vec<String> {
        let prefix = match self.version {
            Version::V311 => format!("board-7/answer||{batch} "),
            Version::V5 => format!("answers/{batch}|{batch}|{batch} "), // the topic and the correlation data that were asked for
        };
        lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// The settings of a batch that were kept, among the `lines`.
    fn kept(lines: &[String], batch: &str) -> Vec<String> {
        let prefix = format!("board-7/kept||{batch} ");
        lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// Waits until each command sent so far was answered, and each setting kept.
    fn await_answers(&self) {
        for (batch, _) in self.batches.iter().filter(|_| self.has_many_tasks) {
            self.watcher.lines.wait_for(&format!("all settings of {batch}"), |lines| {
                Self::kept(lines, batch).iter().collect::<BTreeSet<_>>().len() == BATCH
            });
        }
        for (batch, _) in &self.batches {
            self.watcher.lines.wait_for(&format!("all answers to {batch}"), |lines| {
                self.answers(lines, batch).iter().collect::<BTreeSet<_>>().len() == BATCH
            });
        }
    }

    /// Waits until the board says that a link is over, and why, in a line that is not among the first `seen`.
    fn await_end_of_link(&self, seen: usize, error: Option<&str>) {
        self.board.console.wait_for("the end of the link", |lines| {
            lines[seen..].iter().any(|line| line.contains("is over: ") && line.contains(error.unwrap_or_default()))
        });
    }

    /// Waits for a link behind the first `links`, and until everything is answered on it.
    fn recover(&self, links: usize) {
        self.relay.await_link_after(links);
        self.await_new_readings();
        self.await_answers();
    }

    /// Waits for a few readings that are not there yet.
    fn await_new_readings(&self) {
        let topic = "board-7/reading/2";
        let before = self.watcher.payloads(topic).len();
        self.watcher.lines.wait_for("a reading", |lines| watch::payloads(lines, topic).len() > before + 2);
    }
}

/// The number at the start of a reading.
fn number(reading: &str) -> usize {
    let word = reading.split(' ').next().unwrap_or_default();
    word.parse().unwrap_or_else(|_| panic!("{reading:?} has no number"))
}
