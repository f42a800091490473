//! Every row of the engine's table of tolerances, in every version and on every packet that shows it: tolerated and counted by default, the end of the
//! link in strict mode. What is expected is read from `docs/tolerances.md`.

use pure_mqtt_client::pure_mqtt::{Limits, QoS, Version};
use pure_mqtt_client::{Client, LinkEnd, Options};
use pure_mqtt_test_broker::{self as broker, Act, Broker, Message, Oddity, Packet, When};

use crate::rig::{CLIENT, Rig, options, until};
use crate::support::{PATIENCE, Told};

/// A row as the page has it.
struct Row {
    oddity: Oddity,
    /// The field of the engine's `Stats`.
    count: &'static str,
    /// The error in strict mode, and its reason code.
    fault: &'static str,
    code: &'static str,
}

fn rows() -> Vec<Row> {
    let page = include_str!("../../../../docs/tolerances.md");
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| row"));
    lines.map(row).collect()
}

fn row(line: &'static str) -> Row {
    let cells: Vec<&'static str> = line.split('|').map(str::trim).collect();
    let named = |oddity: &&Oddity| oddity.to_string() == cells[1];
    let oddity = *Oddity::ALL.iter().find(named).unwrap_or_else(|| panic!("{} can't be scripted", cells[1]));
    let versions = oddity.versions().iter().map(|version| shown(ours(*version))).collect::<Vec<_>>().join(", ");
    assert_eq!(if versions == "3.1, 3.1.1, 5.0" { "all" } else { &versions }, cells[2], "{oddity}");
    // The client says in its own words which kind of fault it is.
    let (_, fault) = cells[6].strip_suffix(')').unwrap().split_once(": ").unwrap();
    let (fault, code) = fault.split_once(" (").unwrap();
    Row { oddity, count: cells[5].trim_matches('`'), fault, code }
}

fn ours(version: broker::Version) -> Version {
    match version {
        broker::Version::V31 => Version::V31,
        broker::Version::V311 => Version::V311,
        broker::Version::V5 => Version::V5,
    }
}

fn shown(version: Version) -> String {
    version.to_string()
}

#[test]
fn every_row_of_the_page_can_be_scripted_and_nothing_else() {
    assert_eq!(rows().len(), Oddity::ALL.len());
}

/// All that a session has, so that each packet comes once or more.
fn live(broker: &Broker, rig: &Rig) {
    rig.client.subscribe("in", QoS::ExactlyOnce).unwrap();
    rig.client.subscribe("other", QoS::AtLeastOnce).unwrap();
    rig.ear.until(|told| told.subscribed.len() == 2 || has_ended(told));
    let _ = rig.client.unsubscribe("other"); // refused if it isn't there
    rig.publish("1", QoS::AtLeastOnce);
    rig.publish("2", QoS::ExactlyOnce);
    broker.publish(&Message::new("in", "0"));
    broker.publish(&Message::new("in", "2").qos(2));
}

fn has_ended(told: &Told) -> bool {
    !told.ends.is_empty() || !told.failures.is_empty()
}

fn count(client: &Client, name: &str) -> bool {
    let stats = format!("{:?}", client.stats().engine);
    let (_, behind) = stats.split_once(&format!("{name}: ")).unwrap_or_else(|| panic!("no {name} in {stats}"));
    !behind.starts_with('0')
}

fn each(test: impl Fn(&Row, Packet, Version)) {
    for row in rows() {
        for version in row.oddity.versions() {
            for packet in row.oddity.packets() {
                let only_suback = row.oddity == Oddity::UnlistedReason && *version != broker::Version::V5;
                if !only_suback || *packet == Packet::SubAck {
                    test(&row, *packet, ours(*version));
                }
            }
        }
    }
}

fn start(row: &Row, packet: Packet, options: Options) -> (Broker, Rig) {
    let broker = Broker::start().unwrap();
    broker.script(When::sends(packet).nth(1), Act::Odd(row.oddity));
    let rig = Rig::start(&broker, options.reconnect_on_failure(false));
    live(&broker, &rig);
    if packet == Packet::Disconnect {
        broker.disconnect(CLIENT, 0x8B);
    }
    (broker, rig)
}

#[test]
fn by_default_each_is_tolerated_and_counted() {
    each(|row, packet, version| {
        let (broker, rig) = start(row, packet, options(version));
        let what = format!("{} on {packet} in {version}", row.oddity);
        let bound = std::time::Instant::now() + PATIENCE;
        while !count(&rig.client, row.count) {
            assert!(std::time::Instant::now() < bound, "{what} is not counted\n{}", broker.log());
            std::thread::yield_now();
        }
        if packet == Packet::Disconnect {
            rig.ear
                .until(|told| matches!(told.ends[..], [LinkEnd::ServerDisconnect { reason, .. }] if reason.0 == 0xFF));
            return;
        }
        rig.deliver("after", QoS::AtLeastOnce);
        assert!(rig.ear.told().ends.is_empty(), "{what}: {:?}", rig.ear.told().ends);
        assert_eq!(broker.texts("out"), ["1", "2", "after"], "{what}: nothing lost, nothing doubled\n{}", broker.log());
        assert_eq!(broker.violations(), [] as [&str; 0], "{what}");
    });
}

#[test]
fn strictly_each_ends_the_link() {
    let strict = Limits { strict: true, ..Limits::DEFAULT };
    each(|row, packet, version| {
        let (broker, rig) = start(row, packet, options(version).limits(strict));
        let what = format!("{} on {packet} in {version}", row.oddity);
        let told = rig.ear.once(has_ended);
        let end = told.ends.first().map(ToString::to_string);
        let end = end.or(told.failures.first().map(ToString::to_string)).unwrap();
        assert!(end.contains(row.fault), "{what}: {end:?} and not {:?}\n{}", row.fault, broker.log());
        // After DISCONNECT the broker has closed.
        if version == Version::V5 && packet != Packet::Disconnect {
            let farewell = format!("DISCONNECT {}", row.code.to_lowercase());
            until(&broker, |seen| seen.log().iter().any(|line| line.text.starts_with(&farewell)));
        }
    });
}

/// The README has a table of them.
#[test]
fn the_readme_names_each_in_its_versions() {
    let page = include_str!("../../README.md");
    let named: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")).collect();
    for oddity in Oddity::ALL {
        let versions: Vec<_> = oddity.versions().iter().map(|version| shown(ours(*version))).collect();
        let versions = if versions.len() == 3 { "all".into() } else { versions.join(", ") };
        let is_it =
            |(name, rest): &(&str, &str)| *name == oddity.to_string() && rest.starts_with(&format!("{versions} |"));
        assert!(named.iter().any(is_it), "{oddity}");
    }
}
