//! The end of a link.
//!
//! Only [`Core::end`] enters `Closing`, and only [`Core::handle_close`] leaves it; nothing else sets the state, the
//! reason, or what may still be sent.
//!
//! | ended by | what may still be sent |
//! |---|---|
//! | the server (DISCONNECT, a refusing CONNACK) | nothing |
//! | a deadline, or bytes that break the standard | in 5.0 the rest of a partly sent packet and DISCONNECT with the reason; in 3.1 and 3.1.1 nothing |
//! | a stalled transport | nothing |
//! | `disconnect` | the rest of a partly sent packet and DISCONNECT |
//! | `abandon` of a partly sent message | nothing |
//!
//! This output is dropped after [`Limits::close_timeout`](crate::Limits::close_timeout). So `should_close` is true
//! within that time, whatever the transport does.
//!
//! A transport may have taken bytes that were shown, before `advance` is called. So dropped bytes are not shown any
//! more, but stay where they are: `advance` counts them as before. Bytes that are taken back for a DISCONNECT do not
//! stay.

use crate::connection::control::Control;
use crate::connection::core::Core;
use crate::connection::link::{Link, Ping};
use crate::connection::state::State;
use crate::connection::stats::Count;
use crate::connection::timers::{Countdown, Timers};
use crate::error::ConnectionError;
use crate::session::Outgoing;
use crate::storage::{Parts, SessionFact};
use crate::types::{Handle, Version};
use crate::wire::PacketType;
use crate::wire::reason::ReasonCode;

/// The DISCONNECT that may still be sent on a link that has ended, after the rest of a partly sent packet
/// `[MQTT-3.14.4-1]`.
pub(super) struct Last<'d> {
    pub(super) reason: ReasonCode,
    /// Appends the complete DISCONNECT to the control area, if it fits. A function pointer, so that a program that
    /// never sends properties with DISCONNECT does not link their encoding.
    pub(super) full: Option<&'d Append<'d>>,
}

/// Appends a packet; returns false if it does not fit.
pub(super) type Append<'d> = dyn Fn(&mut Control, &mut [u8]) -> bool + 'd;

