//! The steps of a script, most of which are trouble.

use crate::character::{Character, alias_fits};
use crate::features::Feature;
use crate::ledger::Verdict;
use crate::life::World;
use crate::memory::Memory;
use crate::script::{Kind, Step};
use crate::wire::NEVER;
use pure_mqtt::{Limits, State, Version};

impl<S: Memory> World<S> {
    /// Does one step, and lets everything happen that follows from it at once.
    pub fn apply(&mut self, step: Step) -> Verdict {
        let rng = &mut fastrand::Rng::with_seed(step.seed);
        if step.kind.feature().is_some_and(|feature| !self.character.has.has(feature)) {
            return Ok(());
        }
        self.app.say(|| format!("{:?}", step.kind));
        if step.kind.is_command() {
            self.confirm()?;
        }
        let mut pick = |values: &[u64]| rng.choice(values.iter().copied()).unwrap_or(0);
        match step.kind {
            Kind::Pass => return self.run_until(self.now + pick(&[0, 1, 5, 20, 100, 700])),
            Kind::Wait => return self.run_until(self.now + pick(&[2_000, 5_000, 20_000, 61_000])),
            Kind::Sleep => return self.run_until(self.now + pick(&[700_000, 3_600_000])),
            Kind::Publish => self.publish(rng, None)?,
            Kind::Serve => self.serve(rng),
            Kind::Subscribe => self.subscribe_another(rng)?,
            Kind::Unsubscribe => self.unsubscribe(rng)?,
            Kind::Acknowledge => self.acknowledge(rng)?,
            Kind::Cancel => self.cancel(rng)?,
            Kind::Replace => self.replace(rng)?,
            Kind::Abandon => self.abandon(rng),
            Kind::SetLimits => self.set_limits(rng),
            Kind::Forget => self.forget(rng),
            Kind::Adopt => self.adopt(rng),
            Kind::Authenticate => self.authenticate(),
            Kind::Goodbye => self.goodbye(rng, false)?,
            Kind::GoodbyeProperties => self.goodbye(rng, true)?,
            Kind::CleanStart => self.next_clean = true,
            Kind::Shrink => {
                self.mqtt.shrink();
                self.app.act(Feature::Shrink);
            }
            Kind::Clone => self.go_on_with_a_clone()?,
            Kind::Stall => self.stall(rng, false),
            Kind::StallForEver => self.stall(rng, true),
            Kind::Cut => self.cut(rng),
            Kind::LoseConnack => self.loses_connack = true,
            Kind::StepClock => {
                let step = pick(&[1_000, 15_000, 301_000, 3_600_000]);
                let server = self.server();
                server.tick(server.now + step);
                self.app.act(Feature::ServerClock);
            }
            Kind::LoseSession => {
                self.server().lose_session();
                self.hear_deeds()?;
            }
            Kind::Expire => self.outlive(rng),
            Kind::Switch => self.switch(rng),
            Kind::ServerCloses => {
                if self.server().is_linked() {
                    self.server().close(Some(pick(&[0x89, 0x8B, 0x98, 0x9C]) as u8));
                    self.app.act(Feature::ServerCloses);
                }
            }
            Kind::HoldAnswers => {
                let server = self.server();
                server.holds_until = server.now + pick(&[100, 2_500, 15_000]);
            }
            Kind::PowerCut if self.character.has.has(Feature::TornWrite) && pick(&[0, 1]) == 0 => {
                self.app.disk.supply = Some(pick(&[0, 3, 9, 20, 45, 80]) as usize); // it fails a little later
            }
            Kind::PowerCut => self.lose_power(rng)?,
            Kind::Snapshot => self.write_snapshot(),
            Kind::Pause => {
                self.paused_until = self.now + pick(&[50, 3_000, 30_000, 300_000]);
                self.app.act(Feature::Pause);
            }
            Kind::ClockBack => {
                let step = pick(&[1, 500, 2_000]);
                if self.lag + step < 10_000 {
                    self.lag += step;
                    self.app.act(Feature::ClockBack);
                }
            }
            Kind::Withdraw => self.withdraw(rng)?,
            Kind::Hold => self.hold(rng.u8(0..3) > 0),
            Kind::OtherVersion => self.next_version = rng.choice(Version::ALL).unwrap_or(Version::V5),
        }
        self.is_kicked = true;
        self.run_until(self.now)
    }

