//! A client of a play, with what its callbacks were told.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pure_mqtt_client::pure_mqtt::{ReasonCode, SessionState};
use pure_mqtt_client::{Client, ConnAck, LinkEnd, Options, Server};

use crate::outcome::{Finding, Played};
use crate::stage::Stage;

/// What the callbacks were told.
#[derive(Default)]
pub struct Told {
    pub answers: Vec<Answer>,
    pub ends: Vec<LinkEnd>,
    pub failed_dials: usize,
}

/// CONNACK, as far as plays ask for it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub reason: ReasonCode,
    /// As it stood on the wire.
    pub code: u8,
    pub is_resumed: bool,
    pub topic_alias_maximum: u16,
}

impl Answer {
    fn of(connack: &ConnAck<'_>) -> Self {
        Self {
            reason: connack.reason,
            code: connack.code,
            is_resumed: matches!(connack.session, SessionState::Resumed | SessionState::Adopted { .. }),
            topic_alias_maximum: connack.properties.topic_alias_maximum().unwrap_or(0),
        }
    }
}

type Notes = Arc<(Mutex<Told>, Condvar)>;

/// A client whose loop runs until this is dropped.
pub struct Player {
    pub client: Client,
    notes: Notes,
}

impl Player {
    /// A client that is connected to nothing yet.
    pub fn new(options: Options) -> Self {
        let name = format!("{options:?}");
        let (client, notes) = (Client::with(options), Notes::default());
        let note = Arc::clone(&notes);
        client.on_connect(move |_, connack| change(&note, |told| told.answers.push(Answer::of(connack))));
        let note = Arc::clone(&notes);
        client.on_disconnect(move |_, end| change(&note, |told| told.ends.push(end.clone())));
        let note = Arc::clone(&notes);
        client.on_connect_fail(move |_, _| change(&note, |told| told.failed_dials += 1));
        if std::env::var_os("PURE_MQTT_LOG").is_some() {
            let name = name.split('"').nth(1).unwrap_or_default().to_owned();
            client.on_log(move |_, _, line| eprintln!("{name}: {line}"));
        }
        Self { client, notes }
    }

    /// Connects, and waits until the broker has accepted the link.
    pub fn connect(&self, stage: &Stage, port: u16) -> Played<Answer> {
        *self.told() = Told::default();
        self.client.connect(Server::tcp("127.0.0.1", port))?;
        self.client.loop_start()?;
        let answered = |told: &Told| !told.answers.is_empty() || !told.ends.is_empty();
        let Some(told) = self.once(stage.left(), answered) else {
            return Err(Finding::wrong("no CONNACK came in time"));
        };
        match (told.answers.last(), told.ends.last()) {
            (Some(answer), _) if !answer.reason.is_error() => Ok(answer.clone()),
            (Some(answer), _) => Err(Finding::refused(format!("CONNACK {}", code(stage, answer)))),
            (None, end) => {
                let end = end.map_or_else(String::new, ToString::to_string);
                Err(Finding::wrong(format!("no CONNACK: {end}")))
            }
        }
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.notes.0)
    }

    /// Waits until `done`; `None` after `patience`.
    pub fn once(&self, patience: Duration, done: impl Fn(&Told) -> bool) -> Option<MutexGuard<'_, Told>> {
        let wait = self.notes.1.wait_timeout_while(self.told(), patience, |told| !done(told));
        let (told, waited) = wait.unwrap_or_else(PoisonError::into_inner);
        (!waited.timed_out()).then_some(told)
    }

    /// The last answer to CONNECT.
    pub fn answer(&self) -> Option<Answer> {
        self.told().answers.last().cloned()
    }

    /// Whether CONNACK ever said that the session was resumed, since the last `connect`.
    pub fn was_resumed(&self) -> bool {
        self.told().answers.iter().any(|answer| answer.is_resumed)
    }

    /// Says DISCONNECT, and waits until it has left.
    pub fn leave(&self) {
        self.client.disconnect();
        self.client.loop_stop();
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The code of CONNACK in the words of the version that is played.
pub fn code(stage: &Stage, answer: &Answer) -> String {
    match stage.is_v5() {
        true => answer.reason.to_string(),
        false => format!("0x{:02X}", answer.code),
    }
}

fn change(notes: &Notes, change: impl FnOnce(&mut Told)) {
    change(&mut lock(&notes.0));
    notes.1.notify_all();
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}
