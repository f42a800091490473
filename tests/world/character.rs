//! What a world is like: drawn once, from its seed. Each part has random numbers of its own, so that a feature that is taken away leaves the others
//! as they were.

use crate::features::{Feature, Set};
use crate::hosts::{LONGEST, Writing};
use crate::rules::EXCLUDED;
use crate::script::seed_for;
use crate::server::{Config, Oddities};
use pure_mqtt::{Limits, OnBadTopic, OnSessionLoss, OnTooLong, OnUnknownSession, Overflow, Version};

#[derive(Clone, Debug)]
pub struct Character {
    pub has: Set,
    pub version: Version,
    pub keep_alive: u16,
    /// Session Expiry of 5.0.
    pub expiry: Option<u32>,
    pub limits: Limits,
    pub config: Config,
    /// Of the transport.
    pub latency: u64,
    pub capacity: usize,
    pub most_read: usize,
    pub most_written: usize,
    pub writing: Writing,
    /// Where the client's clock begins.
    pub epoch: u64,
    /// Of 16 milliseconds, so many pass on the server's clock.
    pub server_pace: u64,
    /// Milliseconds until a record is durable.
    pub flush: u64,
    /// Of 16 messages, so many are of QoS 0, 1 and 2.
    pub qos: [u8; 3],
}

/// The features that a seed draws, before those that don't go together are taken out.
pub fn features_of(seed: u64) -> Set {
    let mut rng = fastrand::Rng::with_seed(seed_for(seed, 1));
    let mut has = Set::default();
    for feature in Feature::ALL.iter().copied() {
        if rng.u8(0..100) < feature.chance() {
            has.add(feature);
        }
    }
    for &(feature, needed) in NEEDED {
        if has.has(feature) {
            has.add(needed);
        }
    }
    one_of(&mut has, &mut rng, &[Feature::Heap, Feature::Fixed, Feature::Tiny, Feature::Borrowed]);
    one_of(&mut has, &mut rng, &[Feature::V31, Feature::V311, Feature::V5]);
    for (some, others, _) in EXCLUDED {
        for one in some.iter().filter(|one| has.has(**one)).collect::<Vec<_>>() {
            others.iter().filter(|other| *other != one).for_each(|other| has.remove(*other));
        }
    }
    if !has.has(Feature::Journal) {
        JOURNAL.iter().for_each(|feature| has.remove(*feature));
    }
    has
}

/// The first can't act without the second.
const NEEDED: &[(Feature, Feature)] = &[
    (Feature::AckErrors, Feature::ManualAcks),
    (Feature::Abandon, Feature::StreamedOut),
    (Feature::Discard, Feature::TooLong),
    (Feature::Deliver, Feature::BadTopic),
];

const JOURNAL: &[Feature] = &[Feature::TornWrite, Feature::SlowFlush, Feature::PowerCut, Feature::Snapshot];

/// Keeps exactly one of these.
fn one_of(has: &mut Set, rng: &mut fastrand::Rng, these: &[Feature]) {
    let total: u32 = these.iter().map(|feature| u32::from(feature.chance())).sum();
    let mut left = rng.u32(0..total);
    these.iter().for_each(|feature| has.remove(*feature));
    for feature in these {
        match left.checked_sub(feature.chance().into()) {
            Some(rest) => left = rest,
            None => return has.add(*feature),
        }
    }
}

impl Character {
    pub fn new(seed: u64, has: Set) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed_for(seed, 3));
        let mut pick = |values: &[u64]| rng.choice(values.iter().copied()).unwrap_or(0);
        let version = match () {
            () if has.has(Feature::V5) => Version::V5,
            () if has.has(Feature::V31) => Version::V31,
            () => Version::V311,
        };
        let keep_alive = pick(&[0, 1, 5, 20, 30, 60, 60, 300, 65_535]) as u16;
        let expiry = [None, Some(20), Some(300), Some(u32::MAX), Some(u32::MAX)][pick(&[0, 1, 2, 3, 4]) as usize];
        let trickles = has.has(Feature::Trickle);
        let most_read = pick(if trickles { &[1, 2, 5] } else { &[60, 4096] }) as usize;
        let most_written = pick(if trickles { &[1, 2, 5] } else { &[60, 4096] }) as usize;
        let far = pick(&[63_900_000_000_000, u64::MAX - 400 * 86_400_000]);
        Self {
            version,
            keep_alive,
            expiry,
            latency: pick(&[0, 1, 30, 400]),
            capacity: pick(&[0, 7, 100, 5_000]) as usize,
            most_read,
            most_written,
            writing: if has.has(Feature::LateAdvance) { Writing::Later } else { Writing::AtOnce },
            epoch: if has.has(Feature::FarEpoch) { far } else { pick(&[0, 1_000, 1 << 33]) },
            server_pace: if has.has(Feature::ServerClock) { pick(&[8, 15, 17, 24]) } else { 16 },
            flush: if has.has(Feature::SlowFlush) { pick(&[5, 100, 2_000, 40_000]) } else { 0 },
            qos: [[4, 6, 6], [1, 12, 3], [1, 3, 12], [12, 2, 2]][pick(&[0, 1, 2, 3]) as usize],
            limits: limits(seed, has, version),
            config: config(seed, has, limits(seed, has, version).max_received),
            has,
        }
    }
}

