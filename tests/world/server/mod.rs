//! A server for one client, with a clock of its own. It keeps what it was told to keep, and reports what the client does as [`Deed`]s, which the
//! ledger judges.

mod answers;
mod audit;
pub mod codec;
mod connect;
mod deliver;
mod odd;
mod session;

pub use odd::Oddities;
pub use session::{Served, Session};

use audit::Audit;
use codec::Prop;
use std::collections::VecDeque;

/// What the server offers, and does slowly.
#[derive(Clone, Debug)]
pub struct Config {
    /// Receive Maximum of 5.0.
    pub receive_maximum: Option<u16>,
    pub maximum_qos: u8,
    pub retain_available: bool,
    pub maximum_packet: Option<u32>,
    pub alias_maximum: u16,
    pub keep_alive: Option<u16>,
    /// Messages that it has out at a time before 5.0.
    pub window: usize,
    /// How many of them the client has places for.
    pub fair: usize,
    /// It names topics by aliases where it may.
    pub uses_aliases: bool,
    /// The longest packet that it sends before 5.0, where nobody tells it.
    pub longest: usize,
    /// The client announces neither Receive Maximum nor Maximum Packet Size in 5.0.
    pub expects_silence: bool,
    /// Each message with a number that is divided by this without a rest is refused; 0 for none.
    pub refuses: u32,
    pub odd: Oddities,
}

/// What the client did, and what became of it.
#[derive(Debug)]
pub enum Deed {
    /// A message was taken over.
    Took(Taken),
    /// A message was refused with a reason.
    Refused(Taken),
    /// A QoS 2 message was taken for the repetition of another one: the identifier was in use.
    Swallowed { number: u32, of: u32 },
    /// The same message again.
    Repeated(Taken),
    /// A link was accepted: which session it goes on with.
    Accepted { sid: u64, is_present: bool },
    /// The session is gone.
    Dropped { sid: u64, has_expired: bool },
    /// An AUTH came.
    Auth,
    /// The client acknowledged a message for good.
    Acknowledged(u32),
    /// A message is longer than the client takes, so it was not sent.
    Unsendable(u32),
    /// A message for the client is lost if the link breaks now, by the server's own fault.
    Risked(u32),
    /// A message for the client is out beyond its Receive Maximum, or was when another went beyond it: the client needn't remember all of them.
    Crowded(u32),
    /// A message at QoS 2 was answered with PUBACK, so that it may come twice.
    Downgraded(u32),
    /// Something odd was done.
    Odd(crate::features::Feature),
    /// The client broke the standard.
    Violation(String),
}

/// A PUBLISH.
#[derive(Debug)]
pub struct Taken {
    pub number: u32,
    pub level: u8,
    pub qos: u8,
    pub dup: bool,
    pub retain: bool,
    /// With the alias resolved.
    pub topic: String,
    pub has_alias: bool,
    pub props: Vec<Prop>,
    pub payload: Vec<u8>,
    /// Seen before, whole, in this session: on this link, or on an earlier one.
    pub seen: Option<Seen>,
}

/// Where a message was seen before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    Here,
    Earlier,
}

/// One transport, from the server's side.
#[derive(Debug)]
struct Link {
    level: u8,
    is_accepted: bool,
    is_clean: bool,
    expiry: u32,
    keep_alive: u16,
    heard_at: u64,
    /// Messages that may be out to the client, and the longest packet that it takes.
    window: usize,
    /// How many of them are fair.
    fair: usize,
    longest: usize,
    client_aliases: u16,
    bound: Vec<String>,
    names: Vec<Option<String>>,
    method: Option<Vec<u8>>,
    audit: Audit,
}

#[derive(Debug)]
pub struct Server {
    pub config: Config,
    /// Its own time in milliseconds.
    pub now: u64,
    pub session: Option<Session>,
    pub deeds: Vec<Deed>,
    /// Until then answers are held back.
    pub holds_until: u64,
    /// It closes the transport once its output has left.
    pub wants_close: bool,
    /// So many PUBRELs were sent again.
    pub releases: u32,
    pub rng: fastrand::Rng,
    input: Vec<u8>,
    output: Vec<u8>,
    held: VecDeque<Vec<u8>>,
    link: Option<Link>,
    next_sid: u64,
}

