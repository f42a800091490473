//! The table of plays, in the order in which they are played.

mod aliases;
mod black_hole;
mod credentials;
mod cuts;
mod exchange;
mod flow_control;
mod large;
mod ledger;
mod packet_size;
mod properties;
mod reasons;
mod request;
mod restart;
mod retained;
mod session_expiry;
mod shared;
mod topics;
mod versions;
mod will;

use std::time::Duration;

use crate::outcome::Played;
use crate::stage::Stage;

pub struct Play {
    /// What the command line and the page call it.
    pub name: &'static str,
    /// What a play that works has shown.
    pub about: &'static str,
    /// It needs what only 5.0 has.
    pub only_v5: bool,
    /// The longest that it may take.
    pub bound: Duration,
    pub run: fn(&mut Stage) -> Played,
}

#[rustfmt::skip]
pub const ALL: &[Play] = &[
    play("version", "CONNECT of this version is accepted", 30, versions::run),
    play("qos-0", "50 messages at QoS 0 arrive, in order", 15, exchange::qos_0),
    play("qos-1", "50 messages at QoS 1 are acknowledged and arrive at QoS 1, in order", 15, exchange::qos_1),
    play("qos-2", "50 messages at QoS 2 are acknowledged and arrive at QoS 2, once, in order", 20, exchange::qos_2),
    play("retained", "a retained message reaches who subscribes later, is replaced, and is removed by an empty one", 15, retained::run),
    play("will", "the will is published when the link is cut, and not after DISCONNECT", 15, will::run),
    play("shared", "of 100 messages each goes to one of two members of `$share`, and both get some", 20, shared::run),
    play("large", "1,000,000 bytes arrive as they were sent, at QoS 1", 20, large::run),
    play("utf-8", "topics in many scripts, with spaces, arrive as they were, also through wildcards", 20, topics::utf_8),
    play("asterisk", "a topic with `*`, `>` or `.` in it stops nothing: what is published after it arrives", 30, topics::special),
    play("cuts", "200 links of publisher and subscriber are cut at random bytes: nothing lost at QoS 1 and 2, nothing doubled at QoS 2", 120, cuts::run),
    play("sigterm", "the broker is ended by SIGTERM under load and started again: sessions are kept, nothing is lost", 90, restart::by_sigterm),
    play("sigkill", "the same by SIGKILL", 90, restart::by_sigkill),
    play("black-hole", "a link that takes bytes and passes nothing on is noticed within 1.5 keep alives and 5 s; nothing is lost", 40, black_hole::run),
    play("credentials", "a wrong password is refused in CONNACK, and not tried again at full pace", 20, credentials::run),
    only_v5("properties", "all properties of PUBLISH arrive, user properties in order and doubled ones twice; the expiry counts down", 15, properties::run),
    only_v5("expiry", "a session outlives its link for its Session Expiry Interval, and no longer", 25, session_expiry::run),
    only_v5("aliases", "topic aliases in both directions: each message arrives at its topic", 15, aliases::run),
    only_v5("request", "a request is answered through Response Topic and Correlation Data", 15, request::run),
    only_v5("reasons", "a session that is taken over is told 0x8E", 15, reasons::run),
    only_v5("flow", "no more than Receive Maximum messages come before they are acknowledged", 15, flow_control::run),
    only_v5("size", "a message above the client's Maximum Packet Size is withheld, the next one comes", 15, packet_size::run),
];

const fn play(name: &'static str, about: &'static str, seconds: u64, run: fn(&mut Stage) -> Played) -> Play {
    Play { name, about, only_v5: false, bound: Duration::from_secs(seconds), run }
}

const fn only_v5(name: &'static str, about: &'static str, seconds: u64, run: fn(&mut Stage) -> Played) -> Play {
    Play { only_v5: true, ..play(name, about, seconds, run) }
}
