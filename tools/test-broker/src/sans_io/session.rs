//! What the broker remembers of a client between connections.

use super::audit::{LinkAudit, SenderAudit};
use super::codec::Version;
use super::link_id::LinkId;
use super::topics::Message;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A Session Expiry Interval that never ends.
pub const FOREVER: u32 = u32::MAX;

/// The state of one client id.
#[derive(Clone, Debug)]
pub struct Session {
    /// The link that serves it, if connected.
    pub link: Option<LinkId>,
    /// Seconds it outlives its link.
    pub expiry_s: u32,
    /// When it ends, while not connected.
    pub expires_at: Option<u64>,
    /// Subscriptions by filter, `$share` prefix included.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Messages to the client with QoS 1 and 2, in order.
    pub outgoing: VecDeque<Outgoing>,
    /// QoS 2 packet identifiers received and not released yet.
    pub received: BTreeSet<u16>,
    /// What the client, as a sender, has not finished.
    pub audit: SenderAudit,
    last_id: u16,
}

/// One subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Granted QoS.
    pub qos: u8,
    /// Do not send the client its own messages.
    pub no_local: bool,
    /// Keep the RETAIN flag.
    pub retain_as_published: bool,
    /// Subscription Identifier.
    pub id: Option<u32>,
}

/// A message for one client, after its subscriptions were looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// QoS towards this client.
    pub qos: u8,
    /// RETAIN flag towards this client.
    pub retain: bool,
    /// Identifiers of the subscriptions that matched.
    pub subscription_ids: Vec<u32>,
}

/// How far a delivery with QoS 1 or 2 has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Never sent.
    Waiting,
    /// PUBLISH sent under this identifier; waits for PUBACK or PUBREC.
    Published(u16),
    /// PUBREL sent under this identifier; waits for PUBCOMP.
    Released(u16),
}

/// A delivery with QoS 1 or 2 and its progress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// What is delivered.
    pub delivery: Delivery,
    /// How far it has come.
    pub stage: Stage,
    /// Whether the current link has seen it; a new link starts all over.
    pub on_link: bool,
}

impl Session {
    /// An empty session.
    pub fn new() -> Self {
        Self {
            link: None,
            expiry_s: 0,
            expires_at: None,
            subscriptions: BTreeMap::new(),
            outgoing: VecDeque::new(),
            received: BTreeSet::new(),
            audit: SenderAudit::default(),
            last_id: 0,
        }
    }

    /// The Session Expiry Interval that a CONNECT of an older version amounts to.
    pub fn expiry_before_v5(version: Version, clean: bool) -> u32 {
        debug_assert!(!version.is_v5());
        if clean { 0 } else { FOREVER }
    }

    /// Starts service on a link.
    pub fn attach(&mut self, link: LinkId, expiry_s: u32) {
        self.link = Some(link);
        self.expiry_s = expiry_s;
        self.expires_at = None;
        self.audit.new_link();
    }

    /// Ends service. Returns whether the session lives on.
    pub fn detach(&mut self, now_ms: u64) -> bool {
        self.link = None;
        self.outgoing.iter_mut().for_each(|entry| entry.on_link = false);
        self.expires_at = (self.expiry_s != FOREVER).then(|| now_ms + u64::from(self.expiry_s) * 1000);
        self.expiry_s > 0
    }

    /// The next free packet identifier, counting up from 1.
    pub fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if self.find(self.last_id).is_none() {
                return self.last_id;
            }
        }
    }

    /// The delivery that was started under a packet identifier.
    pub fn find(&mut self, id: u16) -> Option<&mut Outgoing> {
        self.outgoing.iter_mut().find(|entry| entry.id() == Some(id))
    }

    /// Forgets the delivery under a packet identifier.
    pub fn finish(&mut self, id: u16) {
        self.outgoing.retain(|entry| entry.id() != Some(id));
    }

    /// Whether a packet identifier is in use, in either direction.
    pub fn uses(&self, id: u16, link: &LinkAudit) -> bool {
        let delivers = self.outgoing.iter().any(|entry| entry.id() == Some(id));
        delivers || self.received.contains(&id) || self.audit.is_open(id) || link.is_used(id)
    }

    /// Deliveries that were started and not finished.
    pub fn in_flight(&self) -> usize {
        self.outgoing.iter().filter(|entry| entry.id().is_some()).count()
    }

    /// Whether nothing waits for anything.
    pub fn is_idle(&self) -> bool {
        self.outgoing.is_empty() && self.received.is_empty()
    }
}

impl Outgoing {
    /// The packet identifier, once it has one.
    pub fn id(&self) -> Option<u16> {
        match self.stage {
            Stage::Waiting => None,
            Stage::Published(id) | Stage::Released(id) => Some(id),
        }
    }
}