#[allow(clippy::needless_update, reason = "a minor version may add settings")]
fn limits(seed: u64, has: Set, version: Version) -> Limits {
    let mut rng = fastrand::Rng::with_seed(seed_for(seed, 4));
    let mut pick = |values: &[u32]| rng.choice(values.iter().copied()).unwrap_or(0);
    let inline_max = pick(&[96, 128, 200]);
    let overruns = has.has(Feature::Overrun);
    let tight = has.has(Feature::QueueLimit) || has.has(Feature::DropOldest) || has.has(Feature::LatestPerTopic);
    // `Heap` keeps room for all names from the start, so the maximum would take gigabytes.
    let [aliases_in, aliases_out] = [pick(&[1, 2, 10, 100]), pick(&[1, 2, 4, 100])].map(|count| count as u16);
    Limits {
        version,
        max_inflight: if has.has(Feature::OneInFlight) { 1 } else { pick(&[0, 2, 20, 65_535]) as u16 },
        max_queued: if tight { pick(&[1, 2, 3, 6]) } else { pick(&[0, 0, u32::MAX]) },
        max_bytes: if tight { pick(&[0, 200, 600]) } else { pick(&[0, 0, u32::MAX]) },
        receive_maximum: pick(if overruns { &[1, 1, 3] } else { &[1, 3, 1024, 65_535] }) as u16,
        max_received: pick(if overruns { &[0, 1, 2, 4] } else { &[0, 0, 1, 4, 65_535] }) as u16,
        inline_max: if has.has(Feature::PiecesIn) { inline_max } else { LONGEST as u32 },
        stream_max: if has.has(Feature::PiecesIn) { 1_024 } else { 0 },
        topic_alias_maximum: if has.has(Feature::AliasIn) { aliases_in } else { 0 },
        outbound_aliases: if has.has(Feature::AliasOut) { aliases_out } else { 0 },
        alias_name_max: pick(&[20, 128, 1_000]) as u16,
        manual_acks: has.has(Feature::ManualAcks),
        on_session_loss: if has.has(Feature::Abort) { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
        overflow: match () {
            () if has.has(Feature::DropOldest) => Overflow::DropOldest,
            () if has.has(Feature::LatestPerTopic) => Overflow::LatestPerTopic,
            () => Overflow::Reject,
        },
        refuse_offline_qos0: pick(&[0, 0, 1]) == 1,
        check_payload_format: pick(&[0, 1]) == 1,
        strict: has.has(Feature::Strict),
        connack_timeout: pick(&[0, 1_000, 5_000, 20_000, 20_000, u32::MAX]),
        pingresp_timeout: pick(&[0, 0, 1, 2_000, 10_000, 10_000]),
        ack_timeout: if has.has(Feature::AckTimeout) { pick(&[3_000, 10_000, 60_000]) } else { 0 },
        retry_interval: if has.has(Feature::Retry) { pick(&[500, 2_000, 20_000]) } else { 0 },
        announce_limits: !has.has(Feature::Silent),
        on_too_long: if has.has(Feature::Discard) { OnTooLong::Discard } else { OnTooLong::EndLink },
        on_bad_topic: if has.has(Feature::Deliver) { OnBadTopic::Deliver } else { OnBadTopic::Discard },
        on_unknown_session: [OnUnknownSession::Adopt, OnUnknownSession::CleanStart, OnUnknownSession::Refuse]
            [pick(&[0, 0, 0, 1, 2]) as usize],
        ..Limits::DEFAULT
    }
}

/// The longest name that is kept behind an alias. The server may use one for any name, so a longer one costs a link.
pub fn alias_fits(has: Set, limits: &Limits) -> usize {
    match () {
        () if has.has(Feature::Tiny) => 8,
        () if has.has(Feature::Fixed) => 32,
        () if has.has(Feature::Borrowed) => 80,
        () => limits.alias_name_max.into(),
    }
}

/// How many messages at a time there is a place for, as far as a server can know before 5.0: one place is kept for QoS 1.
fn places(has: Set, max_received: u16) -> usize {
    let slots: usize = match () {
        () if has.has(Feature::Tiny) => 2,
        () if has.has(Feature::Fixed) || has.has(Feature::Borrowed) => 8,
        () => 32_768,
    };
    let limit: usize = if max_received == 0 { slots } else { slots.min(max_received.into()) };
    limit.saturating_sub(1).max(1)
}

fn config(seed: u64, has: Set, max_received: u16) -> Config {
    let mut rng = fastrand::Rng::with_seed(seed_for(seed, 5));
    let odd = Oddities::draw(has, &mut rng);
    let mut pick = |values: &[u32]| rng.choice(values.iter().copied()).unwrap_or(0);
    let limited = has.has(Feature::ServerLimits);
    let fair = places(has, max_received);
    Config {
        receive_maximum: limited.then(|| pick(&[1, 2, 20, 65_535]) as u16),
        maximum_qos: if limited { pick(&[0, 1, 1, 2, 2, 2]) as u8 } else { 2 },
        retain_available: !limited || pick(&[0, 1, 1]) == 1,
        maximum_packet: limited.then(|| pick(&[60, 100, 400, u32::MAX])),
        alias_maximum: if has.has(Feature::AliasOut) { pick(&[1, 3, 65_535]).min(300) as u16 } else { 0 },
        keep_alive: limited.then(|| pick(&[0, 10, 90, 90]) as u16),
        window: if has.has(Feature::Overrun) { 20 } else { (pick(&[1, 4, 20]) as usize).min(fair) },
        fair,
        uses_aliases: has.has(Feature::AliasIn),
        longest: LONGEST,
        expects_silence: has.has(Feature::Silent),
        refuses: if has.has(Feature::Refusals) { pick(&[2, 2, 3]) } else { 0 },
        odd,
    }
}
