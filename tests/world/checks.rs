//! The rules that hold for the whole machine, as far as they can be seen from outside.

use crate::features::Feature;
use crate::hosts::Writing;
use crate::late::LATEST;
use crate::ledger::Verdict;
use crate::life::World;
use crate::memory::Memory;
use crate::records::{self, Record};
use crate::tally::Tally;
use pure_mqtt::{ConnectionError, State};

/// For how long a link that is over may still send.
const FAREWELL: u64 = 3_000;
/// How late something may be noticed.
const SLACK: u64 = 1_000;

impl<S: Memory> World<S> {
    /// E1: a link that is over is closed soon, and one that says or takes nothing is over soon.
    pub fn check_ends(&mut self) -> Verdict {
        let Some(transport) = &self.transport else { return Ok(()) };
        // What the transport took is not known before `advance`.
        let unknown = if self.character.writing == Writing::Later { LATEST } else { 0 };
        let late = SLACK + self.paused + self.lag + unknown;
        if let Some(since) = self.over_since {
            if self.now > since + FAREWELL + late {
                return Err(format!(
                    "[E1] over since {since}, and not closed at {}: {:?}",
                    self.now,
                    self.mqtt.close_reason()
                ));
            }
        }
        if self.over_since.is_some() {
            return Ok(());
        }
        let [heard, took] = [transport.gave_at.max(self.opened_at), transport.took_at.max(self.opened_at)];
        let is_blocked = self.is_blocked();
        if is_blocked {
            self.blocked_at = self.now; // what was heard is not known before it can be taken
        }
        let heard = heard.max(self.blocked_at);
        let (keep_alive, answer) = self.watches();
        let (patience, since) = match self.mqtt.state() {
            State::Connecting => (self.mqtt.limits().connack_timeout.into(), self.opened_at),
            // PINGREQ is due, and may have to wait for a transport that takes a byte now and then: as long as that is full it is what is watched. Once
            // PINGREQ has left, its answer has the whole time.
            State::Connected if !is_blocked && !self.last.is_full && self.unconfirmed.is_empty() => {
                let asked = transport.tally.ping_at.map_or(0, |at| at.saturating_sub(2 * keep_alive + answer));
                (2 * keep_alive + 2 * answer, heard.max(asked))
            }
            _ => (0, 0),
        };
        if self.now > since + patience + late && patience > 0 {
            return Err(format!("[E1] heard at {heard}, and not over at {}: {:?}", self.now, self.mqtt));
        }
        let is_stuck = self.last.is_full && self.mqtt.is_connected() && keep_alive > 0;
        if is_stuck && self.now > took.max(transport.full_at) + keep_alive + answer + late {
            return Err(format!("[E1] nothing is taken since {took}, and not over at {}: {:?}", self.now, self.mqtt));
        }
        let asked = self.oldest(&transport.tally).filter(|_| !is_blocked && self.mqtt.is_connected());
        let ack_timeout = u64::from(self.mqtt.limits().ack_timeout);
        let is_late = asked.is_some_and(|asked| self.now > asked.max(self.blocked_at) + 2 * ack_timeout + late);
        if is_late && ack_timeout > 0 {
            return Err(format!("[E6] an answer is awaited since {asked:?}, and it is {}: {:?}", self.now, self.mqtt));
        }
        Ok(())
    }

    /// Input waits, so that what is awaited may lie in it. A loop of the documentation doesn't tell the world whether that is so.
    pub fn is_blocked(&self) -> bool {
        let is_told = self.transport.as_ref().is_some_and(|transport| transport.told > 0);
        self.last.is_blocked || is_told || matches!(self.reading, crate::hosts::Reading::Shown(_))
    }

    /// When the oldest packet left whose answer is awaited.
    fn oldest(&self, tally: &Tally) -> Option<u64> {
        let released = |id| self.mqtt.unacknowledged().any(|message| message.id.get() == id && message.is_released);
        tally.oldest(released)
    }

    /// The keep alive, and the time for its answer.
    fn watches(&self) -> (u64, u64) {
        let keep_alive = u64::from(self.mqtt.keep_alive()) * 1_000;
        match self.mqtt.limits().pingresp_timeout {
            _ if keep_alive == 0 => (0, 0),
            0 => (keep_alive, keep_alive),
            millis => (keep_alive, millis.into()),
        }
    }

    /// E4: with a server that keeps to the standard, no acknowledgement is for nothing.
    pub fn check_acks(&self) -> Verdict {
        let count = self.mqtt.stats().unknown_acks;
        let may_repeat = self.character.has.has(Feature::Retry) || self.character.config.odd.any();
        // PUBREL comes again where PUBCOMP was lost.
        let repeated: u32 = self.servers.iter().map(|server| server.releases).sum();
        if count <= repeated || may_repeat {
            return Ok(());
        }
        Err(format!("[E4] {count} acknowledgements counted as unknown"))
    }

