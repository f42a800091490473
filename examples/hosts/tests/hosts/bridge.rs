//! The host `bridge`: what one broker has the other one gets, whichever of them is
//! restarted.

use std::collections::HashSet;

use crate::brokers::{Folder, client, lasting};
use crate::program::Program;
use crate::server::Mosquitto;

const BRIDGE: &str = env!("CARGO_BIN_EXE_bridge");
const STATION: &str = env!("CARGO_BIN_EXE_tcp");

/// A broker that can be restarted.
struct Broker {
    running: Option<Mosquitto>,
    config: String,
    _folder: Folder,
}

impl Broker {
    fn start() -> Self {
        let folder = Folder::new();
        let config = lasting(&folder, "");
        Self { running: Some(Mosquitto::with(&config)), config, _folder: folder }
    }

    fn get(&self) -> &Mosquitto {
        self.running.as_ref().expect("it runs")
    }

    fn restart(&mut self) {
        self.running =
            self.running.take().map(|broker| broker.restart_in_order(&self.config));
    }

    /// Runs one of mosquitto's clients to its end.
    fn run(&self, program: &str, arguments: &str, input: &str) {
        Program::run(client(self.get(), program, arguments), input);
    }

    /// Has the broker keep all messages to `topic` for a subscriber that is away.
    fn keep(&self, topic: &str) {
        self.run("mosquitto_sub", &format!("-i judge -c -q 2 -t {topic} -E"), "");
    }

    /// What was kept, up to the payload `end`.
    fn kept(&self, topic: &str) -> Vec<String> {
        let judge =
            client(self.get(), "mosquitto_sub", &format!("-i judge -c -q 2 -t {topic}"));
        Program::start(judge).lines_until("end")
    }
}

/// A bridge that is subscribed on both sides, and knows it.
fn start(left: &Broker, right: &Broker, id: &str, rest: &str) -> Program {
    let bridge = Program::host(BRIDGE, &arguments(left, right, id, rest));
    for broker in [left, right] {
        broker.get().await_log(&format!("Sending SUBACK to {id}"));
    }
    bridge
}

fn arguments(left: &Broker, right: &Broker, id: &str, rest: &str) -> String {
    format!(
        "--left {} --right {} --id {id} {rest}",
        left.get().address(),
        right.get().address()
    )
}

#[test]
fn a_message_arrives_under_its_other_name_with_all_it_has() {
    let (left, right) = (Broker::start(), Broker::start());
    let bridge = start(
        &left,
        &right,
        "bridge",
        "--out plant/# --in set/# --left-prefix here/ --right-prefix site-7/",
    );
    let format = "-V mqttv5 -q 2 -C 1 -F %t|%q|%r|%p|%C|%P";
    for (qos, from, topic, to, expected) in [
        (0, &left, "here/plant/boiler", &right, "site-7/plant/boiler"),
        (1, &right, "site-7/set/valve", &left, "here/set/valve"),
        (2, &left, "here/plant/a/b", &right, "site-7/plant/a/b"),
    ] {
        let reader = Program::start(client(
            to.get(),
            "mosquitto_sub",
            &format!("-i reader-{qos} -t # {format}"),
        ));
        to.get().await_log(&format!("Sending SUBACK to reader-{qos}"));
        let properties =
            "-V mqttv5 -D publish content-type text -D publish user-property origin lab";
        from.run(
            "mosquitto_pub",
            &format!("-t {topic} -q {qos} -m 71.5 {properties}"),
            "",
        );
        let heard = reader.finish().well();
        assert_eq!(
            heard,
            [format!("{expected}|{qos}|0|71.5|text|origin:lab bridge:bridge")]
        );
    }
    left.run("mosquitto_pub", "-t here/plant/name -q 1 -r -m kiln", "");
    right.get().await_log("q1, r1, m");
    bridge.terminate();
    bridge.finish().well();
    let reader =
        Program::run(client(right.get(), "mosquitto_sub", &format!("-t # {format}")), "");
    assert_eq!(
        reader,
        ["site-7/plant/name|1|1|kiln||bridge:bridge"],
        "the other broker keeps it as well"
    );
}

