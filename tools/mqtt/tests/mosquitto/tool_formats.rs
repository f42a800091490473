//! How `mqtt sub` shows messages, and what `mqtt pub` and `mqtt request` put into them.

use std::process::Output;

use serde_json::{Value, json};

use crate::server::Mosquitto;
use crate::tool::{ours, printed, run, start, theirs};

/// Every property that a message may have.
const THEIR_PROPERTIES: &str = "-D publish user-property unit celsius -D publish user-property unit kelvin \
     -D publish content-type text/plain -D publish response-topic answers -D publish correlation-data seven \
     -D publish message-expiry-interval 600";
const OUR_PROPERTIES: &str = "--version 5 -D unit=celsius -D unit=kelvin --content-type text/plain \
     --response-topic answers --correlation seven --expiry 600 --utf8";

/// The objects that a program printed, one a line.
pub fn objects(output: Output) -> Vec<Value> {
    printed(output).lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
}

/// Takes a field that differs from run to run out of an object.
fn take(object: &mut Value, name: &str) -> Value {
    object.as_object_mut().and_then(|fields| fields.remove(name)).unwrap_or_else(|| panic!("{name} is missing"))
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn json_has_everything_that_a_message_has() {
    let broker = Mosquitto::start();
    let publish = format!("-V mqttv5 -q 1 -r -t plant/boiler -s {THEIR_PROPERTIES}");
    printed(run(theirs(&broker, "mosquitto_pub", &publish), "a \"quoted\"\nline\u{1}"));
    let line = "--version 5 --qos 1 --topic plant/# --count 1 --format json";
    let mut objects = objects(run(ours(&broker, "sub", line), ""));
    let message = objects.first_mut().expect("there is a message");
    assert!(take(message, "time_ms").as_u64().is_some_and(|time| time > 1_700_000_000_000), "{message}");
    assert!(take(message, "time").as_str().is_some_and(|time| time.ends_with('Z')), "{message}");
    assert!(take(message, "expiry").as_u64().is_some_and(|seconds| seconds <= 600), "{message}");
    let expected = [
        json!({
            "type": "message", "topic": "plant/boiler", "payload": "a \"quoted\"\nline\u{1}", "length": 16, "qos": 1,
            "retain": true, "dup": false, "content_type": "text/plain", "response_topic": "answers",
            "correlation": "seven", "user_properties": [["unit", "celsius"], ["unit", "kelvin"]],
        }),
        json!({ "type": "result", "command": "sub", "messages": 1, "unfinished": 0, "exit": 0 }),
    ];
    assert_eq!(objects, expected);
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn json_shows_bytes_that_are_no_text_in_hexadecimal() {
    let broker = Mosquitto::start();
    let file = std::env::temp_dir().join(format!("pure-mqtt-bytes-{}", std::process::id()));
    std::fs::write(&file, [0xFF, 0, 0x61]).expect("a file can be written");
    let mut publisher = ours(&broker, "pub", "--topic raw --retain --qos 1 --format json --file");
    let published = objects(run(
        {
            publisher.arg(&file);
            publisher
        },
        "",
    ));
    std::fs::remove_file(&file).expect("the file is ours");
    assert_eq!(published, [json!({ "type": "result", "command": "pub", "messages": 1, "unfinished": 0, "exit": 0 })]);
    let mut received = objects(run(ours(&broker, "sub", "--topic raw --count 1 --format json"), ""));
    let message = received.first_mut().expect("there is a message");
    assert_eq!(take(message, "payload_hex"), "ff0061");
    assert_eq!(message.get("payload"), None);
    let template = run(ours(&broker, "sub", "--topic raw --count 1 --format %x,%l"), "");
    assert_eq!(printed(template), "ff0061,3\n");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn our_properties_reach_mosquitto_sub_and_our_templates() {
    let broker = Mosquitto::start();
    let publish = format!("--topic plant --message 71 --retain --qos 1 {OUR_PROPERTIES}");
    printed(run(ours(&broker, "pub", &publish), ""));
    let line = "-V mqttv5 -t plant -C 1 -W 20 -F %C|%D|%P|%R|%F|%p";
    let theirs = printed(run(theirs(&broker, "mosquitto_sub", line), ""));
    assert_eq!(theirs, "text/plain|seven|unit:celsius unit:kelvin|answers|1|71\n");
    let line = "--version 5 --topic plant --count 1 --format %C|%D|%P|%R|%t|%p|%q|%r|%%\\t\\\\";
    let ours = printed(run(ours(&broker, "sub", line), ""));
    assert_eq!(ours, "text/plain|seven|unit=celsius unit=kelvin|answers|plant|71|0|1|%\t\\\n");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_message_may_be_published_several_times() {
    let broker = Mosquitto::start();
    let subscriber = start(ours(&broker, "sub", "--topic many --qos 2 --count 250 --id many --progress"));
    broker.await_log("Sending SUBACK to many");
    let output = run(ours(&broker, "pub", "--topic many --message x --qos 2 --count 250 --progress"), "");
    assert!(output.stderr.is_empty(), "a progress bar is drawn where there is no terminal");
    assert_eq!(printed(output), "");
    assert_eq!(printed(subscriber.wait_with_output().expect("the subscriber ends")), "x\n".repeat(250));
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn retained_messages_can_be_left_out() {
    let broker = Mosquitto::start();
    printed(run(ours(&broker, "pub", "--topic a --message old --retain --qos 1"), ""));
    let subscriber = start(ours(&broker, "sub", "--version 5 --topic a --retained never --count 1 --id fresh"));
    broker.await_log("Sending SUBACK to fresh");
    printed(run(ours(&broker, "pub", "--topic a --message new --qos 1"), ""));
    assert_eq!(printed(subscriber.wait_with_output().expect("the subscriber ends")), "new\n");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_request_gets_its_own_answer() {
    let broker = Mosquitto::start();
    let service = start(ours(&broker, "sub", "--version 5 --topic ask --id service --count 1 --format %R|%D|%p"));
    broker.await_log("Sending SUBACK to service");
    let asker = start(ours(&broker, "request", "--topic ask --message 6*7 --format json"));
    let request = printed(service.wait_with_output().expect("the service ends"));
    let [topic, correlation, question] = *request.trim_end().split('|').collect::<Vec<_>>() else {
        panic!("{request} is no request")
    };
    assert_eq!(question, "6*7");
    for (correlation, answer) in [("another", "41"), (correlation, "42")] {
        let line = format!("--version 5 --topic {topic} --message {answer} --correlation {correlation} --qos 1");
        printed(run(ours(&broker, "pub", &line), ""));
    }
    let objects = objects(asker.wait_with_output().expect("the asker ends"));
    let payloads: Vec<_> = objects.iter().filter_map(|object| object.get("payload")).collect();
    assert_eq!(payloads, ["42"]);
}

/// A binary payload comes byte for byte; `-N` takes the end of the line away from text too.
#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_binary_payload_is_printed_byte_for_byte() {
    let broker = Mosquitto::start();
    let bytes = [0xFF, 0, b'\n', 0x80, b'\r', b'\n'];
    printed(run(ours(&broker, "pub", "-t bytes -m ff000a800d0a --encoding hex -r -q 1"), ""));
    printed(run(ours(&broker, "pub", "-t text -m dGV4dA== --encoding base64 -r -q 1"), ""));
    for (line, expected) in [
        ("-t bytes", &bytes[..]),
        ("-t bytes --raw", &bytes),
        ("-t bytes -F raw", &bytes),
        ("-t bytes -N -F %p", &bytes),
        ("-t bytes -F hex", b"ff000a800d0a\n"),
        ("-t bytes -F base64", b"/wAKgA0K\n"),
        ("-t text", b"text\n"),
        ("-t text -N", b"text"),
        ("-t text --raw", b"text"),
    ] {
        let output = run(ours(&broker, "sub", &format!("-C 1 {line}")), "");
        assert_eq!(output.stdout, expected, "{line}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn messages_are_filtered_out_and_kept_ones_forgotten() {
    let broker = Mosquitto::start();
    for topic in ["plant/a", "plant/b", "plant/test"] {
        printed(run(ours(&broker, "pub", &format!("-t {topic} -m {topic} -r -q 1")), ""));
    }
    let retained = run(ours(&broker, "sub", "-t plant/+ -T plant/test -C 2"), "");
    let mut lines: Vec<_> = printed(retained).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["plant/a", "plant/b"]);
    let removed = run(ours(&broker, "sub", "-t plant/+ -T plant/test -q 1 --retained-only --remove-retained -C 2"), "");
    assert_eq!(printed(removed).lines().count(), 2);
    assert_eq!(printed(run(ours(&broker, "sub", "-t plant/+ -C 1"), "")), "plant/test\n");
    let fresh = start(ours(&broker, "sub", "-t plant/+ -R -C 1 -i fresh"));
    broker.await_log("Sending SUBACK to fresh");
    printed(run(ours(&broker, "pub", "-t plant/c -m new -q 1"), ""));
    assert_eq!(printed(fresh.wait_with_output().expect("the subscriber ends")), "new\n");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn pretty_shows_json_as_json() {
    let broker = Mosquitto::start();
    printed(run(ours(&broker, "pub", "-t a -m {\"level\":[1,2]} -r -q 1"), ""));
    let text = printed(run(ours(&broker, "sub", "-t a -C 1 --pretty"), ""));
    let object: Value = serde_json::from_str(&text).expect("an object");
    assert_eq!(object.get("payload"), Some(&json!({ "level": [1, 2] })));
    assert!(text.lines().count() > 5, "{text}");
}
