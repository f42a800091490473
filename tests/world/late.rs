//! A host that hands its output to somebody else, DMA say: `advance` comes when that is done, and answers may come before.

use crate::hosts::{self, Turn};
use crate::ledger::Verdict;
use crate::life::World;
use crate::memory::Memory;
use crate::wire::NEVER;
use pure_mqtt::State;

/// `advance` is not later than this, in milliseconds.
pub const LATEST: u64 = 3_000;

impl<S: Memory> World<S> {
    /// The bytes are handed over now, and `advance` is called some time later.
    pub fn write_later(&mut self, turn: &mut Turn) -> Verdict {
        let time = self.time();
        let Some(transport) = &mut self.transport else { return Ok(()) };
        if !self.unconfirmed.is_empty() {
            let shown = self.mqtt.transmit(time);
            let is_replaced = !shown.chunk().is_empty() && !shown.chunk().starts_with(&self.unconfirmed);
            if self.confirms_at > self.now && !is_replaced {
                return Ok(());
            }
            return self.confirm().map(|()| {
                turn.progress += 1;
                self.is_kicked = true;
            });
        }
        let transmit = self.mqtt.transmit(time);
        if transmit.payload_request().is_some() {
            let sent = hosts::send(&mut self.mqtt, transport, &mut self.app, time);
            turn.is_full = sent.is_full;
            turn.progress += sent.progress;
            return Ok(());
        }
        let bytes = transmit.chunk().to_vec();
        if bytes.is_empty() {
            return Ok(());
        }
        let count = hosts::Wire::write(transport, &bytes);
        turn.is_full = count == 0;
        turn.progress += count;
        self.unconfirmed = bytes[..count].to_vec();
        let delays = [0, 1, 50, 900, LATEST];
        self.confirms_at = if count > 0 { self.now + self.rng.choice(delays).unwrap_or(0) } else { NEVER };
        Ok(())
    }

    /// `advance` for what was handed over: before any command, and before `handle_close`.
    pub fn confirm(&mut self) -> Verdict {
        self.confirms_at = NEVER;
        let bytes = std::mem::take(&mut self.unconfirmed);
        if bytes.is_empty() {
            return Ok(());
        }
        let time = self.time();
        let is_over = self.mqtt.state() == State::Closing;
        let mut transmit = self.mqtt.transmit(time);
        // What is dropped is shown no longer, and counts all the same.
        let is_dropped = is_over && transmit.chunk().is_empty();
        self.is_kicked = true;
        if is_dropped || transmit.chunk().starts_with(&bytes) {
            transmit.advance(bytes.len());
            hosts::App::save(&mut self.app, &mut self.mqtt);
            return Ok(());
        }
        if is_over {
            // DISCONNECT is to be the last, and took the place of what nobody could know to have left: the host closes, and what left may come again.
            self.app.ledger.take_back(self.mqtt.last_sent_qos0());
            self.transport.iter_mut().for_each(|transport| transport.is_broken = true);
            return Ok(());
        }
        Err(format!("[E4] what was shown has changed: {bytes:02x?}, and now {:02x?}", transmit.chunk()))
    }
}
