//! The project's own broker at the other end of streams in memory, which are cut, stalled and refused.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pure_mqtt_test_broker::sans_io::{Broker, Config, LinkId};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::drops::Dice;

#[derive(Clone)]
pub struct Server {
    inside: Arc<Mutex<Inside>>,
    /// Something has changed: there may be output.
    changes: watch::Sender<u64>,
    dice: Dice,
    started: Instant,
}

pub struct Inside {
    pub broker: Broker,
    /// Nothing goes wrong any more.
    pub is_healed: bool,
    /// The latest stream.
    latest: u64,
}

impl Server {
    pub fn new(dice: Dice) -> Self {
        let broker = Broker::new(Config { transcript_limit: 4_096, ..Config::default() });
        let inside = Arc::new(Mutex::new(Inside { broker, is_healed: false, latest: 0 }));
        Self { inside, changes: watch::Sender::new(0), dice, started: Instant::now() }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Changes the broker, and sends what comes of it.
    pub fn change<R>(&self, change: impl FnOnce(&mut Broker) -> R) -> R {
        let mut inside = self.lock();
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap();
        inside.broker.tick(now);
        let result = change(&mut inside.broker);
        drop(inside);
        self.changes.send_modify(|count| *count += 1);
        result
    }

    fn goes_wrong(&self, count: u64, of: u64) -> bool {
        !self.lock().is_healed && self.dice.chance(count, of)
    }

    /// A stream to the broker.
    pub async fn connect(self) -> io::Result<DuplexStream> {
        self.dice.pause(50).await;
        if self.goes_wrong(1, 5) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let size = 1 << self.dice.below(13);
        let (ours, theirs) = tokio::io::duplex(size);
        let number = {
            let mut inside = self.lock();
            inside.latest += 1;
            inside.latest
        };
        tokio::spawn(self.serve(theirs, number));
        Ok(ours)
    }

    async fn serve(self, mut stream: DuplexStream, number: u64) {
        let link = self.change(Broker::accept);
        let mut changes = self.changes.subscribe();
        let mut room = vec![0; 1 + self.dice.below(500) as usize];
        let mut has_answered = false;
        loop {
            if !self.write(&mut stream, link).await {
                break;
            }
            let stall =
                if has_answered && self.goes_wrong(1, 30) { self.dice.below(100_000) } else { self.dice.below(20) };
            tokio::time::sleep(Duration::from_millis(stall)).await;
            tokio::select! {
                biased; // the same world each time
                read = stream.read(&mut room) => match read {
                    // A CONNECT with a clean start that is read when its client has given up and come back would end the living session: no client can do anything against it.
                    Ok(1..) if !has_answered && self.lock().latest > number => break,
                    Ok(count @ 1..) => {
                        self.change(|broker| broker.input(link, &room[..count]));
                        has_answered |= self.lock().broker.has_output(link);
                    }
                    _ => break,
                },
                _ = changes.changed() => {}
            }
            if self.goes_wrong(1, 40) || self.lock().broker.wants_close(link) {
                let _ = self.write(&mut stream, link).await;
                break;
            }
        }
        self.change(|broker| broker.cut(link));
    }

    /// Writes what the broker has for a link, or a part of it. False if the link is over.
    async fn write(&self, stream: &mut DuplexStream, link: LinkId) -> bool {
        let output = self.lock().broker.output(link);
        if self.goes_wrong(1, 60) {
            let part = self.dice.below(output.len() as u64 + 1) as usize;
            let _ = stream.write_all(&output[..part]).await;
            return false;
        }
        let patience = Duration::from_secs(200); // for a client that takes nothing
        matches!(tokio::time::timeout(patience, stream.write_all(&output)).await, Ok(Ok(())))
    }
}
