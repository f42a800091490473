//! The end of a link.
//!
//! Every way into `Closing` is [`Core::end`], and the only way out is [`Core::closed`]; nothing else sets the state,
//! the reason, or what may still leave.
//!
//! | who ends it | what may still leave |
//! |---|---|
//! | the server (DISCONNECT, a refusing CONNACK) | nothing |
//! | a deadline, or bytes that break the standard | in 5.0 the packet that is half out and DISCONNECT with the reason; before 5.0 nothing |
//! | a transport that takes nothing | nothing |
//! | `disconnect` | the packet that is half out and DISCONNECT |
//! | `abandon` of a message that is half out | nothing |
//!
//! What may still leave has [`Limits::close_timeout`](crate::Limits::close_timeout); then it is dropped. So
//! `should_close` is true within that time, whatever the transport does.
//!
//! A transport may have taken bytes that were shown, with `advance` still to come. So what is dropped is shown no
//! longer, but stays where it is: `advance` counts it as before. What is taken back for a DISCONNECT does not stay.

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

/// What may still leave on a link that is over beside the packet that is half out: DISCONNECT `[MQTT-3.14.4-1]`.
pub(super) struct Last<'d> {
    pub(super) reason: ReasonCode,
    /// Appends all of it to the control area, where that fits. A program that never sends properties with DISCONNECT
    /// doesn't carry their encoding.
    pub(super) full: Option<&'d Append<'d>>,
}

/// Appends a packet; false if it doesn't fit.
pub(super) type Append<'d> = dyn Fn(&mut Control, &mut [u8]) -> bool + 'd;

impl Core {
    /// The link is over for this reason.
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

    /// Apart for the sake of the stack.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn send_last(&mut self, parts: &mut Parts<'_>, last: &Last<'_>) {
        self.keep_partial_packet(parts);
        self.link.timers.phase = Countdown::due_in(self.limits.close_timeout());
        if !self.append_disconnect(parts, last) {
            self.drop_output();
        }
    }

    /// Ends the link for a reason of this side's `[3.1.1: MQTT-4.8.0-1]`. Where the standard lets us say why, one
    /// DISCONNECT is the last to leave; not if the transport takes nothing, or inside a payload that the application
    /// supplies.
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

    /// Nothing more is sent on this link. Of what was shown the transport may have taken some: that can still be told.
    pub(super) fn drop_output(&mut self) {
        self.link.timers.phase = Countdown::NONE;
    }

    /// The link is over, and nothing more is sent on it.
    pub(super) fn is_silent(&self) -> bool {
        self.link.state == State::Closing && !self.link.timers.phase.is_running()
    }

    /// The transport is to be closed: the link is over, and nothing more will be sent `[MQTT-3.14.4-2]`.
    pub(super) fn should_close(&self) -> bool {
        self.link.state == State::Closing && !self.has_output()
    }

    /// Bytes wait to leave.
    pub(super) fn has_output(&self) -> bool {
        let is_any = !self.link.control.is_empty() || !self.outgoing.is_between_frames();
        is_any && !self.is_silent()
    }

    fn keep_partial_packet(&mut self, parts: &mut Parts<'_>) {
        self.link.control.keep_partial_packet(parts.control);
        self.outgoing.releases_dropped();
        self.outgoing.keep_partial_packet(parts.slots);
    }

    /// DISCONNECT, or as much of it as fits; false if that is nothing.
    fn append_disconnect(&mut self, parts: &mut Parts<'_>, &Last { reason, full }: &Last<'_>) -> bool {
        let has_reason = self.version().has_properties() && reason != ReasonCode::SUCCESS;
        let packet = [PacketType::Disconnect.first_byte(), has_reason.into(), reason.0];
        let bare = packet.get(..2 + usize::from(has_reason)).unwrap_or_default();
        let control = &mut self.link.control;
        full.is_some_and(|append| append(control, parts.control)) || control.append_bytes(parts.control, bare, true)
    }

    /// Gives up a message whose payload the application was to supply; false if that can't be. If it is half out the
    /// link can't go on.
    pub(super) fn abandon(&mut self, parts: &mut Parts<'_>, handle: Handle) -> bool {
        let Some(id) = Outgoing::abandonable(parts.slots, handle) else { return false };
        if self.outgoing.is_begun(parts.slots, id) {
            self.end(parts, ConnectionError::Abandoned, None);
        }
        self.outgoing.abandon(parts, id);
        self.drop_orphaned_prefix(parts);
        true
    }

    /// The transport is gone; the session stays `[MQTT-4.1.0-1]`.
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

    /// A clean session of 3.x ends with its link. A clean start that was never answered may have been carried out all
    /// the same, once CONNECT had left whole.
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

    /// CONNECT had an answer, if not a good one.
    const fn is_answered(&self) -> bool {
        use ConnectionError::{Malformed, Protocol, Refused, ServerDisconnect};
        matches!(self.link.end, Refused(_) | ServerDisconnect(_) | Malformed(_) | Protocol(_))
    }
}

/// The fixed header, a reason code, and nothing else.
const LONGEST_BARE_DISCONNECT: usize = 3;
