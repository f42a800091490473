//! What may happen to a connection, as data.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use pure_mqtt::{Limits, OnSessionLoss, Overflow, Version};

/// A life of a connection.
#[derive(Clone, Debug)]
pub struct Script {
    pub limits: Limits,
    pub version: Version,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// Opens a link; the server accepts it at once.
    Up {
        clean: bool,
        present: bool,
        receive_maximum: Option<u8>,
        aliases: bool,
    },
    /// Opens a link, and nothing else.
    Open {
        clean: bool,
    },
    Close,
    Publish {
        qos: u8,
        length: u8,
        topic: u8,
        expiry: Option<u8>,
        retain: bool,
        is_streamed: bool,
    },
    /// The payload of a streamed message can't be supplied.
    Abandon {
        which: u8,
    },
    Subscribe {
        filters: u8,
    },
    Unsubscribe,
    /// One of the messages that the application holds.
    Acknowledge {
        which: u8,
        reason: u8,
        explains: bool,
    },
    Cancel {
        which: u8,
    },
    Disconnect {
        reason: u8,
    },
    Forget,
    /// Time passes, in steps of 10 ms.
    Wait(u16),
    /// The transport takes so many bytes.
    Take(u8),
    /// The server says something.
    Say(Said),
}

#[derive(Clone, Debug)]
pub enum Said {
    ConnAck {
        present: bool,
        code: u8,
    },
    Publish {
        qos: u8,
        id: u8,
        dup: bool,
        length: u8,
        alias: Option<u8>,
    },
    /// PUBACK, PUBREC, PUBREL or PUBCOMP by its first byte.
    Ack {
        first: u8,
        id: u8,
        reason: u8,
    },
    SubAck {
        id: u8,
        codes: u8,
    },
    UnsubAck {
        id: u8,
        codes: u8,
    },
    PingResp,
    Disconnect,
    /// Anything.
    Bytes(Vec<u8>),
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V31), Just(Version::V311), Just(Version::V5)]
}

prop_compose! {
    fn limits()(
        version in version(),
        max_inflight in prop_oneof![Just(1), Just(2), Just(20)],
        max_queued in prop_oneof![Just(0), Just(3)],
        max_bytes in prop_oneof![Just(0), Just(90)],
        receive_maximum in prop_oneof![Just(1), Just(2), Just(1024)],
        switches in any::<[bool; 5]>(),
        overflow in prop_oneof![Just(Overflow::Reject), Just(Overflow::DropOldest), Just(Overflow::LatestPerTopic)],
        (inline_max, stream_max) in prop_oneof![2 => Just((300, 0)), 1 => Just((24, 400))],
        times in prop_oneof![Just([0; 3]), Just([400, 700, 900])],
    ) -> Limits {
        let [manual_acks, strict, refuse_offline_qos0, aborts, check_payload_format] = switches;
        let [pingresp_timeout, ack_timeout, retry_interval] = times;
        Limits {
            version, max_inflight, max_queued, max_bytes, receive_maximum, manual_acks, strict, refuse_offline_qos0, overflow,
            pingresp_timeout, ack_timeout, retry_interval, check_payload_format,
            on_session_loss: if aborts { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
            topic_alias_maximum: 2, outbound_aliases: 2, alias_name_max: 8, inline_max, stream_max,
            ..Limits::DEFAULT
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    let id = || 0..7_u8;
    prop_oneof![
        1 => (any::<bool>(), prop_oneof![4 => Just(0), 1 => any::<u8>()])
            .prop_map(|(present, code)| Said::ConnAck { present, code }),
        6 => (0..3_u8, id(), any::<bool>(), prop_oneof![3 => 0..20_u8, 1 => 20..100_u8], option::weighted(0.3, 0..4_u8))
            .prop_map(|(qos, id, dup, length, alias)| Said::Publish { qos, id, dup, length, alias }),
        8 => (prop_oneof![Just(0x40), Just(0x50), Just(0x62), Just(0x70)], id(), prop_oneof![6 => Just(0), 1 => Just(0x92), 1 => Just(0x97)])
            .prop_map(|(first, id, reason)| Said::Ack { first, id, reason }),
        2 => (id(), 1..3_u8).prop_map(|(id, codes)| Said::SubAck { id, codes }),
        1 => (id(), 1..2_u8).prop_map(|(id, codes)| Said::UnsubAck { id, codes }),
        2 => Just(Said::PingResp),
        1 => Just(Said::Disconnect),
        1 => vec(any::<u8>(), 0..12).prop_map(Said::Bytes),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop::bool::weighted(0.2), prop::bool::weighted(0.8), option::weighted(0.4, 1..4_u8), any::<bool>()).prop_map(
            |(clean, present, receive_maximum, aliases)| Step::Up { clean, present, receive_maximum, aliases }
        ),
        1 => any::<bool>().prop_map(|clean| Step::Open { clean }),
        3 => Just(Step::Close),
        10 => (0..3_u8, 0..70_u8, 0..4_u8, option::weighted(0.2, 0..4_u8), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
            |(qos, length, topic, expiry, retain, is_streamed)| {
                Step::Publish { qos, length, topic, expiry, retain, is_streamed }
            }
        ),
        1 => any::<u8>().prop_map(|which| Step::Abandon { which }),
        2 => (0..3_u8).prop_map(|filters| Step::Subscribe { filters }),
        1 => Just(Step::Unsubscribe),
        3 => (any::<u8>(), prop_oneof![4 => Just(0), 1 => Just(0x97), 1 => any::<u8>()], any::<bool>())
            .prop_map(|(which, reason, explains)| Step::Acknowledge { which, reason, explains }),
        1 => any::<u8>().prop_map(|which| Step::Cancel { which }),
        1 => prop_oneof![Just(0), Just(4), any::<u8>()].prop_map(|reason| Step::Disconnect { reason }),
        1 => Just(Step::Forget),
        4 => prop_oneof![3 => 0..60_u16, 1 => 0..900_u16].prop_map(Step::Wait),
        6 => prop_oneof![3 => 0..20_u8, 2 => Just(u8::MAX)].prop_map(Step::Take),
        20 => said().prop_map(Step::Say),
    ]
}

pub fn script() -> impl Strategy<Value = Script> {
    (limits(), version(), vec(step(), 1..60)).prop_map(|(limits, version, steps)| Script { limits, version, steps })
}
