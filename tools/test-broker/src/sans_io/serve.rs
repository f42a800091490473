//! Takes packets off a link one by one and hands each to its handler.

use super::codec::{ClientPacket, Frame, Props, ServerPacket, Wrong, decode};
use super::link::Phase;
use super::script::Packet;
use super::transcript::{Direction, shortened};
use super::{Broker, LinkId};

/// No CONNECT is larger: client identifier, will with its properties, user name and password have at most 65,535 bytes each.
const LARGEST_CONNECT: usize = 1 << 20;
/// A client that goes on and on doesn't fill the memory.
const MOST_VIOLATIONS: usize = 10_000;

impl Broker {
    /// Serves the next whole packet of a link. Returns false when there is none, or nobody listens any more.
    pub(super) fn serve_next(&mut self, link: LinkId) -> bool {
        let limit = self.config.maximum_packet_size;
        let Some(state) = self.links.get_mut(&link) else { return false };
        if state.phase == Phase::SaidGoodbye {
            let is_silent = state.partial.is_empty();
            if !is_silent {
                state.partial.clear();
                self.blame(link, "[MQTT-3.14.4-1] bytes after DISCONNECT");
                self.give_up(link);
            }
            return false;
        }
        if !state.listens() {
            return false;
        }
        let announced = limit.filter(|_| state.version.is_v5() && state.phase == Phase::Connected);
        let most = if state.phase == Phase::Fresh { LARGEST_CONNECT } else { self.config.largest_packet };
        let outcome = match state.partial.take(announced.map_or(most, |limit| most.min(limit as usize))) {
            Ok(None) => return false,
            Ok(Some(frame)) => {
                state.last_heard_ms = self.now_ms;
                decode(&frame, state.version).and_then(|packet| self.serve(link, &frame, packet))
            }
            Err(wrong) => Err(wrong),
        };
        if let Err(wrong) = outcome {
            self.fail(link, &wrong);
        }
        true
    }

    /// Checks that a packet may come now, and hands it on.
    fn serve(&mut self, link: LinkId, frame: &Frame, packet: ClientPacket) -> Result<(), Wrong> {
        self.transcript.record(link, Direction::FromClient, &packet);
        if !self.script.is_empty() && !self.may_serve(link, frame, &packet) {
            return Ok(());
        }
        let Some(state) = self.links.get(&link) else { return Ok(()) };
        match (&state.phase, &packet) {
            (Phase::Fresh, ClientPacket::Connect(_)) => {}
            (Phase::Fresh, _) => return Err(Wrong::protocol("[MQTT-3.1.0-1] the first packet is not CONNECT")),
            (_, ClientPacket::Connect(_)) => return Err(Wrong::protocol("[MQTT-3.1.0-2] a second CONNECT")),
            (Phase::Authenticating { .. }, ClientPacket::Auth { .. } | ClientPacket::Disconnect { .. }) => {}
            (Phase::Authenticating { .. }, _) => {
                return Err(Wrong::protocol("[MQTT-3.1.2-30] more than AUTH and DISCONNECT before CONNACK"));
            }
            _ => {}
        }
        match packet {
            ClientPacket::Connect(connect) => self.on_connect(link, connect)?,
            ClientPacket::Publish(publish) => self.on_publish(link, publish)?,
            ClientPacket::Ack(ack) => self.on_ack(link, ack),
            ClientPacket::Subscribe { id, props, requests } => self.on_subscribe(link, id, &props, requests)?,
            ClientPacket::Unsubscribe { id, filters } => self.on_unsubscribe(link, id, &filters),
            ClientPacket::PingReq => self.send(link, &ServerPacket::PingResp),
            ClientPacket::Disconnect { reason, props } => self.on_disconnect(link, reason, &props)?,
            ClientPacket::Auth { reason, props } => self.on_auth(link, reason, &props)?,
        }
        Ok(())
    }

    /// Asks the script about a packet.
    fn may_serve(&mut self, link: LinkId, frame: &Frame, packet: &ClientPacket) -> bool {
        let Some(kind) = Packet::of(frame.first) else { return true };
        let Some(state) = self.links.get_mut(&link) else { return false };
        let client_id = match packet {
            ClientPacket::Connect(connect) if state.phase == Phase::Fresh => {
                state.version = connect.version;
                connect.client_id.clone()
            }
            _ => state.client_id.clone(),
        };
        self.receive_by_script(link, kind, &client_id)
    }

    /// Ends a link because of what the client did.
    fn fail(&mut self, link: LinkId, wrong: &Wrong) {
        self.blame(link, &wrong.text);
        let Some(state) = self.links.get(&link) else { return };
        if state.phase == Phase::Fresh && wrong.reason == 0x84 {
            self.refuse(link, 0x01);
            return;
        }
        if state.phase == Phase::Connected {
            self.end_with(link, wrong.reason);
        } else {
            self.give_up(link);
        }
    }

    /// Ends a link, in 5.0 with a DISCONNECT.
    pub(super) fn end_with(&mut self, link: LinkId, reason: u8) {
        if self.is_v5(link) {
            self.send(link, &ServerPacket::Disconnect { reason, props: Props::new() });
        }
        self.give_up(link);
    }

    /// Writes down what a client did against the standard.
    pub(super) fn blame(&mut self, link: LinkId, text: &str) {
        let client_id = self.client_id(link);
        self.note(link, text);
        if self.violations.len() < MOST_VIOLATIONS {
            self.violations.push(shortened(format!("{text} ({link}, client {client_id:?})")));
        }
    }

    /// Puts a packet into the output of a link.
    pub(super) fn send(&mut self, link: LinkId, packet: &ServerPacket) {
        if let Some(state) = self.links.get_mut(&link) {
            state.send(packet, &mut self.transcript);
        }
    }

    /// The client id of a link; empty before CONNECT.
    pub(super) fn client_id(&self, link: LinkId) -> String {
        self.links.get(&link).map_or_else(String::new, |state| state.client_id.clone())
    }
}
