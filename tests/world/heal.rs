//! The good end: all faults are switched off, and what is still open must come to its end in bounded time.

use crate::features::Feature;
use crate::ledger::Verdict;
use crate::life::World;
use crate::memory::Memory;
use crate::wire::NEVER;
use pure_mqtt::QoS;

/// Within this time everything ends, in milliseconds.
const PATIENCE: u64 = 1_800_000;
/// And within so many links.
const MOST_LINKS: u32 = 200;
/// Nobody waits longer than this for a link that stalls for ever to end.
const FOREVER: u64 = 2_400_000;

impl<S: Memory> World<S> {
    /// The transport stalls for ever, and the link ends all the same.
    pub fn stall_for_good(&mut self) -> Verdict {
        let mut rng = fastrand::Rng::with_seed(self.rng.u64(..));
        let ways = if self.character.has.has(Feature::OneWay) { rng.u8(1..4) } else { 3 };
        let now = self.now;
        self.app.say(|| format!("ways {ways} stall for good"));
        let link = self.app.links;
        if let Some(transport) = &mut self.transport {
            if ways & 1 > 0 {
                transport.up.stick(now, 0, NEVER);
            }
            if ways & 2 > 0 {
                transport.down.stick(now, 0, NEVER);
            }
        }
        // The checks speak up where the link doesn't end.
        while self.transport.is_some() && self.app.links == link && self.now < now + FOREVER {
            self.run_until(self.now + 10_000)?;
        }
        Ok(())
    }

    /// Switches all faults off, and waits for the end of everything.
    pub fn heal(&mut self) -> Verdict {
        self.is_good = true;
        self.app.say(|| "good from here on".into());
        self.paused_until = self.now;
        self.loses_connack = false;
        self.next_clean = false;
        self.confirm()?;
        self.hold(false);
        self.is_kicked = true;
        self.app.disk.delay = 0;
        self.app.disk.supply = None;
        if self.app.disk.done_at.is_some() {
            self.app.disk.done_at = Some(self.now);
        }
        // What the other server has stays there.
        let other = self.servers[1 - self.at].session.as_ref().map(|session| session.sid);
        self.app.inbox.forgive(|queued| Some(queued.sid) == other);
        for server in &mut self.servers {
            server.heal();
        }
        if let Some(transport) = &mut self.transport {
            transport.up.heal();
            transport.down.heal();
            transport.reads_at = 0;
            (transport.most_read, transport.most_written, transport.breaks) = (4_096, 4_096, None);
        }
        self.confirm()?;
        let (end, links) = (self.now + PATIENCE, self.app.links + MOST_LINKS);
        while let Some(open) = self.pending() {
            if self.now > end || self.app.links > links {
                return Err(format!("it never ends, {open}; {:?}", self.mqtt));
            }
            self.work()?;
            self.run_until(self.now + 50)?;
            if self.pending().is_some() {
                self.run_until(self.now + 937)?; // not in step with a keep alive
            }
        }
        self.check_acks()?;
        self.say_goodbye()
    }

    /// What the application has to do.
    fn work(&mut self) -> Verdict {
        while !self.app.held.is_empty() {
            let count = self.app.held.len();
            let mut rng = fastrand::Rng::with_seed(self.now);
            self.acknowledge(&mut rng)?;
            self.is_kicked = true;
            if self.app.held.len() == count {
                break;
            }
        }
        self.ask()
    }

    /// Subscribes if that is not so.
    pub fn ask(&mut self) -> Verdict {
        if self.app.wants_subscription && self.mqtt.is_connected() {
            self.app.wants_subscription = false;
            self.is_kicked = true;
            self.confirm()?;
            self.subscribe("d/#", QoS::ExactlyOnce, false)?;
        }
        Ok(())
    }

    /// What is still open, if anything is.
    pub fn pending(&mut self) -> Option<String> {
        if !self.mqtt.is_connected() {
            return Some(format!("there is no link: {:?}", self.mqtt.close_reason()));
        }
        if self.app.wants_subscription {
            return Some("there is no subscription".into());
        }
        if let Some(open) = self.app.ledger.open().or_else(|| self.app.inbox.open()) {
            return Some(open);
        }
        let at = self.at;
        let owed = self.servers[at].owes();
        if owed > 0 {
            return Some(format!("the server has {owed} messages for the client"));
        }
        if !self.app.held.is_empty() {
            return Some(format!("{} messages are not acknowledged", self.app.held.len()));
        }
        let open = self.mqtt.pending();
        if open > 0 || !self.mqtt.is_idle() {
            return Some(format!("the client has {open} commands, and is not idle"));
        }
        let is_moving = self.transport.as_ref().is_some_and(|transport| transport.up.len() + transport.down.len() > 0);
        is_moving.then(|| "bytes are on the way".into())
    }

    /// Everything has ended: the client says so, and closes.
    fn say_goodbye(&mut self) -> Verdict {
        let link = self.app.links;
        let mut rng = fastrand::Rng::with_seed(1);
        self.goodbye(&mut rng, false)?;
        self.is_kicked = true;
        self.run_until(self.now + 5)?;
        if self.transport.is_some() && self.app.links == link {
            return Err("the link is not closed after DISCONNECT".into());
        }
        Ok(())
    }
}
