//! A message from the server, in the hands of a receiver.

use core::fmt;

use pure_mqtt::{Properties, QoS, ReasonCode, Storage, TopicName};

use crate::client::Client;
use crate::copying::copy;
use crate::incoming::properties;
use crate::place::bit;
use crate::shared::Shared;

/// A message as [`Received::read`] shows it. It lies in the ring.
///
/// ```
/// use pure_mqtt_embassy::{Client, QoS, Received};
///
/// /// Takes out what is needed: the message itself stays in the ring.
/// fn setpoint(received: &Received<'_, impl Client>) -> Option<(f32, bool)> {
///     received.read(|message| Some((message.text()?.parse().ok()?, message.retain))).flatten()
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<'a> {
    /// The topic it was published to.
    pub topic: TopicName<'a>,
    /// What was published.
    pub payload: &'a [u8],
    /// In which quality of service it came.
    pub qos: QoS,
    /// The server kept it for the topic.
    pub retain: bool,
    /// The server may have sent it before: at QoS 1 it may be a repetition.
    pub dup: bool,
    /// Response Topic, User Properties and so on; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl Message<'_> {
    /// The payload, if it is UTF-8.
    ///
    /// ```
    /// use pure_mqtt_embassy::Message;
    ///
    /// fn is_stop(message: &Message<'_>) -> bool {
    ///     message.text() == Some("stop")
    /// }
    /// ```
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(self.payload).ok()
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, payload, qos, retain, dup, .. } = self;
        write!(
            f,
            "Message {{ topic: {:?}, payload: {} bytes, {qos:?}, retain: {retain}, dup: {dup} }}",
            topic.as_str(),
            payload.len()
        )
    }
}

/// A message that its receiver has yet to finish. It keeps its place in the ring until then.
///
/// Dropping it finishes it. With [`manual_acks`](crate::ReceiverOptions::manual_acks) only [`ack`](Self::ack) and [`reject`](Self::reject) do: one that is
/// dropped is received again. The server gets its acknowledgement when all receivers of the message have finished it.
///
/// ```
/// use pure_mqtt_embassy::{Client, ReasonCode, Receiver};
///
/// /// With manual acknowledgements: a command is the server's until it was carried out.
/// async fn work(receiver: &mut Receiver<'_, impl Client>, carry_out: impl AsyncFn(&[u8]) -> bool) {
///     loop {
///         let command = receiver.recv().await;
///         let mut bytes = [0; 64];
///         let length = command.copy_payload(&mut bytes);
///         match bytes.get(..length) {
///             Some(bytes) if carry_out(bytes).await => command.ack(),
///             _ => command.reject(ReasonCode::PAYLOAD_FORMAT_INVALID),
///         }
///     }
/// }
/// ```
pub struct Received<'r, Q: Client> {
    mqtt: &'r Q,
    place: usize,
    serial: u32,
    comes_again: bool,
}

impl<'r, Q: Client> Received<'r, Q> {
    pub(crate) const fn new(mqtt: &'r Q, place: usize, serial: u32, comes_again: bool) -> Self {
        Self { mqtt, place, serial, comes_again }
    }

    /// Shows the message to `reader`. That is a critical section, so `reader` should only look, copy or parse; the client can't be used in it.
    ///
    /// `None` if it is called from within another `read`.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, Received};
    ///
    /// fn is_stop(command: &Received<'_, impl Client>) -> bool {
    ///     command.read(|message| message.payload == b"stop") == Some(true)
    /// }
    /// ```
    pub fn read<R>(&self, reader: impl FnOnce(&Message<'_>) -> R) -> Option<R> {
        self.mqtt.enter(|shared, _| shared.message(self.serial).map(|message| reader(&message))).flatten()
    }

    /// Copies the start of the payload into `buffer`, and returns the length of the whole payload.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, Received};
    ///
    /// fn number(received: &Received<'_, impl Client>) -> Option<u32> {
    ///     let mut bytes = [0; 4];
    ///     let is_whole = received.copy_payload(&mut bytes) == bytes.len();
    ///     is_whole.then(|| u32::from_be_bytes(bytes))
    /// }
    /// ```
    pub fn copy_payload(&self, buffer: &mut [u8]) -> usize {
        let length = self.read(|message| {
            copy(message.payload, buffer);
            message.payload.len()
        });
        length.unwrap_or(0)
    }

    /// The message was taken.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, Received};
    ///
    /// fn keep(command: Received<'_, impl Client>, store: impl FnOnce(&[u8]) -> bool) {
    ///     match command.read(|message| store(message.payload)) {
    ///         Some(true) => command.ack(),
    ///         _ => drop(command), // with manual acknowledgements it comes again
    ///     }
    /// }
    /// ```
    pub fn ack(mut self) {
        self.finish(ReasonCode::SUCCESS);
    }

    /// The message was not taken, for this reason; the server does not send it again. In 3.1 and 3.1.1 the same as [`ack`](Self::ack). If it has several
    /// receivers, the last one decides.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, ReasonCode, Received};
    ///
    /// fn refuse(command: Received<'_, impl Client>) {
    ///     command.reject(ReasonCode::NOT_AUTHORIZED);
    /// }
    /// ```
    pub fn reject(mut self, reason: ReasonCode) {
        self.finish(reason);
    }

    fn finish(&mut self, reason: ReasonCode) {
        let (serial, receiver) = (self.serial, bit(self.place));
        self.mqtt.enter(|shared, now| shared.finish(now, serial, receiver, reason));
        self.comes_again = true; // and so it is not finished again
    }

    pub(crate) const fn serial(&self) -> u32 {
        self.serial
    }
}

impl<Q: Client> Drop for Received<'_, Q> {
    fn drop(&mut self) {
        if !self.comes_again {
            self.finish(ReasonCode::SUCCESS);
        }
        self.mqtt.enter(|shared, _| {
            if let Some(place) = shared.receivers.get_mut(self.place) {
                place.is_reading = false;
            }
        });
    }
}

impl<S: Storage> Shared<'_, S> {
    /// A message in the ring.
    pub fn message(&self, serial: u32) -> Option<Message<'_>> {
        let entry = self.inbox.entry(serial)?;
        let [topic, block, payload] = self.inbox.parts(entry);
        Some(Message {
            topic: TopicName::from_utf8(topic)?, // never `None`: the engine has checked it
            payload,
            qos: entry.qos(),
            retain: entry.retain(),
            dup: entry.dup(),
            properties: properties(block),
        })
    }
}