impl Core {
    /// Ends the link for this reason.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn end(&mut self, parts: &mut Parts<'_>, error: ConnectionError, last: Option<&Last<'_>>) {
        self.link.state = State::Closing;
        self.link.end = error;
        self.outgoing.must_start_clean |= matches!(error, ConnectionError::UnknownSession);
        self.link.ping = Ping::None;
        self.link.is_challenged = false;
        self.link.partial = 0;
        self.link.timers = Timers::NONE;
        crate::fmt::debug!("link over: {}", error);
        if let Some(last) = last.filter(|_| self.limits.close_timeout() > 0) {
            self.send_last(parts, last);
        }
    }

    /// A function of its own to save stack.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn send_last(&mut self, parts: &mut Parts<'_>, last: &Last<'_>) {
        self.keep_partial_packet(parts);
        self.link.timers.phase = Countdown::due_in(self.limits.close_timeout());
        if !self.append_disconnect(parts, last) {
            self.drop_output();
        }
    }

    /// Ends the link for an error that this side has detected `[3.1.1: MQTT-4.8.0-1]`. In 5.0 a DISCONNECT with the
    /// reason is sent last, except on a stalled transport, or inside a payload that the application supplies.
    pub(super) fn fail(&mut self, parts: &mut Parts<'_>, error: ConnectionError) {
        let is_stuck = matches!(error, ConnectionError::KeepAliveTimeout) && self.has_output();
        let says_why = self.is_connected()
            && self.version().has_properties()
            && !is_stuck
            && !self.outgoing.is_inside_streamed(parts.slots)
            && self.link.peer.takes_length(LONGEST_BARE_DISCONNECT);
        let last = Last { reason: error.reason(), full: None };
        self.end(parts, error, says_why.then_some(&last));
    }

    /// Stops the output of this link. `advance` may still report bytes that were shown.
    pub(super) fn drop_output(&mut self) {
        self.link.timers.phase = Countdown::NONE;
    }

    /// Returns whether the link has ended and sends nothing more.
    pub(super) fn is_silent(&self) -> bool {
        self.link.state == State::Closing && !self.link.timers.phase.is_running()
    }

    /// Returns whether the transport is to be closed: the link has ended, and nothing more will be sent
    /// `[MQTT-3.14.4-2]`.
    pub(super) fn should_close(&self) -> bool {
        self.link.state == State::Closing && !self.has_output()
    }

    /// Returns whether bytes are to be sent.
    pub(super) fn has_output(&self) -> bool {
        let is_any = !self.link.control.is_empty() || !self.outgoing.is_between_frames();
        is_any && !self.is_silent()
    }

    fn keep_partial_packet(&mut self, parts: &mut Parts<'_>) {
        self.link.control.keep_partial_packet(parts.control);
        self.outgoing.releases_dropped();
        self.outgoing.keep_partial_packet(parts.slots);
    }

    /// Appends DISCONNECT, without properties or reason if they do not fit; returns false if it does not fit at all.
    fn append_disconnect(&mut self, parts: &mut Parts<'_>, &Last { reason, full }: &Last<'_>) -> bool {
        let has_reason = self.version().has_properties() && reason != ReasonCode::SUCCESS;
        let packet = [PacketType::Disconnect.first_byte(), has_reason.into(), reason.0];
        let bare = packet.get(..2 + usize::from(has_reason)).unwrap_or_default();
        let control = &mut self.link.control;
        full.is_some_and(|append| append(control, parts.control)) || control.append_bytes(parts.control, bare, true)
    }

    /// Abandons a message whose payload the application was to supply; returns false if that is not possible. If the
    /// message is partly sent, the link ends.
    pub(super) fn abandon(&mut self, parts: &mut Parts<'_>, handle: Handle) -> bool {
        let Some(id) = Outgoing::abandonable(parts.slots, handle) else { return false };
        if self.outgoing.is_begun(parts.slots, id) {
            self.end(parts, ConnectionError::Abandoned, None);
        }
        self.outgoing.abandon(parts, id);
        self.drop_orphaned_prefix(parts);
        true
    }

    /// Handles the end of the transport; the session is kept `[MQTT-4.1.0-1]`.
    pub(super) fn handle_close(&mut self, parts: &mut Parts<'_>) {
        if self.link.state == State::Closed {
            return;
        }
        if self.outgoing.give_up_fences() {
            self.stats.count(Count::FenceGivenUp as u8);
        }
        self.outgoing.link_lost(parts);
        self.find_next_expiry(parts.slots);
        self.incoming.link_lost(parts.inbox);
        if let Some(place) = self.link.stream.unfinished() {
            self.incoming.abandon(parts.inbox, place);
        }
        if let Some(names) = parts.names.as_deref_mut().filter(|_| Version::KNOWS_PROPERTIES) {
            self.aliases.clear(names);
        }
        self.settle_clean_start();
        self.link = Link::CLOSED;
    }

    /// Ends a clean session of 3.x with its link. A clean start without an answer may have been processed, if CONNECT
    /// was sent completely.
    fn settle_clean_start(&mut self) {
        if !self.link.clean_start {
            return;
        }
        let ends_with_link = self.version().clean_session_ends_with_link();
        let may_be_carried_out = !self.link.established && self.link.is_connect_out && !self.is_answered();
        if self.link.established && ends_with_link {
            self.outgoing.session = SessionFact::None;
        } else if may_be_carried_out && !(ends_with_link && self.outgoing.session == SessionFact::None) {
            self.outgoing.session = SessionFact::Doubtful;
        }
    }

    /// Returns whether CONNECT was answered, even by a refusal.
    const fn is_answered(&self) -> bool {
        use ConnectionError::{Malformed, Protocol, Refused, ServerDisconnect};
        matches!(self.link.end, Refused(_) | ServerDisconnect(_) | Malformed(_) | Protocol(_))
    }
}

/// The length of the fixed header and a reason code.
const LONGEST_BARE_DISCONNECT: usize = 3;
