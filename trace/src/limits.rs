//! Limits and the lengths of a storage's parts as lists of numbers, in both directions.

#[cfg(feature = "alloc")]
use pure_mqtt::Version;
use pure_mqtt::storage::Lengths;
use pure_mqtt::{Limits, OnBadTopic, OnSessionLoss, OnTooLong, OnUnknownSession, Overflow};

/// How many numbers stand for limits.
pub(crate) const LIMITS: usize = 26;

/// Every field in the order of its declaration.
pub(crate) fn limits_numbers(limits: &Limits) -> [u64; LIMITS] {
    let on_session_loss = match limits.on_session_loss {
        OnSessionLoss::Republish => 0,
        OnSessionLoss::Abort => 1,
    };
    let on_unknown_session = match limits.on_unknown_session {
        OnUnknownSession::Adopt => 0,
        OnUnknownSession::CleanStart => 1,
        OnUnknownSession::Refuse => 2,
    };
    let on_too_long = match limits.on_too_long {
        OnTooLong::EndLink => 0,
        OnTooLong::Discard => 1,
    };
    let on_bad_topic = match limits.on_bad_topic {
        OnBadTopic::Discard => 0,
        OnBadTopic::Deliver => 1,
    };
    let overflow = match limits.overflow {
        Overflow::Reject => 0,
        Overflow::DropOldest => 1,
        Overflow::LatestPerTopic => 2,
    };
    [
        limits.version.level().into(),
        limits.max_inflight.into(),
        limits.max_queued.into(),
        limits.max_bytes.into(),
        limits.receive_maximum.into(),
        limits.max_received.into(),
        limits.inline_max.into(),
        limits.stream_max.into(),
        limits.topic_alias_maximum.into(),
        limits.outbound_aliases.into(),
        limits.alias_name_max.into(),
        limits.manual_acks.into(),
        on_session_loss,
        on_unknown_session,
        on_too_long,
        on_bad_topic,
        limits.announce_limits.into(),
        overflow,
        limits.refuse_offline_qos0.into(),
        limits.check_payload_format.into(),
        limits.strict.into(),
        limits.connack_timeout.into(),
        limits.close_timeout.into(),
        limits.pingresp_timeout.into(),
        limits.ack_timeout.into(),
        limits.retry_interval.into(),
    ]
}

/// The limits that these numbers stand for; `None` if one is out of range.
#[cfg(feature = "alloc")]
pub(crate) fn limits_from(numbers: [u64; LIMITS]) -> Option<Limits> {
    let mut rest = numbers.into_iter();
    let mut next = || rest.next();
    let half = |number: Option<u64>| u16::try_from(number?).ok();
    let word = |number: Option<u64>| u32::try_from(number?).ok();
    let flag = |number: Option<u64>| number.filter(|number| *number < 2).map(|number| number == 1);
    Some(Limits {
        version: version_from(next()?)?,
        max_inflight: half(next())?,
        max_queued: word(next())?,
        max_bytes: word(next())?,
        receive_maximum: half(next())?,
        max_received: half(next())?,
        inline_max: word(next())?,
        stream_max: word(next())?,
        topic_alias_maximum: half(next())?,
        outbound_aliases: half(next())?,
        alias_name_max: half(next())?,
        manual_acks: flag(next())?,
        on_session_loss: [OnSessionLoss::Republish, OnSessionLoss::Abort].get(next()? as usize).copied()?,
        on_unknown_session: [OnUnknownSession::Adopt, OnUnknownSession::CleanStart, OnUnknownSession::Refuse]
            .get(next()? as usize)
            .copied()?,
        on_too_long: [OnTooLong::EndLink, OnTooLong::Discard].get(next()? as usize).copied()?,
        on_bad_topic: [OnBadTopic::Discard, OnBadTopic::Deliver].get(next()? as usize).copied()?,
        announce_limits: flag(next())?,
        overflow: [Overflow::Reject, Overflow::DropOldest, Overflow::LatestPerTopic].get(next()? as usize).copied()?,
        refuse_offline_qos0: flag(next())?,
        check_payload_format: flag(next())?,
        strict: flag(next())?,
        connack_timeout: word(next())?,
        close_timeout: word(next())?,
        pingresp_timeout: word(next())?,
        ack_timeout: word(next())?,
        retry_interval: word(next())?,
    })
}

/// The version with this protocol level.
#[cfg(feature = "alloc")]
pub(crate) fn version_from(level: u64) -> Option<Version> {
    Version::ALL.into_iter().find(|version| u64::from(version.level()) == level)
}

/// How many numbers stand for the lengths of a storage's parts.
pub(crate) const LENGTHS: usize = 8;

/// The lengths in the order of the format.
pub(crate) const fn lengths_numbers(lengths: &Lengths) -> [usize; LENGTHS] {
    let Lengths { send, receive, arena, control, aliases_in, aliases_out } = *lengths;
    [send, arena, receive, control, aliases_in.0, aliases_in.1, aliases_out.0, aliases_out.1]
}

/// The lengths that these numbers stand for.
#[cfg(feature = "alloc")]
pub(crate) const fn lengths_from(numbers: [usize; LENGTHS]) -> Lengths {
    let [send, arena, receive, control, aliases_in, names_in, aliases_out, names_out] = numbers;
    Lengths { send, receive, arena, control, aliases_in: (aliases_in, names_in), aliases_out: (aliases_out, names_out) }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_no_limit() {
        let numbers = limits_numbers(&Limits::DEFAULT);
        assert_eq!(limits_from(numbers), Some(Limits::DEFAULT));
        let (flags, halves) = ([11, 14, 15, 16, 18, 19, 20], [1, 4, 5, 8, 9, 10]);
        for place in 0..LIMITS {
            let most = match place {
                0 => 5,
                12 => 1,
                13 | 17 => 2,
                place if flags.contains(&place) => 1,
                place if halves.contains(&place) => u16::MAX.into(),
                _ => u32::MAX.into(),
            };
            let with = |number: u64| {
                let mut numbers = numbers;
                numbers[place] = number;
                limits_from(numbers).map(|limits| limits_numbers(&limits) == numbers)
            };
            assert_eq!((with(most), with(most + 1)), (Some(true), None), "number {place}");
        }
    }
}
