//! `mqtt` against mosquitto's own clients.

use std::fs;

use crate::server::Mosquitto;
use crate::tool::{mqtt, ours, printed, run, start, theirs};

/// Each version as we call it and as mosquitto's clients do.
const VERSIONS: [(&str, &str); 3] = [("3.1", "mqttv31"), ("3.1.1", "mqttv311"), ("5", "mqttv5")];

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn mosquitto_pub_reaches_our_subscriber() {
    let broker = Mosquitto::start();
    for (version, theirs_calls_it) in VERSIONS {
        for qos in 0..=2 {
            let id = format!("sub-{version}-{qos}");
            let line = format!("--version {version} --qos {qos} --id {id} --topic news/+ --verbose -C 2");
            let subscriber = start(ours(&broker, "sub", &line));
            broker.await_log(&format!("Sending SUBACK to {id}"));
            for text in ["first", "second"] {
                let line = format!("-V {theirs_calls_it} -q {qos} -t news/{text} -m {text}");
                printed(run(theirs(&broker, "mosquitto_pub", &line), ""));
            }
            let output = subscriber.wait_with_output().expect("the subscriber ends");
            assert_eq!(printed(output), "news/first first\nnews/second second\n", "{id}");
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn our_publisher_reaches_mosquitto_sub() {
    let broker = Mosquitto::start();
    for (version, theirs_calls_it) in VERSIONS {
        for qos in 0..=2 {
            let id = format!("sub-{version}-{qos}");
            let line = format!("-V {theirs_calls_it} -q {qos} -i {id} -t news -C 3 -W 20");
            let subscriber = start(theirs(&broker, "mosquitto_sub", &line));
            broker.await_log(&format!("Sending SUBACK to {id}"));
            let line = format!("--version {version} --qos {qos} --topic news");
            printed(run(ours(&broker, "pub", &format!("{line} --message one")), ""));
            printed(run(ours(&broker, "pub", &format!("{line} --lines")), "two\nthree\n"));
            let output = subscriber.wait_with_output().expect("the subscriber ends");
            assert_eq!(printed(output), "one\ntwo\nthree\n", "{id}");
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn payloads_come_from_files_and_from_the_standard_input() {
    let broker = Mosquitto::start();
    let file = std::env::temp_dir().join(format!("pure-mqtt-payload-{}", std::process::id()));
    fs::write(&file, "from a\nfile").expect("a file can be written");
    let mut publisher = ours(&broker, "pub", "--qos 1 --retain --topic a --file");
    publisher.arg(&file);
    printed(run(publisher, ""));
    printed(run(ours(&broker, "pub", "--qos 2 --retain --topic b --stdin"), "from the\nstandard input"));
    fs::remove_file(&file).expect("the file is ours");
    for (topic, expected) in [("a", "from a\nfile\n"), ("b", "from the\nstandard input\n")] {
        let output = run(ours(&broker, "sub", &format!("--topic {topic} --count 1")), "");
        assert_eq!(printed(output), expected);
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_long_input_arrives_whole() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_queued_messages 0\n");
    let input: String = (0..3000).map(|number| format!("line {number}\n")).collect();
    for qos in 0..=2 {
        let line = format!("--version 5 --qos {qos} --id sub-{qos} --topic long --count 3000");
        let subscriber = start(ours(&broker, "sub", &line));
        broker.await_log(&format!("Sending SUBACK to sub-{qos}"));
        let reader = std::thread::spawn(|| subscriber.wait_with_output().expect("the subscriber ends"));
        printed(run(ours(&broker, "pub", &format!("--qos {qos} --topic long --lines")), &input));
        assert_eq!(printed(reader.join().expect("the subscriber was read")), input);
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn messages_beyond_the_count_stay_with_the_session() {
    let broker = Mosquitto::start();
    for version in ["3.1", "3.1.1", "5"] {
        let subscribe = format!("--version {version} --id keeper-{version} --resume --qos 2 --topic kept --count 1");
        let subscriber = start(ours(&broker, "sub", &subscribe));
        broker.await_log(&format!("Sending SUBACK to keeper-{version}"));
        let publish = format!("--version {version} --qos 2 --topic kept --lines");
        printed(run(ours(&broker, "pub", &publish), "one\ntwo\nthree\n"));
        let output = subscriber.wait_with_output().expect("the subscriber ends");
        assert_eq!(printed(output), "one\n");
        for expected in ["two\n", "three\n"] {
            assert_eq!(printed(run(ours(&broker, "sub", &subscribe), "")), expected, "{version}");
        }
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_subscriber_finds_its_way_back() {
    for (version, _) in VERSIONS {
        let broker = Mosquitto::start();
        let line = format!("--version {version} --qos 1 --id patient --topic news --count 2");
        let subscriber = start(ours(&broker, "sub", &line));
        broker.await_log("Sending SUBACK to patient");
        printed(run(ours(&broker, "pub", "--qos 1 --topic news --message before"), ""));
        broker.await_log("Received PUBACK from patient");
        let broker = broker.restart();
        broker.await_log("Sending SUBACK to patient");
        printed(run(ours(&broker, "pub", "--qos 1 --topic news --message after"), ""));
        let output = subscriber.wait_with_output().expect("the subscriber ends");
        assert_eq!(printed(output), "before\nafter\n");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn failures_have_a_sentence_and_an_exit_code() {
    let broker = Mosquitto::with_user("ada", "lovelace");
    for (command, line, code, sentence) in [
        ("pub", "--topic a --message x --user ada --password lovelace", 0, ""),
        ("pub", "--topic a --message x --user ada --password byron", 3, "refused the connection: 0x87 Not authorized"),
        ("pub", "--topic a --message x", 3, "hint: set --user and --password, or MQTT_USER and MQTT_PASSWORD"),
        ("sub", "--topic a --version 5", 3, "refused the connection: 0x87 Not authorized"),
        ("sub", "--topic a --user ada --password lovelace --timeout 0", 4, "the time of --timeout has passed"),
        (
            "request",
            "--topic a --message x --user ada --password lovelace --timeout 0.2",
            4,
            "the time of --timeout has passed",
        ),
        ("sub", "--topic a --host host.invalid", 1, "cannot connect to mqtt://host.invalid:"),
    ] {
        let output = run(ours(&broker, command, line), "");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command} {line}: {errors}");
        assert!(errors.contains(sentence), "{command} {line}: {errors}");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn the_environment_says_who_and_where() {
    let broker = Mosquitto::with_user("ada", "lovelace");
    let mut publisher = mqtt();
    publisher.args(["pub", "--topic", "a", "--message", "x", "--qos", "1", "--timeout", "20"]);
    publisher.env("MQTT_HOST", "127.0.0.1").env("MQTT_PORT", broker.port.to_string());
    publisher.env("MQTT_USER", "ada").env("MQTT_PASSWORD", "lovelace");
    assert_eq!(printed(run(publisher, "")), "");
    broker.await_log("Received PUBLISH");
}