    /// Without a link, or after ending the one that there is.
    fn without_link(&mut self, rng: &mut fastrand::Rng) -> bool {
        if self.transport.is_some() && rng.bool() {
            self.cut_now(rng);
        }
        self.mqtt.state() == State::Closed
    }

    fn set_limits(&mut self, rng: &mut fastrand::Rng) {
        let is_closed = self.without_link(rng);
        let other = Character::new(rng.u64(..), self.character.has).limits;
        let kept = self.mqtt.limits();
        let version = if self.character.has.has(Feature::OtherVersion) { other.version } else { kept.version };
        let Limits { inline_max, stream_max, max_received, .. } = kept;
        let limits = Limits { inline_max, stream_max, max_received, version, ..other };
        let is_done = self.mqtt.set_limits(limits);
        crate::hosts::App::save(&mut self.app, &mut self.mqtt);
        self.app.say(|| format!("  {limits:?}: {is_done}"));
        assert_eq!(is_done, is_closed, "limits are changed without a link alone");
        if is_done {
            self.app.act(Feature::SetLimits);
            self.character.limits = limits;
            (self.app.alias_fits, self.app.has_forgotten_alias) = (alias_fits(self.character.has, &limits), false);
        }
    }

    fn forget(&mut self, rng: &mut fastrand::Rng) {
        let is_closed = self.without_link(rng);
        let is_done = self.mqtt.discard_session();
        // There may be no room for the record, until others are durable.
        let may_be_refused = !S::journal(&self.mqtt).is_empty();
        assert!(is_done == is_closed || may_be_refused && !is_done, "a session is forgotten without a link alone");
        self.app.say(|| format!("  forget: {is_done}"));
        if is_done {
            crate::hosts::App::save(&mut self.app, &mut self.mqtt);
            crate::hosts::outcomes(&mut self.mqtt, &mut self.app);
            self.app.act(Feature::Forget);
            (self.app.known_sid, self.app.logged_sid) = (0, 0);
            self.app.inbox.forget();
            self.app.held.clear();
            self.app.wants_subscription = true;
        }
    }

    fn adopt(&mut self, rng: &mut fastrand::Rng) {
        let is_closed = self.without_link(rng);
        let is_done = self.mqtt.adopt_session();
        assert_eq!(is_done, is_closed, "a session is adopted without a link alone");
        self.app.say(|| format!("  adopt: {is_done}"));
        if is_done {
            crate::hosts::App::save(&mut self.app, &mut self.mqtt);
            self.app.act(Feature::Adopt);
        }
    }

    fn go_on_with_a_clone(&mut self) -> Verdict {
        let Some(mut clone) = S::fork(&self.mqtt) else { return Ok(()) };
        if clone != self.mqtt {
            return Err("a clone is not equal".into());
        }
        std::mem::swap(&mut clone, &mut self.mqtt);
        self.app.act(Feature::Clone);
        // What the one would send, the other would.
        let (Some(mut one), mut other) = (S::fork(&self.mqtt), clone) else { return Ok(()) };
        let time = self.time();
        let mut both = [Vec::new(), Vec::new()];
        for (mqtt, bytes) in [&mut one, &mut other].into_iter().zip(&mut both) {
            let _ = mqtt.handle_timeout(time);
            let mut transmit = mqtt.transmit(time);
            for _ in 0..100 {
                let count = transmit.chunk().len();
                bytes.extend_from_slice(transmit.chunk());
                transmit.advance(count);
            }
        }
        if both[0] != both[1] || one != other {
            return Err(format!("a clone goes on with {:02x?}, not {:02x?}", both[1], both[0]));
        }
        Ok(())
    }

