//! Numbered messages at QoS 1 and 2 under trouble: what was sent, what arrived, and what that says.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::QoS;
use pure_mqtt_client::{Client, MessageInfo, Receiver, WaitError};

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

/// So many messages are unfinished at a time.
const WINDOW: usize = 20;
/// When nothing came for so long, nothing comes any more: NATS repeats what was not acknowledged every 2 seconds.
const QUIET: Duration = Duration::from_secs(4);
/// A look at the queue.
const GLANCE: Duration = Duration::from_millis(2);

/// What one publisher has sent, all of it to one topic.
pub struct Ledger {
    topic: String,
    /// Of every other message.
    best: QoS,
    sent: Vec<(QoS, MessageInfo)>,
    finished: usize,
}

/// What a reader got: how often each message, and whether all at QoS 2 where they were sent so.
#[derive(Default)]
pub struct Arrived {
    counts: BTreeMap<usize, usize>,
    downgraded: usize,
}

impl Ledger {
    /// Half of the messages go at QoS 1, the others at QoS 2 if the broker takes it.
    pub fn new(topic: &str, best: QoS) -> Self {
        Self { topic: topic.into(), best, sent: Vec::new(), finished: 0 }
    }

    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// How many are finished, of those before the first that is not.
    pub fn finished(&mut self) -> usize {
        let more = self.sent.iter().skip(self.finished).take_while(|(_, info)| info.result().is_some()).count();
        self.finished += more;
        self.finished
    }

    /// Publishes one more message if few enough are unfinished; otherwise looks at what came.
    pub fn step(&mut self, client: &Client, reader: (&Receiver, &mut Arrived)) -> Played<()> {
        let (receiver, arrived) = reader;
        arrived.take_all(receiver, self);
        if self.len() - self.finished() >= WINDOW {
            if let Ok(message) = receiver.recv(GLANCE) {
                arrived.add(&message, self);
            }
            return Ok(());
        }
        let number = self.len();
        let qos = if number.is_multiple_of(2) { QoS::AtLeastOnce } else { self.best };
        self.sent.push((qos, client.publish(&self.topic, number.to_string(), qos, false)?));
        Ok(())
    }

    /// Waits until each message has its end. False if that takes longer.
    pub fn settle(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.sent.iter().all(|(_, info)| info.wait_for_publish(left()) != Err(WaitError::TimedOut))
    }

    /// The packet identifiers of what has no end.
    pub fn unfinished(&self) -> impl Iterator<Item = u16> {
        let open = self.sent.iter().filter(|(_, info)| info.result().is_none());
        open.filter_map(|(_, info)| info.packet_id().map(|id| id.get()))
    }

    /// Waits for what is missing as long as anything comes.
    pub fn collect(&self, stage: &Stage, receiver: &Receiver, arrived: &mut Arrived) {
        while arrived.counts.len() < self.sent.len() || receiver_has_more(receiver, arrived, self) {
            match receiver.recv(QUIET.min(stage.left())) {
                Ok(message) => arrived.add(&message, self),
                Err(_) => return,
            }
        }
    }

    /// What is wrong with what `who` got. `repeated`: payloads that the broker has published again after PUBREL.
    pub fn judge(&self, who: &str, publisher: &Player, arrived: &Arrived, repeated: &[Vec<u8>]) -> Played {
        let delivered = |number: usize| self.sent.get(number).is_some_and(|(_, info)| info.is_published());
        let lost: Vec<_> =
            (0..self.len()).filter(|number| delivered(*number) && !arrived.counts.contains_key(number)).collect();
        let given_up = (0..self.len()).filter(|number| !delivered(*number)).count();
        let twice = |qos| {
            let of = |number: &usize| self.sent.get(*number).is_some_and(|(sent, _)| *sent == qos);
            arrived.counts.iter().filter(|(number, count)| of(number) && **count > 1).count()
        };
        let early_ends = publisher.client.stats().engine.pubacks_at_qos2;
        let detail = format!(
            "{} sent, {} arrived, {} lost, {given_up} given up, {} twice at QoS 1, {} at QoS 2, {} downgraded, {early_ends} PUBACK at QoS 2",
            self.len(),
            arrived.counts.len(),
            lost.len(),
            twice(QoS::AtLeastOnce),
            twice(QoS::ExactlyOnce),
            arrived.downgraded,
        );
        println!("    {who}: {detail}");
        let has_handshake = early_ends == 0 && arrived.downgraded == 0;
        if !lost.is_empty() {
            return Err(Finding::wrong(format!("{who} loses messages that were acknowledged")).with(detail));
        }
        let is_unsure = has_handshake && given_up + twice(QoS::ExactlyOnce) > 0;
        if is_unsure && !publisher.was_resumed() {
            let what =
                "CONNACK says Session Present 0 to who only publishes: messages at QoS 2 end unsure, or come twice";
            return Err(Finding::wrong(what).with(detail));
        }
        if given_up > 0 {
            return Err(
                Finding::wrong("messages end unsure: the broker has lost the session that held them").with(detail)
            );
        }
        if has_handshake && twice(QoS::ExactlyOnce) > 0 {
            let is_repeated = |number: &usize| repeated.iter().any(|text| *text == number.to_string().into_bytes());
            let mut doubled = arrived.counts.iter().filter(|(_, count)| **count > 1).map(|(number, _)| number);
            let is_brokers = doubled.all(|number| number.is_multiple_of(2) || is_repeated(number));
            return Err(Finding::wrong(match is_brokers {
                true => "the broker sends PUBLISH again after PUBREL, so that messages at QoS 2 arrive twice".into(),
                false => format!("{who} gets messages at QoS 2 twice"),
            })
            .with(detail));
        }
        if self.best < QoS::ExactlyOnce {
            return Ok("at QoS 1".into());
        }
        Ok(if has_handshake { String::new() } else { "QoS 2 counts as QoS 1".into() })
    }
}

/// Takes what is there; true if that was something.
fn receiver_has_more(receiver: &Receiver, arrived: &mut Arrived, ledger: &Ledger) -> bool {
    arrived.take_all(receiver, ledger)
}

impl Arrived {
    fn take_all(&mut self, receiver: &Receiver, ledger: &Ledger) -> bool {
        let mut has_some = false;
        while let Some(message) = receiver.try_recv() {
            self.add(&message, ledger);
            has_some = true;
        }
        has_some
    }

    fn add(&mut self, message: &pure_mqtt_client::Received, ledger: &Ledger) {
        let Some(number) = message.text().and_then(|text| text.parse().ok()) else { return };
        *self.counts.entry(number).or_default() += 1;
        let sent = ledger.sent.get(number).map(|(qos, _)| *qos);
        self.downgraded += usize::from(sent.is_some_and(|sent| message.qos < sent));
    }
}
