//! A message that a receiver has got from the server.

use core::fmt;

use pure_mqtt::{Properties, QoS, ReasonCode, Storage, TopicName};

use crate::client::Client;
use crate::copying::copy;
use crate::incoming::properties;
use crate::place::bit;
use crate::shared::Shared;

/// A message in the ring, as [`Received::read`] passes it to its closure.
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
    /// The payload.
    pub payload: &'a [u8],
    /// The QoS the message was delivered with.
    pub qos: QoS,
    /// Whether the server sent it as the retained message of its topic.
    pub retain: bool,
    /// Whether the server marked it as a duplicate: at QoS 1 the message may have been received before.
    pub dup: bool,
    /// The properties, for example Response Topic and User Properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
}

impl Message<'_> {
    /// Returns the payload as text, or `None` if it is not UTF-8.
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

/// A received message. It keeps its place in the ring until the receiver has finished it.
///
/// Dropping it finishes the message. With [`manual_acks`](crate::ReceiverOptions::manual_acks) only [`ack`](Self::ack) and [`reject`](Self::reject) finish it:
/// if it is dropped, the receiver gets the message again. The message is acknowledged to the server when all its receivers have finished it.
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

    /// Calls `reader` with the message, in a critical section: `reader` should only look, copy or parse. It cannot use the client.
    ///
    /// Returns `None` if it is called from within another `read`.
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

    /// Copies as much of the payload as fits into `buffer`, and returns the length of the whole payload.
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

    /// Finishes the message: it is acknowledged as successful.
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

    /// Finishes the message with a reason code that says why it was not accepted; the server does not send it again. In 3.1 and 3.1.1 this is the same as
    /// [`ack`](Self::ack). If the message has several receivers, the last one decides.
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