    fn stall(&mut self, rng: &mut fastrand::Rng, for_ever: bool) {
        let ways = if self.character.has.has(Feature::OneWay) { rng.u8(1..4) } else { 3 };
        let length = if for_ever { NEVER } else { rng.choice([50, 2_000, 20_000, 90_000]).unwrap_or(50) };
        let counts = [0, 0, 1, 7, 60].map(|_| rng.choice([0, 0, 1, 7, 60]).unwrap_or(0));
        let now = self.now;
        let Some(transport) = &mut self.transport else { return };
        if ways & 1 > 0 {
            transport.up.stick(now, counts[0], length);
        }
        if ways & 2 > 0 {
            transport.down.stick(now, counts[1], length);
        }
        self.app.say(|| format!("  ways {ways}, after {:?} bytes, for {length}", &counts[..2]));
    }

    /// Notes which trouble the transport is in, and which it has come out of.
    pub fn note_trouble(&mut self) {
        let now = self.now;
        let Some(transport) = &mut self.transport else { return };
        let [up, down] = [&transport.up, &transport.down].map(|pipe| pipe.is_stuck(now));
        let waits = [up && (self.last.is_full || transport.up.len() > 0), down && transport.down.len() > 0];
        let for_ever = [&transport.up, &transport.down].map(|pipe| pipe.stuck_until == NEVER);
        if waits[0] && for_ever[0] || waits[1] && for_ever[1] || for_ever == [true, true] {
            self.app.acted.add(Feature::StallForEver);
        }
        if waits[0] != waits[1] && up != down {
            self.app.acted.add(Feature::OneWay);
        }
        let has_stalled = std::mem::replace(&mut transport.is_stalled, waits[0] || waits[1]);
        if has_stalled && !transport.is_stalled {
            self.app.acted.add(Feature::Stall);
        }
        if self.servers[self.at].is_holding() {
            self.app.acted.add(Feature::SlowAnswers);
        }
        let limits = self.mqtt.limits();
        let is_asking = transport.tally.is_awaiting();
        if limits.ack_timeout > 0 && is_asking {
            self.app.acted.add(Feature::AckTimeout);
        }
        if limits.retry_interval > 0 && self.mqtt.version() != Version::V5 && is_asking {
            self.app.acted.add(Feature::Retry);
        }
        if self.mqtt.is_connected()
            && self.character.has.has(Feature::ServerLimits)
            && self.mqtt.version() == Version::V5
        {
            self.app.acted.add(Feature::ServerLimits);
        }
        if self.mqtt.is_connected() && self.mqtt.holds_messages() && self.mqtt.pending() > 0 {
            self.app.acted.add(Feature::Hold);
        }
        if self.mqtt.is_connected() && self.mqtt.send_quota() == 0 && self.mqtt.pending() > 1 {
            self.app.acted.add(Feature::OneInFlight);
        }
    }

    fn cut(&mut self, rng: &mut fastrand::Rng) {
        let count = rng.choice([0, 0, 1, 5, 30]).unwrap_or(0);
        match &mut self.transport {
            Some(transport) if count > 0 => transport.breaks = Some(count),
            _ => self.cut_now(rng),
        }
    }

    /// The link breaks; a part of what is on the way still arrives.
    pub fn cut_now(&mut self, rng: &mut fastrand::Rng) {
        let Some(transport) = &mut self.transport else { return };
        let had_bytes = transport.up.len() + transport.down.len() > 0 || self.last.is_full;
        let bytes = transport.up.drain();
        let count = rng.choice([0, bytes.len(), rng.clone().usize(0..=bytes.len())]).unwrap_or(0);
        self.servers[self.at].input(&bytes[..count]);
        let tells_server = rng.u8(0..3) > 0;
        self.close(tells_server);
        if had_bytes {
            self.app.act(Feature::Cut);
        }
    }

    /// No link for longer than the session lives.
    fn outlive(&mut self, rng: &mut fastrand::Rng) {
        self.cut_now(rng);
        let seconds = self.character.expiry.filter(|seconds| *seconds < 1_000).unwrap_or(1);
        self.connects_at = self.now + (u64::from(seconds) * 1_000 + 10) * 16 / self.character.server_pace.min(16);
    }

    fn switch(&mut self, rng: &mut fastrand::Rng) {
        self.cut_now(rng);
        self.server().cut();
        self.at = 1 - self.at;
        self.app.act(Feature::TwoServers);
    }
}
