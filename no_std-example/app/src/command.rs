//! A command that has come, kept until it is answered.

use heapless::{String, Vec};
use pure_mqtt::{Message, PendingAck, Publish, QoS, TopicName};

/// Room for the longest of each.
const TEXT: usize = 64;
const TOPIC: usize = 48;
const CORRELATION: usize = 16;

/// A command with all that its answer needs.
pub struct Command {
    pub text: Vec<u8, TEXT>,
    qos: QoS,
    /// Where the answer is wanted (5.0); otherwise empty.
    reply_topic: String<TOPIC>,
    correlation: Option<Vec<u8, CORRELATION>>,
    /// None at QoS 0.
    pub ack: Option<PendingAck>,
}

impl Command {
    /// `None` if it doesn't fit. Then nobody acknowledges it: a program for the field would answer with a reason.
    pub fn new(message: Message<'_>) -> Option<Self> {
        let correlation = message.properties.correlation_data().map(Vec::from_slice).transpose().ok()?;
        Some(Self {
            text: Vec::from_slice(message.payload).ok()?,
            qos: message.qos,
            reply_topic: String::try_from(message.properties.response_topic().unwrap_or_default()).ok()?,
            correlation,
            ack: message.ack,
        })
    }

    /// The answer: the same text, to the topic that the command asks for or else to `topic`, at the command's quality of service.
    pub fn answer<'a>(&'a self, topic: &'a str) -> Option<Publish<'a>> {
        let topic = if self.reply_topic.is_empty() { topic } else { &self.reply_topic };
        let mut answer = Publish::new(TopicName::new(topic).ok()?, &self.text[..]).qos(self.qos);
        answer.correlation_data = self.correlation.as_deref();
        Some(answer)
    }
}