/// While stations publish on both sides one broker is restarted, and then the other. What
/// arrived on the right, what on the left, and what was published.
fn carries_over_restarts(qos: u8) -> [Vec<String>; 3] {
    let (mut left, mut right) = (Broker::start(), Broker::start());
    let bridge = start(
        &left,
        &right,
        "bridge",
        &format!("--out up/# --in down/# --right-prefix site/ --qos {qos}"),
    );
    right.keep("site/up/x");
    left.keep("down/x");
    let stations = [(&left, "up/x"), (&right, "site/down/x")].map(|(broker, topic)| {
        let rest =
            format!("--id station --topic {topic} --qos {qos} --count 1500 --every 1");
        Program::host(STATION, &format!("--broker {} {rest}", broker.get().address()))
    });
    right.get().await_log_count("Received PUBLISH from bridge", 300);
    right.restart();
    right.get().await_log_count("Received PUBLISH from bridge", 300);
    left.restart();
    left.get().await_log("Sending PUBLISH to bridge"); // there was more to carry
    for station in stations {
        station.finish().well();
    }
    left.run("mosquitto_pub", &format!("-t up/x -q {qos} -m end"), "");
    right.run("mosquitto_pub", &format!("-t site/down/x -q {qos} -m end"), "");
    let published = (1..=1500).map(|number| number.to_string()).collect();
    let arrived = [right.kept("site/up/x"), left.kept("down/x"), published];
    bridge.terminate();
    let ended = bridge.finish();
    for side in ["left", "right"] {
        let sentence = format!("bridge: {side}: ");
        assert!(
            ended.errors.contains(&sentence),
            "the bridge never lost its {side} broker: {}",
            ended.errors
        );
    }
    ended.well();
    arrived
}

#[track_caller]
fn are_same(arrived: &[String], published: &[String]) {
    let wrong =
        arrived.iter().zip(published).find(|(arrived, published)| arrived != published);
    assert_eq!(
        (wrong, arrived.len()),
        (None, published.len()),
        "the first that is not as it was sent, and how many arrived"
    );
}

#[test]
fn at_qos_2_nothing_is_lost_or_doubled_over_restarts() {
    let [up, down, published] = carries_over_restarts(2);
    are_same(&up, &published);
    are_same(&down, &published);
}

#[test]
fn at_qos_1_nothing_is_lost_over_restarts() {
    let [up, down, published] = carries_over_restarts(1);
    for arrived in [up, down] {
        let mut seen = HashSet::new();
        let first: Vec<_> =
            arrived.into_iter().filter(|line| seen.insert(line.clone())).collect();
        are_same(&first, &published);
    }
}

/// While one broker is deaf the other one hears no acknowledgement, and so it still has
/// everything when the bridge is killed.
#[test]
fn what_the_other_side_has_not_taken_is_not_acknowledged() {
    let (left, right) = (Broker::start(), Broker::start());
    right.keep("up/x");
    let bridge = start(&left, &right, "bridge", "--out up/# --in down/#");
    right.get().signal("STOP");
    let messages: Vec<String> =
        (1..=30).map(|number| format!("message {number}")).collect();
    left.run("mosquitto_pub", "-t up/x -q 1 -l", &(messages.join("\n") + "\n"));
    left.get().await_log_count("Sending PUBLISH to bridge", 20); // as many as may be on their way
    left.run("mosquitto_pub", "-i other -t other -q 1 -m x", "");
    assert_eq!(left.get().logged("Received PUBACK from bridge"), 0);
    drop(bridge); // killed
    right.get().signal("CONT");
    let bridge = Program::host(
        BRIDGE,
        &arguments(&left, &right, "bridge", "--out up/# --in down/#"),
    );
    left.get().await_log_count("Received PUBACK from bridge", 30);
    right.run("mosquitto_pub", "-t up/x -q 1 -m end", "");
    let mut seen = HashSet::new();
    let arrived: Vec<_> =
        right.kept("up/x").into_iter().filter(|line| seen.insert(line.clone())).collect();
    are_same(&arrived, &messages);
    bridge.terminate();
    bridge.finish().well();
}

/// Between two brokers with two bridges a message could go round for ever. Each bridge
/// carries it once in each direction: the second time it knows it.
#[test]
fn two_bridges_are_no_circle() {
    let (left, right) = (Broker::start(), Broker::start());
    let bridges = ["one", "two"].map(|id| start(&left, &right, id, "--out a/# --in a/#"));
    left.run("mosquitto_pub", "-t a/b -q 2 -m x", "");
    for id in ["one", "two"] {
        // The message itself, and what the other bridge has brought back: this is
        // acknowledged when it is clear that it goes no further.
        left.get().await_log_count(&format!("Received PUBCOMP from {id}"), 2);
        right.get().await_log_count(&format!("Received PUBCOMP from {id}"), 1);
    }
    for bridge in bridges {
        bridge.terminate();
        bridge.finish().well();
    }
    for id in ["one", "two"] {
        for broker in [&left, &right] {
            assert_eq!(
                broker.get().logged(&format!("Received PUBLISH from {id}")),
                1,
                "{id}"
            );
        }
    }
}

#[test]
fn a_wrong_command_line_gets_a_sentence() {
    for (arguments, sentence) in [
        ("", "say what to carry with --out or --in"),
        ("--out a/#/b", "\"a/#/b\" cannot be used: a wildcard stands where it may not"),
        ("--out a --left-prefix +/", "\"+/\" cannot be used: "),
        ("--out a --qos 3", "the levels are 0, 1 and 2"),
    ] {
        let ended = Program::host(BRIDGE, arguments).finish();
        assert_eq!(ended.code, Some(2), "{arguments}");
        assert!(ended.errors.contains(sentence), "{arguments}: {}", ended.errors);
    }
}
