//! Access to unfinished messages.

use crate::storage::{MessageMarks, SendSlot, View};
use crate::text::Text;
use crate::topic::TopicName;
use crate::types::{Handle, PacketId, QoS, Version};
use crate::wire::{Layout, PacketType, Properties, Reader, Rules, Seen};

/// An unfinished message at QoS 1 or 2: see [`Connection::unacknowledged`](crate::Connection::unacknowledged).
///
/// ```
/// use pure_mqtt::{Connection, Fixed, Instant, Limits, Publish, QoS, TopicName};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let mut mqtt = Connection::new(Fixed::<256, 4, 4>::new(), Limits::DEFAULT);
///     let topic = TopicName::new("meter/reading")?;
///     let delivery = mqtt.publish(Instant::from_millis(0), &Publish::new(topic, b"4711").qos(QoS::AtLeastOnce))?;
///     let message = mqtt.unacknowledged().next().unwrap();
///     assert_eq!((message.handle, message.topic.as_str(), message.payload), (delivery.handle, "meter/reading", &b"4711"[..]));
///     assert!(!message.may_have_arrived);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Unacknowledged<'a> {
    /// The handle that `publish` returned.
    pub handle: Handle,
    /// The packet identifier.
    pub id: PacketId,
    /// The topic; empty after PUBREC, when only the identifier is kept.
    pub topic: TopicName<'a>,
    /// The payload; empty after PUBREC, and for a streamed payload.
    pub payload: &'a [u8],
    /// The delivery guarantee.
    pub qos: QoS,
    /// Whether the server keeps the message as the retained message of the topic.
    pub retain: bool,
    /// The properties, including those that are sent only on links of 5.0. Message Expiry Interval has the value from
    /// when the message was accepted or last sent.
    pub properties: Properties<'a>,
    /// The number of links on which some of the message was sent; after PUBREC, on which its PUBREL was sent.
    pub attempts: u8,
    /// Whether some of the message was sent in this session.
    pub may_have_arrived: bool,
    /// Whether PUBREC has arrived: the server has taken the message, and PUBREL is sent.
    pub is_released: bool,
}

impl<'a> Unacknowledged<'a> {
    pub(super) fn of(view: &View<'a>, version: Version, index: usize, slot: &SendSlot) -> Self {
        let form = if slot.marks.is_in_v5() { Version::V5 } else { version };
        let start = slot.position as usize;
        let frame = view.arena.get(start..start + slot.length as usize).unwrap_or_default();
        let layout = Layout::of(frame, form);
        let part = |from: usize, to: usize| frame.get(from..to).unwrap_or_default();
        let topic = Text::trusted(part(layout.start + 2, layout.id));
        let payload = match slot.marks.message().has(MessageMarks::SHARED_PAYLOAD) {
            true => view.payloads.get(index),
            false => part(layout.rest, frame.len()),
        };
        let properties = match form.has_properties() {
            true => {
                let mut block = Reader::new(part(layout.properties, layout.rest), Rules::new(form));
                Properties::decode_seen(&mut block, PacketType::Publish.bit(), &mut Seen::default())
            }
            false => Properties::NONE,
        };
        let is_released = slot.progress.is_release();
        Self {
            handle: Handle(slot.handle),
            id: PacketId::new(slot.id()).unwrap_or(PacketId::FIRST),
            topic: TopicName::trusted(topic),
            payload,
            qos: slot.kind.qos().unwrap_or_default(),
            retain: layout.first_byte & 1 != 0,
            properties,
            attempts: slot.attempts(),
            may_have_arrived: is_released || slot.progress.is_known(),
            is_released,
        }
    }
}