impl Server {
    pub fn new(config: Config, first_sid: u64, seed: u64) -> Self {
        Self {
            config,
            now: 0,
            session: None,
            deeds: Vec::new(),
            holds_until: 0,
            wants_close: false,
            releases: 0,
            rng: fastrand::Rng::with_seed(seed),
            input: Vec::new(),
            output: Vec::new(),
            held: VecDeque::new(),
            link: None,
            next_sid: first_sid,
        }
    }

    /// A transport comes up. The one before, if there is one, is gone.
    pub fn accept(&mut self) {
        self.cut();
        self.link = Some(Link {
            level: 4,
            is_accepted: false,
            is_clean: false,
            expiry: 0,
            keep_alive: 0,
            heard_at: self.now,
            window: self.config.window,
            fair: self.config.fair,
            longest: self.config.longest,
            client_aliases: 0,
            bound: Vec::new(),
            names: vec![None; self.config.alias_maximum.into()],
            method: None,
            audit: Audit::default(),
        });
    }

    /// The transport is gone.
    pub fn cut(&mut self) {
        self.input.clear();
        self.output.clear();
        self.held.clear();
        self.wants_close = false;
        if let Some(link) = self.link.take().filter(|link| link.is_accepted) {
            self.leave(&link);
        }
    }

    pub fn is_linked(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.is_accepted)
    }

    /// Its clock shows this time now.
    pub fn tick(&mut self, now: u64) {
        self.now = now;
        if self.link.is_none() {
            self.expire();
        }
        if let Some(link) = &self.link {
            let patience = u64::from(link.keep_alive) * 1500;
            if link.is_accepted && patience > 0 && now > link.heard_at + patience {
                self.close(Some(0x8D));
            }
        }
        self.release();
    }

    /// It does nothing odd from now on, and holds nothing back.
    pub fn heal(&mut self) {
        self.config.odd = Oddities::default();
        self.config.window = self.config.window.min(self.config.fair);
        self.holds_until = 0;
        self.tick(self.now);
    }

    /// When it does something by itself.
    pub fn next(&self) -> Option<u64> {
        let holds = (!self.held.is_empty()).then_some(self.holds_until);
        let kicks = self.link.as_ref().filter(|link| link.is_accepted && link.keep_alive > 0 && !self.wants_close);
        let kicks = kicks.map(|link| link.heard_at + u64::from(link.keep_alive) * 1500 + 1);
        [holds, kicks].into_iter().flatten().min()
    }

    /// Takes bytes of the client's.
    pub fn input(&mut self, bytes: &[u8]) {
        if self.link.is_none() || self.wants_close {
            return;
        }
        self.input.extend(bytes);
        loop {
            let packet = match codec::split(&mut self.input) {
                Ok(Some(packet)) => packet,
                Ok(None) => return,
                Err(text) => return self.violation(text),
            };
            let Some(link) = &mut self.link else { return };
            link.heard_at = self.now;
            let length = packet.1.len() + 2;
            let packet = match codec::decode(packet.0, &packet.1, link.level) {
                Ok(packet) => packet,
                Err(text) => return self.violation(text),
            };
            if self
                .config
                .maximum_packet
                .is_some_and(|most| link.level == 5 && link.is_accepted && length > most as usize)
            {
                return self.violation(format!("{length} bytes are above the maximum: {packet:?}"));
            }
            self.serve(packet);
            if self.wants_close || self.link.is_none() {
                return;
            }
        }
    }

    /// What sets out now.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Ends the link; in 5.0 it says why.
    pub fn close(&mut self, reason: Option<u8>) {
        let Some(link) = &self.link else { return };
        if let Some(reason) = reason.filter(|_| link.level == 5 && link.is_accepted && !self.wants_close) {
            self.output.extend([0xE0, 1, reason]);
        }
        self.wants_close = true;
    }

    fn violation(&mut self, text: String) {
        self.deeds.push(Deed::Violation(text));
        self.close(Some(0x82));
    }
}
