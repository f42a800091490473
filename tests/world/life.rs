//! The world: a client on its host, a transport, two servers, durable memory, and time, which passes only where nothing else happens.

use crate::app::App;
use crate::character::{Character, alias_fits};
use crate::disk::Disk;
use crate::features::Feature;
use crate::hosts::{LONGEST, Reading, Turn, Writing};
use crate::ledger::Verdict;
use crate::memory::Memory;
use crate::script::seed_for;
use crate::server::Server;
use crate::wire::{NEVER, Transport};
use pure_mqtt::{BytesBuffer, Connection, ConnectionError, RxBuffer, Version};

/// More turns than this at one point in time are a live-lock. Messages above the limits may come byte by byte.
const MOST_TURNS: u32 = 200_000;
/// In a hurry, whether the session could be recovered is checked after so many changes.
const SOMETIMES: u32 = 8;
/// A host that turns so often without moving anything spins.
const MOST_IDLE: u32 = 8;

pub struct World<S: Memory> {
    pub character: Character,
    pub mqtt: Connection<S>,
    pub reading: Reading,
    pub transport: Option<Transport>,
    pub app: App,
    pub servers: [Server; 2],
    /// The server that the client goes to.
    pub at: usize,
    pub now: u64,
    /// So far the client's clock lags.
    pub lag: u64,
    /// No transport before.
    pub connects_at: u64,
    /// Links in a row that did not last.
    pub short_links: u32,
    /// The host does nothing before.
    pub paused_until: u64,
    /// Bytes that were handed to the transport, and `advance` was not called for; when it will be.
    pub unconfirmed: Vec<u8>,
    pub confirms_at: u64,
    pub next_version: Version,
    pub next_clean: bool,
    pub loses_connack: bool,
    /// No more faults.
    pub is_good: bool,
    /// Something was done that the host reacts to.
    pub is_kicked: bool,
    pub last: Turn,
    /// Since when the link is over, and the host could see it.
    pub over_since: Option<u64>,
    pub opened_at: u64,
    /// When input was blocked last.
    pub blocked_at: u64,
    /// For how long the host did nothing since the link was opened.
    pub paused: u64,
    pub rng: fastrand::Rng,
    pub server_fraction: [u64; 2],
    checked_at: u64,
    changes: u32,
    /// What takes long is checked now and then.
    pub is_hasty: bool,
    pub turns_now: u32,
}

impl<S: Memory> World<S> {
    pub fn new(storage: S, seed: u64, character: Character, lines: Option<Vec<String>>) -> Self {
        let disk = Disk { delay: character.flush, ..Disk::default() };
        let mut config = character.config.clone();
        config.longest = LONGEST.max(character.limits.stream_max as usize);
        let rx = match character.has.has(Feature::BytesHost) {
            true => Reading::Bytes(BytesBuffer::new(character.limits.inline_max)),
            false => Reading::Fixed(Box::new(RxBuffer::new())),
        };
        let server = |which: u64| Server::new(config.clone(), which * 1_000_000, seed_for(seed, 10 + which));
        let mut app = App::new(disk, lines);
        app.discards = character.has.has(Feature::Discard);
        app.alias_fits = alias_fits(character.has, &character.limits);
        Self {
            mqtt: Connection::new(storage, character.limits),
            reading: rx,
            transport: None,
            app,
            servers: [server(1), server(2)],
            at: 0,
            now: 0,
            lag: 0,
            connects_at: 0,
            short_links: 0,
            paused_until: 0,
            unconfirmed: Vec::new(),
            confirms_at: NEVER,
            next_version: character.version,
            next_clean: false,
            loses_connack: false,
            is_good: false,
            is_kicked: true,
            last: Turn::default(),
            over_since: None,
            opened_at: 0,
            blocked_at: 0,
            paused: 0,
            rng: fastrand::Rng::with_seed(seed_for(seed, 6)),
            server_fraction: [0; 2],
            checked_at: 0,
            changes: 0,
            is_hasty: false,
            turns_now: 0,
            character,
        }
    }

    pub fn is_paused(&self) -> bool {
        self.now < self.paused_until
    }

    pub fn server(&mut self) -> &mut Server {
        &mut self.servers[self.at]
    }

    /// Lets time pass until `end`, and everything happen that is due.
    pub fn run_until(&mut self, end: u64) -> Verdict {
        loop {
            self.settle()?;
            let next = self.next().min(end);
            if next <= self.now {
                return if self.now >= end { Ok(()) } else { self.stands_still() };
            }
            self.pass_to(next);
        }
    }

    fn stands_still(&self) -> Verdict {
        Err(format!("time stands still at {}: {:?}", self.now, self.mqtt.next_timer()))
    }

    /// Everything happens that can happen now.
    fn settle(&mut self) -> Verdict {
        let mut idle = 0;
        loop {
            self.app.now = self.app.now.max(self.time().as_millis());
            let moved = self.carry()? | self.flush();
            if self.app.disk.is_dark {
                let mut rng = fastrand::Rng::with_seed(self.rng.u64(..));
                self.lose_power(&mut rng)?;
            }
            if self.is_paused() {
                if !moved {
                    return Ok(());
                }
                continue;
            }
            let opened = self.connect()?;
            if !self.wants_turn() && !opened {
                if moved {
                    continue;
                }
                break;
            }
            self.turns_now += 1;
            let progress = self.turn()?;
            idle = if progress || moved || opened { 0 } else { idle + 1 };
            if idle > MOST_IDLE || self.turns_now > MOST_TURNS {
                return Err(format!("the host spins at {}: {:?}, {:?}", self.now, self.last, self.mqtt.next_timer()));
            }
        }
        self.check_ends()?;
        if self.app.disk.latest != self.checked_at {
            self.checked_at = self.app.disk.latest;
            self.changes += 1;
            if !self.is_hasty || self.changes.is_multiple_of(SOMETIMES) {
                self.check_recovery()?;
            }
        }
        Ok(())
    }

