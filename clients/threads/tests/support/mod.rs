//! What the tests share: everything that a client's callbacks were told, and waiting for it.
#![allow(dead_code)] // not every test binary needs all of it

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::{ReasonCode, SessionState};
use pure_mqtt_client::{
    AckToken, Client, ConnectError, LinkEnd, LogLevel, Mid, NotPublished, OwnedMessage, Subscribed,
};

pub const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that was told, in order of its kind.
#[derive(Debug, Default)]
pub struct Told {
    pub attempts: usize,
    pub connacks: Vec<(ReasonCode, SessionState)>,
    pub failures: Vec<ConnectError>,
    pub ends: Vec<LinkEnd>,
    pub messages: Vec<OwnedMessage>,
    pub ack_tokens: Vec<AckToken>,
    pub published: Vec<(Mid, Result<(), NotPublished>)>,
    pub subscribed: Vec<Subscribed>,
    pub unsubscribed: Vec<Mid>,
    pub log: Vec<(LogLevel, String)>,
}

impl Told {
    /// The payloads as text, in the order in which they came.
    pub fn texts(&self) -> Vec<&str> {
        self.messages.iter().map(|message| std::str::from_utf8(&message.payload).unwrap()).collect()
    }
}

/// Listens to all callbacks of a client.
#[derive(Clone, Debug, Default)]
pub struct Ear(Arc<(Mutex<Told>, Condvar)>);

impl Ear {
    pub fn of(client: &Client) -> Self {
        let ear = Self::default();
        let note = ear.clone();
        client.on_pre_connect(move |_| note.change(|told| told.attempts += 1));
        let note = ear.clone();
        client.on_connect(move |_, connack| note.change(|told| told.connacks.push((connack.reason, connack.session))));
        let note = ear.clone();
        client.on_connect_fail(move |_, error| note.change(|told| told.failures.push(error.clone())));
        let note = ear.clone();
        client.on_disconnect(move |_, end| note.change(|told| told.ends.push(end.clone())));
        let note = ear.clone();
        client.on_message(move |_, message| {
            note.change(|told| {
                told.messages.push(message.to_owned());
                told.ack_tokens.extend(message.ack_token);
            });
        });
        let note = ear.clone();
        client.on_publish(move |_, published| {
            note.change(|told| told.published.push((published.mid, published.result)));
        });
        let note = ear.clone();
        client.on_subscribe(move |_, answer| {
            note.change(|told| told.subscribed.push(answer.clone()));
        });
        let note = ear.clone();
        client.on_unsubscribe(move |_, mid| note.change(|told| told.unsubscribed.push(mid)));
        let note = ear.clone();
        client.on_log(move |_, level, line| note.change(|told| told.log.push((level, line.to_owned()))));
        ear
    }

    pub fn change(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told());
        self.0.1.notify_all();
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done`, while the loop runs in another thread.
    #[track_caller]
    pub fn until(&self, done: impl Fn(&Told) -> bool) {
        drop(self.once(done));
    }

    /// The same, to look at what was told by then.
    #[track_caller]
    pub fn once(&self, done: impl Fn(&Told) -> bool) -> MutexGuard<'_, Told> {
        let wait = self.0.1.wait_timeout_while(self.told(), PATIENCE, |told| !done(told));
        let (told, waited) = wait.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "it never happened: {told:#?}");
        told
    }
}

/// Runs the loop step by step until `done`, which other threads may make true as well.
#[track_caller]
pub fn drive(client: &Client, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "it never happened");
        client.loop_once(Duration::from_millis(20)).unwrap();
    }
}

/// Asks until the answer is yes; for what nobody tells.
#[track_caller]
pub fn eventually(what: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "it never became true");
        std::thread::yield_now();
    }
}
