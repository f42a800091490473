//! `mqtt` with several servers, as a list and as a cluster, and behind proxies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/program.rs"]
mod program;
#[path = "support/proxy.rs"]
mod proxy;

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use program::{call, closed_port, printed, run, start};
use proxy::{Kind, Proxy};
use pure_mqtt_test_broker::{Broker, Keep, Message};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn the_next_server_is_tried_when_one_is_down() {
    let (dead, broker) = (format!("mqtt://127.0.0.1:{}", closed_port()), Broker::start().unwrap());
    for more in [&[][..], &["--cluster"]] {
        let words = ["pub", "-L", &dead, "-L", &broker.url(), "-t", "a", "-q", "1", "-m", "x"];
        printed(run(call(&[&words[..], more].concat()), ""));
    }
    assert_eq!(broker.texts("a"), ["x", "x"]);
    assert!(broker.violations().is_empty(), "{:?}", broker.violations());
}

#[test]
fn lines_go_on_at_the_next_server_when_one_is_lost() {
    for more in [&[][..], &["--cluster", "--resume", "--id", "feeder"]] {
        let brokers = [Broker::start().unwrap(), Broker::start().unwrap()];
        let urls = brokers.each_ref().map(Broker::url);
        let words = ["pub", "-L", &urls[0], "-L", &urls[1], "-t", "a", "-q", "1", "-l", "--reconnect-delay", "0.05"];
        let mut child = start(call(&[&words[..], more].concat()));
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"1\n").unwrap();
        let has_come = |broker: &Broker, text| broker.texts("a").iter().any(|come| come == text);
        // A cluster is tried in a random order.
        let arrived = |text| brokers.iter().position(|broker| has_come(broker, text));
        let begin = std::time::Instant::now();
        let first = loop {
            if let Some(first) = arrived("1") {
                break first;
            }
            assert!(begin.elapsed() < PATIENCE, "the first line does not arrive");
            let _ = brokers[0].wait_for(Duration::from_millis(10), |_| false);
        };
        brokers[first].stop(Keep::Nothing);
        input.write_all(b"2\n").unwrap();
        drop(input);
        printed(child.wait_with_output().unwrap());
        assert!(has_come(&brokers[1 - first], "2"), "{more:?}");
    }
}

#[test]
fn a_subscriber_finds_the_next_server() {
    let brokers = [Broker::start().unwrap(), Broker::start().unwrap()];
    let urls = brokers.each_ref().map(Broker::url);
    let words = ["sub", "-L", &urls[0], "-L", &urls[1], "-t", "a", "-q", "1", "-C", "2", "-i", "reader"];
    let mut child = start(call(&[&words[..], &["--reconnect-delay", "0.05"]].concat()));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for (broker, text) in brokers.iter().zip(["one", "two"]) {
        broker.wait_for(PATIENCE, |seen| !seen.subscriptions("reader").is_empty()).unwrap();
        broker.publish(&Message::new("a", text).qos(1));
        assert_eq!(lines.next().unwrap().unwrap(), text);
        if text == "one" {
            broker.stop(Keep::Nothing);
        }
    }
    assert!(child.wait().unwrap().success());
}

#[test]
fn proxies_lead_to_the_server() {
    let broker = Broker::start().unwrap();
    for kind in [Kind::Http, Kind::Socks] {
        let proxy = Proxy::start(kind, broker.port());
        // The proxy looks the name up, not we.
        let words = ["pub", "-h", "broker.invalid", "-p", "1883", "--proxy", &proxy.url(), "-t", "a", "-m", "x"];
        printed(run(call(&[&words[..], &["-q", "1"]].concat()), ""));
        assert_eq!(proxy.asked_for(), ["broker.invalid:1883"], "{kind:?}");
    }
    assert_eq!(broker.texts("a"), ["x", "x"]);
}
