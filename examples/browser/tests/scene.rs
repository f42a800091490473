//! The page in a real browser, against a real mosquitto: it plays its scene, and what it
//! shows then is what MQTT promises.
//!
//! Needs mosquitto, chromium, its driver, and the target wasm32-unknown-unknown; `cargo
//! xtask test --only mosquitto --only examples/browser` brings them.
//! With `PURE_MQTT_WRITE=1` the screenshot goes to `docs/browser.png`.

mod support;

use serde_json::{Value, json};
use support::broker::Broker;
use support::driver::Browser;
use support::{files, module};

const OVER: &str = "the scene is over";

#[test]
fn messages_get_through_once_over_a_cut() {
    let broker = Broker::start();
    let address = files::serve(module::build());
    let mut browser = Browser::start();
    browser
        .visit(&format!("http://{address}/?scene&broker=ws://127.0.0.1:{}", broker.port));

    let report = browser.wait_for_report(OVER);

    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(
        (&report["state"], &report["session"]),
        (&json!("Connected"), &json!("resumed"))
    );
    assert_eq!((&report["links"], &report["pending"]), (&json!(2), &json!(0)));
    assert_eq!(received(&report), ["demo/0", "demo/1", "demo/2", "demo/3"]);
    let messages = report["messages"].as_array().expect("a list");
    assert!(
        messages.len() == 4 && messages.iter().all(|message| message["stage"] == "done"),
        "{messages:?}"
    );
    // The one that was cut was sent again as what it was.
    let again = said(&report, "out")
        .into_iter()
        .filter(|line| line.contains("DUP demo/2"))
        .count();
    assert_eq!(again, 1, "{report:#}");
    assert_eq!(
        said(&report, "in").iter().filter(|line| line.starts_with("CONNACK")).count(),
        2
    );

    if std::env::var_os("PURE_MQTT_WRITE").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/browser.png");
        std::fs::write(file, browser.screenshot())
            .expect("the screenshot can be written");
    }
}

fn received(report: &Value) -> Vec<&str> {
    let mut topics: Vec<_> = report["received"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|message| message["topic"].as_str())
        .collect();
    topics.sort_unstable();
    topics
}

/// The packets that went one way.
fn said<'r>(report: &'r Value, way: &str) -> Vec<&'r str> {
    let lines = report["conversation"].as_array().expect("a list").iter();
    lines
        .filter(|line| line["way"] == way)
        .filter_map(|line| line["text"].as_str())
        .collect()
}