    /// E6: nothing is missed too early. `was_unconfirmed`: something that the transport had taken was not confirmed when the turn began, in which the link has ended.
    pub fn check_reason(&mut self, reason: ConnectionError, was_unconfirmed: bool) -> Verdict {
        let Some(transport) = &self.transport else { return Ok(()) };
        let limits = self.mqtt.limits();
        let is_early = match reason {
            // Output that nobody takes ends a link all the same, also if it was taken and nobody says so for a while.
            ConnectionError::KeepAliveTimeout => {
                let (keep_alive, answer) = self.watches();
                let since = transport.took_at.max(transport.full_at).max(self.opened_at);
                let is_taken = !transport.up.is_stuck(self.now) && !transport.was_full;
                let is_taken = is_taken && self.now < since + keep_alive + answer;
                is_taken && self.paused == 0 && !self.character.has.has(Feature::LateAdvance)
            }
            ConnectionError::AckTimeout => true,
            _ => false,
        };
        if is_early && transport.told_before > 0 {
            return Err(format!("[E6] {reason:?} while {} bytes are not read yet", transport.told_before));
        }
        let (waited, at_least) = match reason {
            ConnectionError::ConnAckTimeout => (self.now - self.opened_at, u64::from(limits.connack_timeout)),
            ConnectionError::KeepAliveTimeout => {
                let (keep_alive, answer) = self.watches();
                let since = match transport.tally.ping_at {
                    Some(at) => at,
                    // To the engine all waits that was not confirmed, and AUTH also if a host that is paused doesn't offer it to the transport.
                    None if was_unconfirmed || !self.unconfirmed.is_empty() || self.paused > 0 => return Ok(()),
                    None => transport.took_at.max(transport.full_at).max(self.opened_at) + keep_alive,
                };
                (self.now.saturating_sub(since), answer)
            }
            ConnectionError::AckTimeout => {
                let oldest = transport.tally.oldest(|_| true); // a PUBREL that frees an identifier as well
                (oldest.map_or(0, |at| self.now - at), u64::from(limits.ack_timeout))
            }
            _ => return Ok(()),
        };
        if waited + 1 < at_least {
            let (took, full, ping) = (transport.took_at, transport.full_at, transport.tally.ping_at);
            return Err(format!(
                "[E6] {reason:?} after {waited} ms, not {at_least}: at {}, taken {took}, full {full}, PINGREQ {ping:?}",
                self.now
            ));
        }
        Ok(())
    }

    /// R20: what could be recovered equals what is, once all that is owed is written: what finds no room in the buffer follows when there is some.
    pub fn check_recovery(&mut self) -> Verdict {
        let Some(mut live) = S::fork(&self.mqtt) else { return Ok(()) };
        let mut log = self.app.disk.log.clone();
        while !S::journal(&live).is_empty() {
            log.extend(S::journal(&live));
            let waiting = S::journal(&live).len();
            S::written(&mut live, waiting);
        }
        let time = self.time();
        let Some(recovered) = S::recover(self.mqtt.limits(), time, &log) else { return Ok(()) };
        let (mut recovered, used) =
            recovered.map_err(|error| format!("[R20] {error}: {:02x?}", records::read(&log)))?;
        if used != log.len() {
            return Err(format!("[R20] {used} of {} bytes count", log.len()));
        }
        let (Some(live), Some(back)) = (S::snapshot(&mut live), S::snapshot(&mut recovered)) else {
            return Err("[R20] no snapshot".into());
        };
        compare(&records::read(&live), &records::read(&back), &records::read(&log))
    }
}

/// Handles and identifiers of QoS 0 messages and of requests are not kept, so counters may differ. What comes back has DUP set, and lives as long as it takes.
fn compare(live: &[Record], back: &[Record], log: &[Record]) -> Verdict {
    let has_messages = !records::handles(live).is_empty();
    let level = live.first().filter(|record| record.kind == records::VERSION).map_or(4, |record| record.body[0]);
    let is_kept = |record: &&Record| match record.kind {
        records::COUNTERS => false,
        records::VERSION => has_messages, // or it decides nothing
        records::SESSION => record.body != [0; 4],
        _ => true,
    };
    let kept = |records: &[Record]| -> Vec<Record> {
        let mut kept: Vec<Record> = records.iter().filter(is_kept).map(|record| record.essence(level)).collect();
        // In which order the application acknowledged decides nothing.
        kept.sort_by_key(|record| if record.kind == records::RECEIVED { record.body.clone() } else { Vec::new() });
        kept
    };
    let (live, back) = (kept(live), kept(back));
    if live == back {
        return Ok(());
    }
    let shown = |records: &[Record]| records.iter().map(|record| format!("\n    {record:02x?}")).collect::<String>();
    let kinds = |one: &[Record], other: &[Record]| {
        let missing = one.iter().filter(|record| !other.contains(record));
        missing.map(|record| records::NAMES[usize::from(record.kind)]).collect::<Vec<_>>().join(" ")
    };
    Err(format!(
        "[R20] not back is <{}>, and instead <{}>:{}\nwould be back{}\nfrom{}",
        kinds(&live, &back),
        kinds(&back, &live),
        shown(&live),
        shown(&back),
        shown(log)
    ))
}
