//! Many connections, established a few at a time, so that the server's accept queue is not the limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use hdrhistogram::Histogram;
use pure_mqtt_client::pure_mqtt::{QoS, TopicName, Version};
use pure_mqtt_client::{Client, LogLevel, Server};

use super::echo::Echo;
use super::round::Round;
use super::took::new_histogram;
use crate::args::Bench;
use crate::failure::Failure;
use crate::link::{Heard, Link, News};
use crate::session;

/// Open files per connection: the socket, and two for its loop to sleep on.
const FILES: u64 = 3;
/// Open files of the program itself.
const OTHER_FILES: u64 = 256;
/// A round without progress for this long is given up.
const STALL: Duration = Duration::from_secs(10);

/// The interval at which the progress bar is updated.
const LOOK: Duration = Duration::from_millis(100);

/// Connected and subscribed clients.
pub struct Crowd {
    pub echoes: Vec<Arc<Echo>>,
    /// How long connecting and subscribing took, in microseconds.
    pub connecting: Histogram<u64>,
    /// Bytes of this process per connection; `None` where the system does not report them.
    pub memory: Option<u64>,
}

/// Raises the limit of open files, if necessary.
pub fn raise_limits(connections: u32) -> Result<(), Failure> {
    let needed = u64::from(connections) * FILES + OTHER_FILES;
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limits = getrlimit(Resource::Nofile);
        if limits.current.is_some_and(|current| current < needed) {
            let wanted = Rlimit { current: Some(needed), maximum: limits.maximum.map(|most| most.max(needed)) };
            let allowed = limits.maximum.unwrap_or(u64::MAX);
            if setrlimit(Resource::Nofile, wanted).is_err() {
                return Err(Failure::Files { needed, allowed });
            }
        }
    }
    #[cfg(not(unix))]
    let _ = needed;
    Ok(())
}

/// Establishes all connections.
pub fn gather(link: &mut Link, options: &Bench, round: &Arc<Round>, show: impl Fn(u64)) -> Result<Crowd, Failure> {
    let before = memory();
    let dialler = Dialler {
        options: options.clone(),
        topic: options.topic(),
        servers: link.servers().to_vec(),
        round: Arc::clone(round),
        next: Arc::default(),
    };
    let (done, results) = bounded(options.dialling as usize);
    for _ in 0..options.dialling.min(options.connections) {
        let (dialler, done) = (dialler.clone(), done.clone());
        thread::spawn(move || {
            while let Some(result) = dialler.dial_next() {
                if done.send(result).is_err() {
                    return;
                }
            }
        });
    }
    drop(done);
    let (mut echoes, mut connecting) = (Vec::new(), new_histogram());
    loop {
        match link.next_within(&results, Some(STALL))? {
            Heard::Other(result) => {
                let (echo, took) = result?;
                connecting.saturating_record(took.as_micros() as u64);
                echoes.push(echo);
                show(echoes.len() as u64);
            }
            Heard::End => break,
            Heard::News(News::Stop) => return Err(Failure::Stopped),
            Heard::News(_) => return Err(Failure::TimeOut),
        }
    }
    let used = before.zip(memory()).map(|(before, after)| after.saturating_sub(before) / echoes.len() as u64);
    Ok(Crowd { echoes, connecting, memory: used })
}

/// Establishes connections, one after the other.
#[derive(Clone)]
struct Dialler {
    options: Bench,
    topic: TopicName<'static>,
    servers: Vec<Server>,
    round: Arc<Round>,
    /// The number of the next connection, shared by all diallers.
    next: Arc<AtomicUsize>,
}

impl Dialler {
    /// Establishes a connection, and returns how long that took; `None` if there are enough.
    fn dial_next(&self) -> Option<Result<(Arc<Echo>, Duration), Failure>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.options.connections as usize {
            return None;
        }
        let start = Instant::now();
        let topic = format!("{}/{number}", self.topic.as_str());
        let (client, size) = (client_of(&self.options, number), self.options.size as usize);
        let echo = Echo::new(client, topic, size, Arc::clone(&self.round));
        Some(echo.connect(&self.servers).map(|()| (echo, start.elapsed())))
    }
}

fn client_of(options: &Bench, number: usize) -> Client {
    let mut broker = options.broker.clone();
    if let Some(id) = broker.session.id.as_mut().filter(|_| options.connections > 1) {
        *id = format!("{id}-{number}");
    }
    let settings = session::options(&broker, Version::V311).reconnect_on_failure(false).log_level(LogLevel::Warning);
    Client::with(settings)
}

fn memory() -> Option<u64> {
    memory_stats::memory_stats().map(|stats| stats.physical_mem as u64)
}

impl Crowd {
    /// Runs one round: all connections publish, until every message was received and acknowledged.
    pub fn play(
        &self,
        link: &mut Link,
        round: &Round,
        qos: QoS,
        options: &Bench,
        show: impl Fn(u64),
    ) -> Result<(), Failure> {
        let connections = self.echoes.len() as u64;
        let share = |number| options.messages / connections + u64::from(number < options.messages % connections);
        let finished = round.begin(options.messages);
        for (number, echo) in (0..).zip(&self.echoes) {
            echo.start(qos, share(number), options.window.into());
        }
        await_end(link, round, &finished, show)
    }

    /// Disconnects all.
    pub fn leave(&self) {
        self.echoes.iter().for_each(|echo| echo.client.disconnect());
        self.echoes.iter().for_each(|echo| echo.client.loop_stop());
    }
}

fn await_end(
    link: &mut Link,
    round: &Round,
    finished: &Receiver<Result<(), Failure>>,
    show: impl Fn(u64),
) -> Result<(), Failure> {
    let (mut seen, mut moved) = (0, Instant::now());
    loop {
        match link.next_within(finished, Some(LOOK))? {
            Heard::Other(result) => return result,
            Heard::News(News::Stop) => return Err(Failure::Stopped),
            _ => {}
        }
        let count = round.count();
        show(count);
        if count > seen {
            (seen, moved) = (count, Instant::now());
        } else if moved.elapsed() > STALL {
            return Err(Failure::Lost { missing: round.missing() });
        }
    }
}
