//! The publisher and the consumer, on one of our clients.

use std::fmt;
use std::sync::Arc;

use crate::tally::Tally;
use crate::{on_threads, on_tokio};

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Threads,
    Tokio,
}

pub const KINDS: [Kind; 2] = [Kind::Threads, Kind::Tokio];

pub fn kind(name: &str) -> Result<Kind, String> {
    let found = KINDS.into_iter().find(|kind| kind.to_string() == name);
    found.ok_or_else(|| format!("There is no client {name}: threads and tokio are known."))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threads => "threads",
            Self::Tokio => "tokio",
        })
    }
}

/// A client that runs, and ends with this value.
pub trait Running {
    /// The port of the node that it is connected to, while it is.
    fn port(&self) -> Option<u16>;
}

/// What both clients are to do.
pub struct Task {
    /// The three nodes.
    pub ports: [u16; 3],
    pub keep_alive: Option<u16>,
    pub messages: usize,
    pub tally: Arc<Tally>,
}

impl Task {
    /// The consumer, once its subscription is granted.
    pub fn consume(&self, kind: Kind) -> Result<Box<dyn Running>, String> {
        match kind {
            Kind::Threads => on_threads::consume(self),
            Kind::Tokio => on_tokio::consume(self),
        }
    }

    /// The publisher, as soon as it begins.
    pub fn publish(&self, kind: Kind) -> Result<Box<dyn Running>, String> {
        match kind {
            Kind::Threads => on_threads::publish(self),
            Kind::Tokio => on_tokio::publish(self),
        }
    }
}

/// The port in the URL of a server.
pub fn port_of(server: &impl fmt::Display, ports: [u16; 3]) -> Option<u16> {
    let url = server.to_string();
    ports.into_iter().find(|port| url.ends_with(&format!(":{port}")))
}

pub const TOPIC: &str = "clusters/readings";

/// So many messages at most are unacknowledged.
pub const WINDOW: usize = 50;
