//! What is explored: a budget of events, and limits.

use pure_mqtt::{Limits, OnSessionLoss, Version};

/// What is explored.
#[derive(Clone, Debug)]
pub struct Config {
    pub name: &'static str,
    pub version: Version,
    pub budget: Budget,
    /// The Receive Maximum that the server may name at each CONNACK; 0 for none.
    pub windows: &'static [u16],
    /// The client's own limit.
    pub max_inflight: u16,
    /// The client's queue, in messages; 0 for as many as the storage holds.
    pub max_queued: u32,
    /// The client's Receive Maximum.
    pub receive_maximum: u16,
    pub manual_acks: bool,
    pub abort: bool,
    /// The transport may say what it took even after a time-out has ended the link.
    pub late_over_end: bool,
}

/// How often each thing may still happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Budget {
    /// Messages from the client, for each quality of service.
    pub up: [u8; 3],
    pub subscribe: u8,
    /// Messages to the client, for each quality of service.
    pub down: [u8; 3],
    pub cuts: u8,
    /// Of these links may begin with a clean start.
    pub cleans: u8,
    /// The server loses the session.
    pub losses: u8,
    /// The server refuses a message in PUBACK or PUBREC.
    pub refusals: u8,
    /// The transport takes only the first byte of a packet, for now.
    pub halves: u8,
    /// The transport takes nothing any more, for a while or until the link ends.
    pub stalls: u8,
    /// The transport takes a packet and says so later, perhaps after the server's answer.
    pub lates: u8,
    /// The server carries CONNECT out, and nothing that it sends on this link arrives.
    pub lost_connacks: u8,
    /// The application ends the link.
    pub disconnects: u8,
    /// The device loses its power; only then does it have a journal.
    pub outages: u8,
}

/// The keep alive in seconds. Time passes only while nothing can be sent or nothing comes, so it matters only there.
pub const KEEP_ALIVE: u16 = 10;

impl Budget {
    pub const NONE: Self = Self {
        up: [0; 3],
        subscribe: 0,
        down: [0; 3],
        cuts: 0,
        cleans: 0,
        losses: 0,
        refusals: 0,
        halves: 0,
        stalls: 0,
        lates: 0,
        lost_connacks: 0,
        disconnects: 0,
        outages: 0,
    };
}

impl Config {
    pub fn limits(&self) -> Limits {
        Limits {
            version: self.version,
            max_inflight: self.max_inflight,
            max_queued: self.max_queued,
            receive_maximum: self.receive_maximum,
            inline_max: 128,
            manual_acks: self.manual_acks,
            on_session_loss: if self.abort { OnSessionLoss::Abort } else { OnSessionLoss::Republish },
            ..Limits::DEFAULT
        }
    }
}
