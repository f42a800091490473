//! Messages that are larger than the board's memory, both ways, over a line that is cut in the middle of them.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use host_test::build;
use host_test::qemu::Board;
use host_test::relay::Relay;
use host_test::server::{Mosquitto, find};
use host_test::watch;

/// A megabyte, and a little more, so that it ends within a piece.
const LONG: usize = (1 << 20) + 77;
/// For what is played again and again.
const SHORT: usize = 250_003;
/// The line is cut somewhere from here on, in an image and in the log.
const CUT: usize = 60_000;
/// What the board's log is, by its own account.
const LOG_LENGTH: usize = 200_000;

#[test]
fn a_megabyte_comes_through_512_bytes() {
    play("v5", LONG);
}

#[test]
fn an_image_comes_through_512_bytes_over_3_1_1() {
    play("v3", SHORT);
}

fn play(version: &str, length: usize) {
    let mut random = host_test::random();
    let firmware = build::firmware("image", &[version]);
    let broker = Mosquitto::start();
    let relay = Relay::start(broker.port);
    let mut board = Board::boot(&firmware, Some(relay.port), None);
    broker.await_log("Sending SUBACK to board-7");

    // QoS 2: whole, and then cut in the middle: it comes again from its start, and counts once.
    let cut = CUT + random.usize(..100_000);
    for (number, (length, cut)) in [(length, None), (SHORT, Some(cut))].into_iter().enumerate() {
        let image = Image::new(length, random.u64(..));
        if let Some(cut) = cut {
            relay.cut_down_after(cut);
        }
        image.publish(broker.port);
        if cut.is_some() {
            relay.await_cut();
            relay.restore();
        }
        let line = format!("image: {length} bytes, sum {:08x}", crc32fast::hash(&image.bytes));
        board.console.wait_for("the image", |lines| lines.contains(&line));
        let told = |lines: &[String]| lines.iter().filter(|line| line.contains("bytes, sum")).count();
        assert_eq!(told(&board.console.all()), number + 1, "each image counts once");
    }

    let mut reader = Reader::start(&broker);
    relay.cut_up_after(CUT + random.usize(..100_000));
    watch::publish(broker.port, "board-7/order", 2, &[], &["log".into()]);
    relay.await_cut();
    relay.restore();
    let log = reader.payload();
    assert_eq!(log.len(), LOG_LENGTH);
    assert!(log.iter().enumerate().all(|(place, byte)| *byte == (place % 251) as u8), "a piece is out of place");

    watch::publish(broker.port, "board-7/order", 2, &[], &["stop".into()]);
    board.await_end();
    println!("{}", board.console.all().join("\n"));
}

/// An image of random bytes, in a file.
struct Image {
    bytes: Vec<u8>,
    file: PathBuf,
}

impl Image {
    fn new(length: usize, seed: u64) -> Self {
        let mut bytes = vec![0; length];
        fastrand::Rng::with_seed(seed).fill(&mut bytes);
        let file = std::env::temp_dir().join(format!("pure-mqtt-image-{}-{seed}", std::process::id()));
        std::fs::write(&file, &bytes).expect("the file can be written");
        Self { bytes, file }
    }

    fn publish(&self, port: u16) {
        let status = Command::new(find("mosquitto_pub"))
            .args(["-p", &port.to_string(), "-t", "board-7/image", "-q", "2", "-f"])
            .arg(&self.file)
            .status();
        assert!(status.expect("mosquitto_pub starts").success(), "mosquitto_pub failed");
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// A `mosquitto_sub` that waits for one log.
struct Reader(Option<Child>);

impl Reader {
    fn start(broker: &Mosquitto) -> Self {
        let child = Command::new(find("mosquitto_sub"))
            .args(["-p", &broker.port.to_string(), "-i", "reader", "-q", "2", "-t", "board-7/log", "-C", "1", "-N"])
            .args(["-W", &host_test::PATIENCE.as_secs().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("mosquitto_sub starts");
        broker.await_log("Sending SUBACK to reader");
        Self(Some(child))
    }

    /// The payload; waits for it.
    fn payload(&mut self) -> Vec<u8> {
        let child = self.0.take().expect("only once");
        child.wait_with_output().expect("mosquitto_sub ends").stdout
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
