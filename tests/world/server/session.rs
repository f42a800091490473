//! What the server remembers of the client from one link to the next.

use super::codec::Prop;
use super::{Deed, Link, Server};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// For ever.
pub const FOREVER: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub struct Session {
    /// Tells it from all others.
    pub sid: u64,
    pub subscriptions: Vec<(String, u8)>,
    pub queue: VecDeque<Served>,
    pub flights: Vec<Flight>,
    /// QoS 2 identifiers that wait for PUBREL, with the message that came under each.
    pub received: BTreeMap<u16, u32>,
    /// Messages that came whole.
    pub seen: BTreeSet<u32>,
    pub next_id: u16,
    expires_at: Option<u64>,
}

/// A message for the client.
#[derive(Clone, Debug)]
pub struct Served {
    pub number: u32,
    pub qos: u8,
    pub topic: Vec<u8>,
    pub payload: Vec<u8>,
    pub props: Vec<Prop>,
}

/// One that is out.
#[derive(Clone, Debug)]
pub struct Flight {
    pub id: u16,
    pub served: Served,
    /// PUBREC came.
    pub is_released: bool,
    /// It was sent on this link.
    pub is_here: bool,
}

impl Session {
    fn new(sid: u64) -> Self {
        Self {
            sid,
            subscriptions: Vec::new(),
            queue: VecDeque::new(),
            flights: Vec::new(),
            received: BTreeMap::new(),
            seen: BTreeSet::new(),
            next_id: 1,
            expires_at: None,
        }
    }

    /// An identifier that is not in use.
    pub fn free_id(&mut self) -> u16 {
        loop {
            let id = self.next_id;
            self.next_id = self.next_id.checked_add(1).unwrap_or(1);
            if self.flights.iter().all(|flight| flight.id != id) {
                return id;
            }
        }
    }
}

impl Server {
    /// A link begins: gives whether a session was there, and makes one otherwise.
    pub(super) fn enter(&mut self, is_clean: bool) -> bool {
        self.expire();
        if is_clean {
            self.drop_session(false);
        }
        let is_present = self.session.is_some();
        let next_sid = &mut self.next_sid;
        let session = self.session.get_or_insert_with(|| {
            *next_sid += 1;
            Session::new(*next_sid)
        });
        session.expires_at = None;
        is_present
    }

    /// A link ends.
    pub(super) fn leave(&mut self, link: &Link) {
        let expiry = match link.level {
            5 => link.expiry,
            _ if link.is_clean => 0,
            _ => FOREVER,
        };
        if let Some(session) = &mut self.session {
            session.expires_at = (expiry < FOREVER).then(|| self.now + u64::from(expiry) * 1000);
        }
        self.expire();
    }

    pub(super) fn expire(&mut self) {
        if self.session.as_ref().is_some_and(|session| session.expires_at.is_some_and(|at| at <= self.now)) {
            self.drop_session(true);
        }
    }

    /// The session is lost, and the link that it has.
    pub fn lose_session(&mut self) {
        self.close(Some(0x8B));
        self.drop_session(false);
    }

    pub(super) fn drop_session(&mut self, has_expired: bool) {
        if let Some(session) = self.session.take() {
            self.deeds.push(Deed::Dropped { sid: session.sid, has_expired });
        }
    }
}
