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
mod tool;
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
    play("retained", "a retained message reaches later subscribers, is replaced, and is removed by an empty one", 15, retained::run),
    play("will", "the will is published when the link is cut, and not after DISCONNECT", 15, will::run),
    play("shared", "of 100 messages each goes to one of two members of `$share`, and both get some", 20, shared::run),
    play("large", "1,000,000 bytes arrive as they were sent, at QoS 1", 20, large::run),
    play("utf-8", "topics in many scripts, with spaces, arrive as they were, also through wildcards", 20, topics::utf_8),
    play("asterisk", "a topic with `*`, `>` or `.` does not affect others: messages published after it arrive", 30, topics::special),
    play("cuts", "200 links of publisher and subscriber are cut at random bytes: nothing lost at QoS 1 and 2, nothing doubled at QoS 2", 120, cuts::run),
    play("sigterm", "the broker is restarted by SIGTERM under load: sessions are kept, nothing is lost", 90, restart::by_sigterm),
    play("sigkill", "the same with SIGKILL", 90, restart::by_sigkill),
    play("black-hole", "a link that drops all data silently is detected within 1.5 keep alives and 5 s; nothing is lost", 40, black_hole::run),
    play("credentials", "a wrong password is refused in CONNACK, and retried only after a delay", 20, credentials::run),
    only_v5("properties", "all properties of PUBLISH arrive, user properties in order and doubled ones twice; the expiry counts down", 15, properties::run),
    only_v5("expiry", "a session outlives its link for its Session Expiry Interval, and no longer", 25, session_expiry::run),
    only_v5("aliases", "topic aliases in both directions: each message arrives at its topic", 15, aliases::run),
    only_v5("request", "a request is answered through Response Topic and Correlation Data", 15, request::run),
    only_v5("reasons", "a client whose session is taken over receives 0x8E", 15, reasons::run),
    only_v5("flow", "no more than Receive Maximum messages come before they are acknowledged", 15, flow_control::run),
    only_v5("size", "a message above the client's Maximum Packet Size is withheld, the next one comes", 15, packet_size::run),
    play("tool-qos-0", "the program: 50 lines at QoS 0 arrive, in order", 15, tool::qos_0),
    play("tool-qos-1", "the program: 50 lines at QoS 1 arrive, in order", 15, tool::qos_1),
    play("tool-qos-2", "the program: 50 lines at QoS 2 arrive, once, in order", 15, tool::qos_2),
    play("tool-retained", "the program: a retained message has the flag, and `-r -n` removes it", 15, tool::retained),
    play("tool-will", "the program: the will is published when it is killed, and not when it exits", 15, tool::will),
    play("tool-shared", "the program: of 100 lines each goes to one of two members of `$share`", 20, tool::shared),
    play("tool-large", "the program: a file of 1,000,000 bytes arrives byte for byte", 20, tool::large),
    play("tool-utf-8", "the program: topics in many scripts", 40, tool::utf_8),
    play("tool-cuts", "the program: 200 links of `pub --lines --resume` and `sub --resume` are cut at random bytes: no line lost, none doubled at QoS 2", 120, tool::cuts),
    play("tool-sigterm", "the program: the broker is restarted by SIGTERM under load: no line is lost", 90, tool::by_sigterm),
    play("tool-sigkill", "the program: the same with SIGKILL", 90, tool::by_sigkill),
    play("tool-black-hole", "the program: a link that drops all data silently is detected within 1.5 keep alives and 5 s; nothing is lost", 60, tool::black_hole),
    play("tool-credentials", "the program: a wrong password ends it with an error message, a hint and exit code 3", 20, tool::credentials),
    only_v5("tool-properties", "the program: properties of PUBLISH arrive, user properties in order and doubled ones twice", 15, tool::properties),
    only_v5("tool-expiry", "the program: a session outlives it for its Session Expiry Interval, and no longer", 25, tool::expiry),
    only_v5("tool-request", "the program: a request is answered", 15, tool::request),
];

impl Play {
    /// It is the program `mqtt` that plays.
    pub fn is_by_tool(&self) -> bool {
        self.name.starts_with(BY_TOOL)
    }

    /// What it shows of a broker, whoever plays.
    pub fn subject(&self) -> &'static str {
        self.name.strip_prefix(BY_TOOL).unwrap_or(self.name)
    }
}

const BY_TOOL: &str = "tool-";

const fn play(name: &'static str, about: &'static str, seconds: u64, run: fn(&mut Stage) -> Played) -> Play {
    Play { name, about, only_v5: false, bound: Duration::from_secs(seconds), run }
}

const fn only_v5(name: &'static str, about: &'static str, seconds: u64, run: fn(&mut Stage) -> Played) -> Play {
    Play { only_v5: true, ..play(name, about, seconds, run) }
}
