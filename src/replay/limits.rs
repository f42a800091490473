//! Limits from the list of numbers that a trace has for them.

use crate::limits::{Limits, OnSessionLoss, Overflow};
use crate::record::limits::LIMITS;
use crate::types::Version;

/// The limits that these numbers stand for; `None` if one is out of range.
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
        overflow: [Overflow::Reject, Overflow::DropOldest, Overflow::LatestPerTopic].get(next()? as usize).copied()?,
        refuse_offline_qos0: flag(next())?,
        check_payload_format: flag(next())?,
        strict: flag(next())?,
        connack_timeout: word(next())?,
        pingresp_timeout: word(next())?,
        ack_timeout: word(next())?,
        retry_interval: word(next())?,
    })
}

/// The version with this protocol level.
pub(crate) fn version_from(level: u64) -> Option<Version> {
    Version::ALL.into_iter().find(|version| u64::from(version.level()) == level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::limits::limits_numbers;

    #[test]
    fn what_is_out_of_range_is_no_limit() {
        let numbers = limits_numbers(&Limits::DEFAULT);
        assert_eq!(limits_from(numbers), Some(Limits::DEFAULT));
        let (flags, halves) = ([11, 14, 15, 16], [1, 4, 5, 8, 9, 10]);
        for place in 0..LIMITS {
            let most = match place {
                0 => 5,
                12 => 1,
                13 => 2,
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
