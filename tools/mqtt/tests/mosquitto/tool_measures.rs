//! `mqtt bench`.

use serde_json::Value;

use crate::server::Mosquitto;
use crate::tool::{ours, printed, run};
use crate::tool_formats::objects;

fn number(object: &Value, name: &str) -> f64 {
    object.get(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("{name} is missing in {object}"))
}

fn all<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object.get("type").is_some_and(|value| value == kind)).collect()
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn each_round_is_measured_and_the_median_is_one_of_them() {
    let broker = Mosquitto::start();
    for version in ["3.1", "3.1.1", "5"] {
        let line = format!("--version {version} --messages 200 --rounds 3 --size 16 --format json");
        let objects = objects(run(ours(&broker, "bench", &line), ""));
        let (rounds, medians) = (all(&objects, "round"), all(&objects, "median"));
        assert_eq!((rounds.len(), medians.len()), (9, 3), "{version}");
        for (qos, median) in medians.into_iter().enumerate() {
            let of_level = |round: &&&Value| number(round, "qos") == qos as f64;
            for name in ["messages_per_second", "processor_us_per_message"] {
                let mut values: Vec<_> = rounds.iter().filter(of_level).map(|round| number(round, name)).collect();
                values.sort_by(f64::total_cmp);
                assert!(values.iter().all(|value| *value > 0.0), "{version}: {values:?}");
                assert_eq!(values.get(1), Some(&number(median, name)), "{version}: {median}");
            }
        }
        let result = objects.last().expect("there is a result");
        assert_eq!((number(result, "messages"), number(result, "exit")), (1800.0, 0.0), "{version}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn every_measured_message_went_there_and_back() {
    let broker = Mosquitto::start();
    let line = "--messages 100 --rounds 1 --qos 1 --window 7 --id bencher";
    let text = printed(run(ours(&broker, "bench", line), ""));
    assert!(text.starts_with("100 messages of 64 bytes to the server and back, at most 7 in flight"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
    for words in ["Received PUBLISH from bencher", "Sending PUBLISH to bencher"] {
        assert_eq!(broker.logged(words), 200, "{words}, with the round that warms up");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn what_the_broker_delivers_otherwise_is_not_measured() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_qos 1\n");
    let output = run(ours(&broker, "bench", "--messages 10 --qos 2"), "");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(output.stdout.is_empty(), "{errors}");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn many_connections_are_made_and_measured() {
    let broker = Mosquitto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("latency.svg");
    let line = format!("--connections 100 -q 1 -n 1000 --rounds 1 --format json --plot {}", picture.display());
    let objects = objects(run(ours(&broker, "bench", &line), ""));
    let connections = all(&objects, "connections");
    assert_eq!(number(connections[0], "count"), 100.0);
    assert!(number(connections[0], "connect_p50_us") > 0.0);
    let median = all(&objects, "median");
    let [p50, p99, max] = ["latency_p50_us", "latency_p99_us", "latency_max_us"].map(|name| number(median[0], name));
    assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{median:?}");
    let text = std::fs::read_to_string(picture).expect("the picture is there");
    assert!(text.contains("</svg>") && text.contains("QoS 1"), "{text}");
}
