//! A flood of bytes that are no MQTT does no harm: others are served meanwhile, and neither memory nor time grows with it.

use std::io::{Read, Write};
use std::net::TcpStream;

use pure_mqtt_client::pure_mqtt::{QoS, Version};
use pure_mqtt_test_broker::{Broker, Config};

use crate::clock::with_seeds;
use crate::rig::{Rig, options, until};
use crate::support::PATIENCE;

const CONNECT: &[u8] = b"\x10\x0E\0\x04MQTT\x05\x02\0\0\0\0\x01a";

/// Sends until the broker closes, or all is sent. Returns how much was sent.
fn flood(broker: &Broker, mut pieces: impl Iterator<Item = Vec<u8>>) -> usize {
    let mut socket = TcpStream::connect(broker.address()).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let sent = pieces.by_ref().take_while(|piece| socket.write_all(piece).is_ok()).map(|piece| piece.len()).sum();
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let _ = std::io::copy(&mut socket.take(1 << 30), &mut std::io::sink());
    sent
}

#[test]
fn random_bytes_end_their_own_link_alone() {
    with_seeds(1, 300, |seed| {
        let broker = Broker::start().unwrap();
        let mut rng = fastrand::Rng::with_seed(seed);
        let rig = (seed % 30 == 0).then(|| Rig::connected(&broker, options(Version::V311)));
        for begins_well in [false, true] {
            let mut first = if begins_well { CONNECT.to_vec() } else { Vec::new() };
            let count = rng.usize(1..5_000);
            first.extend(std::iter::repeat_with(|| rng.u8(..)).take(count));
            flood(&broker, std::iter::once(first));
        }
        if let Some(rig) = rig {
            rig.deliver("1", QoS::ExactlyOnce);
        }
    });
}

/// A packet of 256 MB before CONNECT, and one after it: refused when its length is known.
#[test]
fn a_packet_that_claims_to_be_large_is_not_waited_for() {
    let broker = Broker::start().unwrap();
    let zeros = || std::iter::repeat_with(|| vec![0; 1 << 16]).take(2_000);
    for begin in [b"\x10\xFF\xFF\xFF\x7F".to_vec(), [CONNECT, b"\x30\xFF\xFF\xFF\x7F"].concat()] {
        let sent = flood(&broker, std::iter::once(begin).chain(zeros()));
        assert!(sent < 64 << 20, "{sent} bytes were taken");
    }
    until(&broker, |seen| seen.open() == 0);
}

/// Lines of the log are short, and there are so many of them at most; the same for violations.
#[test]
fn what_is_noted_stays_small() {
    let broker = Broker::start_with(Config { transcript_limit: 100, ..Config::default() }).unwrap();
    // SUBSCRIBE to a filter of 60,000 bytes that is none, again and again.
    let length = 60_000_u16;
    let mut subscribe = vec![0x82];
    let body = [&b"\0\x01\0"[..], &length.to_be_bytes(), &vec![b'#'; usize::from(length)], b"\0"].concat();
    let mut left = body.len();
    while left > 0 {
        subscribe.push((left % 128) as u8 | if left > 127 { 0x80 } else { 0 });
        left /= 128;
    }
    subscribe.extend(body);
    flood(&broker, std::iter::once(CONNECT.to_vec()).chain(std::iter::repeat_n(subscribe, 300)));
    until(&broker, |seen| seen.open() == 0);
    let (lines, log) =
        broker.see(|seen| (seen.log().len(), seen.log().iter().map(|line| line.text.len()).sum::<usize>()));
    assert!(lines <= 100 && log < 100 * 2_100, "{lines} lines of {log} bytes");
    assert!(broker.violations().iter().map(String::len).sum::<usize>() < 300 * 2_300);
}

/// 200,000 packets of two bytes, all valid: each is taken once, however many come at a time.
#[test]
fn many_small_packets_take_linear_time() {
    let broker = Broker::start_with(Config { transcript_limit: 0, ..Config::default() }).unwrap();
    let started = std::time::Instant::now();
    let pings = std::iter::repeat_n(b"\xC0\0".repeat(10_000), 20);
    let mut socket = TcpStream::connect(broker.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(CONNECT).unwrap();
    let reader = socket.try_clone().unwrap();
    let answers = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.take(8 + 400_000).read_to_end(&mut bytes).unwrap();
        bytes.len()
    });
    pings.for_each(|piece| socket.write_all(&piece).unwrap());
    assert!(answers.join().unwrap() >= 400_000);
    println!("200,000 pings in {:?}", started.elapsed());
    assert!(started.elapsed() < PATIENCE);
}
