//! What the agents and servers of a world are like.

use crate::broker::Server;
use crate::features::{Feature, Set};
use crate::hosts::Host;
use crate::life::WALL;
use fastrand::Rng;
use pure_mqtt::{Limits, OnSessionLoss, Overflow, Version};
use pure_mqtt_agent::{Agent, CleanStart, Instant, OnStoreFailure, Options, Realm, Redial, Redirects};

/// The servers, and how many realms they form.
pub fn servers(rng: &mut Rng, has: Set) -> (Vec<Server>, usize) {
    let realms = 1 + usize::from(has.has(Feature::TwoRealms));
    let nodes = 1 + usize::from(has.has(Feature::SharedRealm)) + usize::from(has.has(Feature::Cluster));
    let receive_maximum = if rng.bool() { 0 } else { rng.u16(1..20) };
    let servers = (0..realms * nodes).map(|place| Server {
        realm: place % realms,
        refuses_v5: has.has(Feature::Fallback) && rng.bool(),
        no_identifiers: has.has(Feature::NoIdentifiers),
        copy_per_filter: has.has(Feature::CopyPerFilter),
        receive_maximum,
        refusals: (
            if has.has(Feature::Refuses) { rng.u32(0..4) } else { 0 },
            [0x86, 0x87, 0x88, 0x89, 0x97][rng.usize(0..5)],
        ),
        mutes: if has.has(Feature::Mute) { rng.u32(0..4) } else { 0 },
        frozen_until: 0,
    });
    let mut servers: Vec<_> = servers.collect();
    if has.has(Feature::Redirects) {
        servers[0].refusals = (rng.u32(1..6), 0x9C + rng.u8(0..2));
    }
    (servers, realms)
}

pub fn hosts(rng: &mut Rng, has: Set, servers: usize) -> Vec<Host> {
    let several = has.has(Feature::SeveralHosts) || has.has(Feature::SameId);
    let count = if several { rng.usize(2..4) } else { 1 };
    (0..count).map(|index| host(rng, has, servers, index)).collect()
}

fn host(rng: &mut Rng, has: Set, servers: usize, index: usize) -> Host {
    let name = if has.has(Feature::SameId) && index < 2 { 0 } else { index };
    let mut options = Options::new(format!("client{name}"), rng.u64(..));
    let realms = 1 + usize::from(has.has(Feature::TwoRealms));
    let is_cluster = has.has(Feature::Cluster);
    let realm = |place: usize| pure_mqtt_agent::Server {
        realm: Some(Realm(if is_cluster { place } else { place % realms } as u64)),
        cluster: is_cluster.then_some((place % realms) as u16),
        has_srv: has.has(Feature::Srv),
        ..Default::default()
    };
    options.servers = (0..servers).map(realm).collect();
    set_version(rng, has, &mut options);
    options.keep_alive = rng.u16(5..60);
    options.session_expiry = if has.has(Feature::Expires) { rng.u32(20..200) } else { u32::MAX };
    options.clean_start =
        if rng.u8(0..8) == 0 && options.version != Version::V31 { CleanStart::Never } else { CleanStart::First };
    options.redial = match has.has(Feature::HostRedial) && rng.bool() {
        true => Redial::Host,
        false => Redial::Agent {
            min: rng.u32(100..5_000),
            max: rng.u32(5_000..60_000),
            stands_after: rng.u32(1_000..30_000),
        },
    };
    options.redirects =
        Redirects { trusted: vec![".example".into()], follow_others: rng.bool(), ..Redirects::default() };
    options.durable = has.has(Feature::Durable) && rng.u8(0..4) > 0;
    if has.has(Feature::Volatile) {
        options.on_store_failure = OnStoreFailure::GoOnVolatile;
    }
    options.max_attempts = if has.has(Feature::MaxAttempts) { rng.u8(1..6) } else { 0 };
    options.max_waiting = if has.has(Feature::SmallWaiting) { rng.usize(1..2_000) } else { 1 << 20 };
    options.ack_alarm = rng.u32(0..20_000);
    options.subscribe_batch = rng.usize(1..10);
    options.retry_lasting = true;
    options.limits = limits(rng, has, options.limits);
    let store_is_on = options.durable;
    let agent = Agent::new(options.clone(), Instant::from_millis(0), WALL);
    let mut host = Host::new(options, agent);
    host.store.is_on = store_is_on;
    host
}

fn set_version(rng: &mut Rng, has: Set, options: &mut Options) {
    let versions = [(Feature::V31, Version::V31), (Feature::V311, Version::V311), (Feature::V5, Version::V5)];
    let may: Vec<_> = versions.iter().filter(|(feature, _)| has.has(*feature)).map(|(_, version)| *version).collect();
    options.version = if may.is_empty() { Version::V5 } else { may[rng.usize(0..may.len())] };
    if has.has(Feature::Fallback) {
        (options.version, options.lowest_version) = (Version::V5, Some(Version::V311));
    }
}

fn limits(rng: &mut Rng, has: Set, limits: Limits) -> Limits {
    let overflow = match rng.bool() {
        true => Overflow::DropOldest,
        false => Overflow::LatestPerTopic,
    };
    Limits {
        max_inflight: if has.has(Feature::OneInFlight) { 1 } else { rng.u16(2..20) },
        max_queued: if has.has(Feature::SmallQueue) || has.has(Feature::Displaces) { rng.u32(1..8) } else { 0 },
        receive_maximum: rng.u16(1..30),
        overflow: if has.has(Feature::Displaces) { overflow } else { Overflow::Reject },
        on_session_loss: if has.has(Feature::Abort) { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
        connack_timeout: rng.u32(1_000..10_000),
        close_timeout: rng.u32(500..3_000),
        ack_timeout: if rng.bool() { 0 } else { rng.u32(5_000..20_000) },
        ..limits
    }
}
