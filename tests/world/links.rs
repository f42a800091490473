//! Links: how they begin, what they carry, how they end.

use crate::app::METHOD;
use crate::features::Feature;
use crate::hosts::Reading;
use crate::ledger::Verdict;
use crate::life::World;
use crate::memory::Memory;
use crate::server::Deed;
use crate::tally::Tally;
use crate::wire::{Pipe, Transport};
use pure_mqtt::{Connect, OnUnknownSession, Property, State};

pub const CLIENT: &str = "c";

/// A link has lasted after so many milliseconds.
const LASTING: u64 = 30_000;
/// After so many in a row that did not the host waits longer each time.
const MANY: u32 = 16;

impl<S: Memory> World<S> {
    /// Opens a link if it is time for one.
    pub fn connect(&mut self) -> Result<bool, String> {
        if self.transport.is_some() || self.now < self.connects_at {
            return Ok(false);
        }
        let host_knows = matches!(&self.reading, Reading::Shown(shown) if shown.starts_clean());
        let is_clean = self.next_clean || self.app.must_start_clean && !host_knows;
        let mut properties: Vec<Property<'_>> = Vec::new();
        properties.extend(self.character.expiry.map(Property::SessionExpiryInterval));
        if self.character.has.has(Feature::Auth) {
            properties.push(Property::AuthenticationMethod(METHOD));
        }
        let connect = Connect::new(self.next_version, CLIENT)
            .clean_start(is_clean)
            .keep_alive(self.character.keep_alive)
            .properties(&properties[..]);
        let time = self.time();
        crate::hosts::App::save(&mut self.app, &mut self.mqtt);
        if self.app.disk.is_dark {
            return Ok(true); // the power is gone
        }
        match self.reading.open(&mut self.mqtt, time, &connect) {
            Ok(()) => {}
            Err(error) => return Err(format!("no link can be opened: {error:?}")),
        }
        crate::hosts::App::save(&mut self.app, &mut self.mqtt);
        self.app.links += 1;
        let link = self.app.links;
        let version = self.next_version;
        self.app.say(|| format!("  link {link} in {version:?}, clean start {is_clean}"));
        self.note_opened(is_clean);
        self.server().accept();
        self.transport = Some(self.new_transport());
        let holds = self.mqtt.holds_messages();
        self.transport.iter_mut().for_each(|transport| transport.tally.hold(holds));
        (self.opened_at, self.paused, self.over_since) = (self.now, 0, None);
        self.last = crate::hosts::Turn::default();
        self.app.failures.clear();
        self.is_kicked = true;
        Ok(true)
    }

    fn note_opened(&mut self, is_clean: bool) {
        let limits = self.mqtt.limits();
        self.app.refuses_unknown = limits.strict || limits.on_unknown_session != OnUnknownSession::Adopt;
        self.app.is_link_clean = is_clean;
    }

    /// The transport goes. A clean start that was not answered may have been carried out: what the server has then, nobody can tell.
    pub fn drop_transport(&mut self) -> bool {
        let Some(transport) = self.transport.take() else { return false };
        self.app.may_be_anew |= std::mem::take(&mut self.app.is_link_clean) && transport.tally.is_connect_out;
        true
    }

    fn new_transport(&mut self) -> Transport {
        let character = &self.character;
        let (most_read, most_written) = match self.is_good {
            true => (4_096, 4_096),
            false => (character.most_read, character.most_written),
        };
        Transport {
            now: self.now,
            up: Pipe::default(),
            down: Pipe::default(),
            latency: if self.is_good { 1 } else { character.latency },
            capacity: character.capacity,
            most_read,
            most_written,
            breaks: None,
            is_broken: false,
            is_ended: false,
            rng: fastrand::Rng::with_seed(self.rng.u64(..)),
            written: 0,
            read: 0,
            took_at: self.now,
            gave_at: self.now,
            was_full: false,
            full_at: self.now,
            taken_back_at: 0,
            is_stalled: false,
            reads_at: 0,
            told: 0,
            told_before: 0,
            tally: Tally::default(),
        }
    }

    /// Bytes reach the server, and its answers set out.
    pub fn carry(&mut self) -> Result<bool, String> {
        let server = &mut self.servers[self.at];
        let mut moved = false;
        if let Some(transport) = &mut self.transport {
            let bytes = transport.up.take(self.now, usize::MAX);
            server.input(&bytes);
            let output = server.output();
            moved = !bytes.is_empty() || !output.is_empty();
            if moved && self.character.most_read < 6 && !self.is_good {
                self.app.acted.add(Feature::Trickle);
            }
            let accepts = server.deeds.iter().any(|deed| matches!(deed, Deed::Accepted { .. }));
            if accepts && std::mem::take(&mut self.loses_connack) {
                self.app.acted.add(Feature::LostConnack);
                transport.is_broken = true;
            } else if !transport.is_broken {
                transport.down.put(self.now + transport.latency, &output);
            }
            if server.wants_close && !transport.is_ended {
                transport.is_ended = true;
                moved = true;
            }
        } else {
            server.output();
        }
        self.hear_deeds()?;
        Ok(moved)
    }

