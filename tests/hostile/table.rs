//! What a line of the table says, and how it is played.

use crate::rig::{Played, Rig, busy_with, message};
use pure_mqtt::{ConnectionError, Received, State, Version};

/// One bad input.
pub struct Row {
    pub label: &'static str,
    pub versions: &'static [Version],
    pub setup: fn(Version) -> Rig,
    pub bytes: Vec<u8>,
    pub expected: Expected,
}

/// What becomes of it.
#[derive(Clone)]
pub enum Expected {
    /// The link ends with this error, and in 5.0 with a DISCONNECT with this code if the link was up.
    Close(ConnectionError, u8),
    /// The link goes on after these events, and this is sent.
    Accept(Vec<&'static str>, Vec<u8>),
    /// The server ended the link: this event, and from then on this error; nothing is sent.
    End(&'static str, ConnectionError),
}

pub fn close(
    label: &'static str,
    versions: &'static [Version],
    setup: fn(Version) -> Rig,
    bytes: impl AsRef<[u8]>,
    error: impl Into<ConnectionError>,
    code: u8,
) -> Row {
    let expected = Expected::Close(error.into(), code);
    Row { label, versions, setup, bytes: bytes.as_ref().to_vec(), expected }
}

pub fn accept(
    label: &'static str,
    versions: &'static [Version],
    setup: fn(Version) -> Rig,
    bytes: impl AsRef<[u8]>,
    told: &[&'static str],
    sent: impl AsRef<[u8]>,
) -> Row {
    let expected = Expected::Accept(told.to_vec(), sent.as_ref().to_vec());
    Row { label, versions, setup, bytes: bytes.as_ref().to_vec(), expected }
}

pub fn end(
    label: &'static str,
    versions: &'static [Version],
    setup: fn(Version) -> Rig,
    bytes: impl AsRef<[u8]>,
    told: &'static str,
    error: ConnectionError,
) -> Row {
    Row { label, versions, setup, bytes: bytes.as_ref().to_vec(), expected: Expected::End(told, error) }
}

/// How the bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Whole,
    Bytewise,
    /// In one piece, with a good message behind.
    Followed,
}

pub const WAYS: [Way; 3] = [Way::Whole, Way::Bytewise, Way::Followed];
const BEHIND: &str = "Message \"behind\" \"!\" q0 0";

/// Plays all rows in all versions and all ways, and reports all that fail.
pub fn run(rows: Vec<Row>) {
    if let Some(file) = std::env::var_os("PURE_MQTT_VECTORS") {
        export(&rows, file);
    }
    let mut failures = Vec::new();
    for row in &rows {
        for version in row.versions {
            for way in WAYS {
                let result = std::panic::catch_unwind(|| check(row, *version, way));
                if result.is_err() {
                    failures.push(format!(
                        "{} {version:?} {way:?} {:02X?}",
                        row.label,
                        &row.bytes[..row.bytes.len().min(40)]
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Appends the inputs to a file, for the firmware that plays them too: see `no_std-example/hostile`. Inputs too long for a board stay out.
fn export(rows: &[Row], file: std::ffi::OsString) {
    use std::fmt::Write as _;
    use std::io::Write as _;
    let mut lines = String::new();
    for row in rows.iter().filter(|row| row.bytes.len() <= 400) {
        let hex: String = row.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        row.versions.iter().for_each(|version| writeln!(lines, "{version:?} {hex}").unwrap());
    }
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

fn check(row: &Row, version: Version, way: Way) {
    let before = (row.setup)(version);
    let (after, played) = play(&before, &row.bytes, way);
    match &row.expected {
        Expected::Close(error, code) => {
            assert_eq!(played.end, Some(*error), "{played:?}");
            assert_eq!(error.reason().0, *code);
            check_closed(&before, after, &played, *code);
            if before.mqtt.state() == State::Connecting && !before.held && row.label != "H26" {
                // The same while a session with unfinished messages waits.
                let before = again(&before);
                let (after, played) = play(&before, &row.bytes, way);
                assert_eq!(played.end, Some(*error), "{played:?}");
                check_closed(&before, after, &played, *code);
            }
        }
        Expected::Accept(told, sent) => {
            let mut told = told.clone();
            if way == Way::Followed {
                told.push(BEHIND);
            }
            assert_eq!(
                played,
                Played { told: told.iter().map(|s| s.to_string()).collect(), sent: sent.clone(), ..Played::default() }
            );
            assert!(!after.mqtt.should_close());
            assert!(matches!(after.mqtt.state(), State::Connected | State::Connecting));
        }
        Expected::End(told, error) => {
            assert_eq!(played.told, [*told]);
            assert_eq!(played.end, (way == Way::Followed).then_some(*error));
            check_over(&before, after, *error);
        }
    }
}

fn play(before: &Rig, bytes: &[u8], way: Way) -> (Rig, Played) {
    let mut rig = before.clone();
    let played = match way {
        Way::Whole => {
            let mut played = Played::default();
            rig.take_all(&mut &bytes[..], &mut played);
            played
        }
        Way::Bytewise => {
            rig.step = 1;
            rig.play_bytewise(bytes)
        }
        Way::Followed => rig.play(&[bytes, &message(before.version, 0x30, 0, "behind", b"!")].concat()),
    };
    (rig, played)
}

/// A connection that waits as `before` does, and has a session.
fn again(before: &Rig) -> Rig {
    let mut rig = busy_with(before.version, before.setup);
    rig.lose();
    while rig.mqtt.poll_outcome().is_some() {}
    rig.open();
    rig
}

/// The link ended as it must: DISCONNECT in 5.0 on a link that was up, nothing else; later input is refused; the session is as it was.
pub fn check_closed(before: &Rig, mut after: Rig, played: &Played, code: u8) {
    // [3.1.1: MQTT-4.8.0-1]
    assert_eq!((&played.told, &played.sent), (&Vec::new(), &Vec::new()), "nothing of the bad packet took effect");
    let error = played.end.unwrap();
    let farewell: &[u8] = match before.mqtt.is_connected() && before.version == Version::V5 {
        true => &[0xE0, 1, code],
        false => &[],
    };
    assert_eq!(after.mqtt.state(), State::Closing);
    assert_eq!(after.mqtt.should_close(), farewell.is_empty(), "before DISCONNECT is taken");
    refuses(&mut after.clone(), error);
    assert_eq!(after.drain(), farewell);
    check_over(before, after, error);
}

/// The link is over, everything is sent, and the next link finds everything as if this one had just been cut.
pub fn check_over(before: &Rig, mut after: Rig, error: ConnectionError) {
    assert_eq!(after.mqtt.close_reason(), error);
    assert!(after.mqtt.should_close());
    assert_eq!(after.drain(), b"");
    refuses(&mut after, error);
    let mut much_later = after.clone();
    much_later.now += 100_000_000;
    assert_eq!(much_later.mqtt.poll_timeout(), None, "no timer runs on a link that is over");
    let _ = much_later.mqtt.handle_timeout(much_later.at());
    assert_eq!(much_later.drain(), b"");

    let mut cut = before.clone();
    after.step = cut.step;
    assert_eq!(after.reconnect(), cut.reconnect(), "what is sent on the next link");
    assert!(after.mqtt == cut.mqtt, "the session changed: {:?}, not {:?}", after.mqtt, cut.mqtt);
    loop {
        let outcome = after.mqtt.poll_outcome();
        assert_eq!(outcome, cut.mqtt.poll_outcome());
        if outcome.is_none() {
            break;
        }
    }
    let played = after.play(&message(after.version, 0x30, 0, "behind", b"!"));
    assert_eq!(played.told, [BEHIND]);
}

fn refuses(rig: &mut Rig, error: ConnectionError) {
    let good = message(rig.version, 0x30, 0, "late", b"");
    for input in [&good[..], b"\x20\x02\x00\x00", b"", b"\x00"] {
        assert_eq!(rig.mqtt.handle_input(rig.at(), input), Err::<Received<'_>, _>(error));
    }
}

/// Plays bytes that must end the link with one of these codes, in all ways; which error it is doesn't matter.
pub fn closes(before: &Rig, bytes: &[u8], codes: &[u8]) {
    for way in WAYS {
        let (after, played) = play(before, bytes, way);
        let Some(error) = played.end else { panic!("{:?} {way:?} accepted: {bytes:02X?}, {played:?}", before.version) };
        let code = error.reason().0;
        assert!(codes.contains(&code), "{:?}: {error} for {bytes:02X?}", before.version);
        check_closed(before, after, &played, code);
    }
}