    /// Whether the host has a reason to turn: that it waits for.
    fn wants_turn(&mut self) -> bool {
        let time = self.time();
        let is_due = self.wakes_at().is_some_and(|at| at <= time);
        let has_room = self.reading.has_room();
        let Some(transport) = &self.transport else { return std::mem::take(&mut self.is_kicked) || is_due };
        let reads = has_room && transport.can_read();
        let writes = self.last.is_full && self.unconfirmed.is_empty() && transport.room() > 0;
        let confirms = self.confirms_at <= self.now;
        let tells = self.character.has.has(Feature::Unread) && (transport.told == 0) != (transport.unread() == 0);
        let ends = transport.is_broken || transport.is_ended && transport.down.len() == 0;
        std::mem::take(&mut self.is_kicked) || is_due || reads || writes || confirms || ends || tells
    }

    /// One turn of the host's loop; whether anything moved.
    fn turn(&mut self) -> Result<bool, String> {
        let was_blocked = self.last.is_blocked;
        if self.is_blocked() {
            self.blocked_at = self.now; // until now
        }
        let was_over = self.mqtt.close_reason();
        let was_durable = self.app.disk.durable;
        let time = self.time();
        let Some(transport) = &mut self.transport else {
            // Without a link a message may expire.
            let _ = self.mqtt.handle_timeout(time);
            crate::hosts::outcomes(&mut self.mqtt, &mut self.app);
            self.check_deadline()?;
            return self.after_turn(true);
        };
        if self.character.has.has(Feature::Unread) {
            transport.told_before = transport.unread();
            self.mqtt.report_unread(time, transport.told_before);
        }
        let had_unconfirmed = !self.unconfirmed.is_empty();
        let mut turn = crate::hosts::turn(&mut self.mqtt, &mut self.reading, transport, &mut self.app, time);
        if self.character.has.has(Feature::Unread) {
            let left = transport.unread();
            if transport.told_before > left && !self.is_good {
                transport.reads_at = self.now + self.rng.choice([0, 0, 0, 20, 500, 4_000]).unwrap_or(0);
            }
            transport.told = left;
            self.mqtt.report_unread(time, left);
            if left > 0 && transport.reads_at > self.now {
                self.app.act(Feature::Unread);
            }
        }
        if had_unconfirmed && turn.progress > 0 {
            self.app.act(Feature::LateAdvance);
        }
        if turn.until.is_some() {
            // A loop that is shown has done all of it, and says when it wants to wake.
        } else if self.character.writing == Writing::Later && !self.is_good {
            self.write_later(&mut turn)?;
        } else {
            let sent = crate::hosts::send(&mut self.mqtt, transport, &mut self.app, time);
            turn.is_full = sent.is_full;
            turn.progress += sent.progress;
        }
        self.transport.iter_mut().for_each(|transport| transport.note_turn(turn.is_full));
        turn.progress += crate::hosts::outcomes(&mut self.mqtt, &mut self.app);
        // After `Blocked` the packet is here already: it is offered again once, when output has left, and when something has become durable.
        let may_be_taken = !was_blocked || turn.progress > 0 || self.app.disk.durable > was_durable;
        self.is_kicked |= turn.is_blocked && may_be_taken && turn.until.is_none();
        if turn.progress > 0 && matches!(self.reading, Reading::Bytes(_)) {
            self.app.act(Feature::BytesHost);
        }
        self.last = turn;
        self.note_trouble();
        if was_over == ConnectionError::NotOpen && self.mqtt.close_reason() != ConnectionError::NotOpen {
            self.over_since = Some(self.now);
            let reason = self.mqtt.close_reason();
            self.check_reason(reason, had_unconfirmed)?;
        }
        self.check_deadline()?;
        let ended = self.end_link();
        self.after_turn(ended || self.last.progress > 0)
    }

    /// E6: after `handle_timeout` no deadline has passed. After `handle_close` one may have: a message that was shown to the transport waits again, and its time
    /// may be over.
    fn check_deadline(&self) -> Verdict {
        let (time, timer) = (self.time(), self.mqtt.next_timer());
        match timer.is_some_and(|(_, at)| at < time) {
            true => Err(format!("[E6] a deadline has passed: {timer:?}, and it is {time:?}")),
            false => Ok(()),
        }
    }

    fn after_turn(&mut self, moved: bool) -> Result<bool, String> {
        if let Some(transport) = &mut self.transport {
            match self.mqtt.holds_messages() {
                true if transport.tally.has_let_go() => return Err("[E10] a message has left that is held back".into()),
                true => {}
                false => transport.tally.most_published = None, // a request found no room
            }
        }
        match self.app.fault.take() {
            Some(text) => Err(text),
            None => Ok(moved),
        }
    }
}