    /// What was being written is durable.
    pub fn flush(&mut self) -> bool {
        let is_done = self.app.disk.done_at.is_some_and(|at| at <= self.now);
        if is_done {
            self.app.disk.complete(&mut self.mqtt);
            self.app.act(Feature::Journal);
            if self.app.disk.was_slow {
                self.app.act(Feature::SlowFlush);
            }
            self.is_kicked = true;
        }
        if self.app.disk.durable > 0 {
            self.app.act(Feature::Journal);
        }
        is_done
    }

    /// What the servers did and saw.
    pub fn hear_deeds(&mut self) -> Verdict {
        for which in 0..2 {
            for deed in std::mem::take(&mut self.servers[which].deeds) {
                self.app.say(|| format!("    server: {deed:?}"));
                self.hear(deed)?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, deed: Deed) -> Verdict {
        let link = self.app.links;
        match deed {
            Deed::Took(taken) => {
                if !taken.props.is_empty() {
                    self.app.act(Feature::Properties);
                }
                if taken.has_alias {
                    self.app.act(Feature::AliasOut);
                }
                self.app.ledger.took(&taken, false, link, true)?;
            }
            Deed::Refused(taken) => self.app.ledger.took(&taken, true, link, false)?,
            Deed::Repeated(taken) => self.app.ledger.repeated(&taken)?,
            Deed::Swallowed { number, of } => {
                if !self.app.is_stale {
                    return Err(format!("message {number} goes under the identifier of {of}, which the server holds"));
                }
                if let Some(sent) = self.app.ledger.sent.get_mut(number as usize) {
                    sent.is_forgiven = true;
                }
            }
            Deed::Accepted { sid, is_present } => {
                (self.app.link_sid, self.app.link_is_present) = (sid, is_present);
                let is_made_clean = !is_present && self.app.is_link_clean;
                self.app.made_unheard.extend(is_made_clean.then_some(sid));
                if sid != self.app.known_sid {
                    self.app.ledger.shake();
                }
                if !is_present && self.next_clean {
                    self.app.act(Feature::CleanStart);
                }
                self.next_clean = false;
            }
            Deed::Dropped { sid, has_expired } => {
                self.app.act(if has_expired { Feature::SessionExpired } else { Feature::SessionLost });
                self.app.ledger.shake();
                self.app.inbox.drop_session(sid);
            }
            Deed::Auth => self.app.act(Feature::Auth),
            Deed::Acknowledged(number) => self.app.inbox.acknowledged(number)?,
            Deed::Downgraded(number) => {
                if let Some(sent) = self.app.ledger.sent.get_mut(number as usize) {
                    sent.is_shaken = true;
                }
            }
            Deed::Crowded(number) => self.app.inbox.allow_again(number),
            Deed::Unsendable(number) | Deed::Risked(number) => {
                if let Some(Some(queued)) = self.app.inbox.queued.get_mut(number as usize) {
                    queued.is_forgiven = true;
                }
            }
            Deed::Odd(feature) => self.app.act(feature),
            Deed::Violation(text) => return Err(format!("the client broke the standard: {text}")),
        }
        Ok(())
    }

    /// Closes the link if one side is done with it, or it is broken.
    pub fn end_link(&mut self) -> bool {
        let Some(transport) = &mut self.transport else { return false };
        let is_read = transport.down.len() == 0 || transport.is_broken;
        if self.mqtt.state() == State::Closed {
            return false;
        }
        if self.mqtt.should_close() {
            // In order: what is on the way still arrives, unless it is stuck.
            if !transport.up.is_stuck(self.now) {
                let rest = transport.up.drain();
                self.servers[self.at].input(&rest);
            }
            self.close(true);
            return true;
        }
        if transport.is_broken || transport.is_ended && is_read {
            self.close(true);
            return true;
        }
        false
    }

    /// The client knows that the link is gone; the server only if it is told.
    pub fn close(&mut self, tells_server: bool) {
        if !self.drop_transport() {
            return;
        }
        let reason = self.mqtt.close_reason();
        self.app.say(|| format!("  closed: {reason:?}"));
        if tells_server {
            self.server().cut();
        }
        let confirmed = self.confirm();
        self.app.judge(confirmed);
        let time = self.time();
        self.reading.close(&mut self.mqtt, time, &mut self.app);
        crate::hosts::App::save(&mut self.app, &mut self.mqtt);
        crate::hosts::outcomes(&mut self.mqtt, &mut self.app);
        self.over_since = None;
        self.last = crate::hosts::Turn::default();
        self.connects_at = self.now + self.pause();
    }

    /// How long the host waits for the next link: longer after many that did not last.
    fn pause(&mut self) -> u64 {
        if self.is_good {
            return 200;
        }
        let has_lasted = self.now > self.opened_at + LASTING;
        self.short_links = if has_lasted { 0 } else { self.short_links + 1 };
        let doublings = (self.short_links.saturating_sub(MANY) / 4).min(7);
        self.rng.choice([1, 100, 3_000]).unwrap_or(1) << doublings
    }
}
