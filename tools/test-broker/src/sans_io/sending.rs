//! From the packets that the broker sends to the bytes that leave: here the script has its say.

use super::codec::{Frame, Prop, Props, ServerPacket, id};
use super::line::Then;
use super::link::{Chunk, Phase};
use super::script::{Act, Bend, Event, Moment, Packet};
use super::session::Stage;
use super::{Broker, LinkId};
use std::time::Duration;

impl Broker {
    /// Takes what is to be sent to the client now: everything, unless the script has it otherwise.
    pub fn output(&mut self, link: LinkId) -> Vec<u8> {
        let Some(state) = self.links.get_mut(&link) else { return Vec::new() };
        if let Some(session) = self.sessions.get_mut(&state.client_id) {
            session.audit.taken(&mut state.audit);
        }
        self.line_up(link);
        let now_ms = self.now_ms;
        let bytes = self.links.get_mut(&link).map_or_else(Vec::new, |state| state.line.take(now_ms));
        self.cut_if_due(link);
        bytes
    }

    /// Asks the script about what waits, packet by packet.
    pub(super) fn line_up(&mut self, link: LinkId) {
        while let Some(chunk) = self.links.get_mut(&link).and_then(|state| state.out.pop_front()) {
            match chunk {
                Chunk::Packet(bytes) if !self.script.is_empty() => self.send_by_script(link, bytes),
                Chunk::Packet(bytes) | Chunk::Raw(bytes) => self.put(link, &bytes),
            }
        }
    }

    /// Whether [`Broker::output`] would hand out anything, now or after a pause.
    pub fn has_output(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|state| !state.out.is_empty() || state.line.has_output())
    }

    /// How many bytes wait to be taken.
    pub fn unsent(&self, link: LinkId) -> usize {
        self.links.get(&link).map_or(0, |state| state.unsent())
    }

    /// Whether the host is to read from the transport.
    pub fn hears(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|state| !state.line.is_deaf)
    }

    /// Sends raw bytes to a client. From then on, odd answers of that client are not taken for violations.
    pub fn inject(&mut self, link: LinkId, raw: &[u8]) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.audit.tampered = true;
        state.out.push_back(Chunk::Raw(raw.to_vec()));
        self.note(link, &format!("injected {raw:02x?}"));
    }

    /// Sends DISCONNECT with this code to a client of 5.0, and closes its link.
    pub fn disconnect(&mut self, client_id: &str, reason: u8) {
        let Some(link) = self.link_of(client_id) else { return };
        self.end_with(link, reason);
    }

    /// What the script wants when a link opens.
    pub(super) fn open_by_script(&mut self, link: LinkId) {
        let moment = Moment { link: link.number(), client: "", event: Event::Opens };
        let fits = |act: &Act| act.is_about_link() || matches!(act, Act::Instead(_) | Act::CutAfterReceiving(_));
        for act in self.script.acts(&moment, fits) {
            self.note(link, &format!("script: {act:?} as the link opens"));
            self.act_on_link(link, false, act);
        }
        self.cut_if_due(link);
    }

    /// What the script wants when a packet has come. Returns whether it is still to be obeyed.
    pub(super) fn receive_by_script(&mut self, link: LinkId, packet: Packet, client_id: &str) -> bool {
        let moment = Moment { link: link.number(), client: client_id, event: Event::Receives(packet) };
        let fits = |act: &Act| {
            act.is_about_link() || matches!(act, Act::Lose | Act::Instead(_) | Act::Disconnect(_) | Act::Redirect(_))
        };
        let mut is_obeyed = true;
        for act in self.script.acts(&moment, fits) {
            self.note(link, &format!("script: {act:?} on {packet}"));
            is_obeyed &= matches!(act, Act::StopReading | Act::StopWriting | Act::Trickle(_));
            match act {
                Act::CutAfter(_) => self.give_up(link),
                act => self.act_on_link(link, false, act),
            }
        }
        is_obeyed
    }

    /// One packet that rules may be about.
    fn send_by_script(&mut self, link: LinkId, bytes: Vec<u8>) {
        let (Some(bend), Some(frame)) = (self.bend(link), Frame::of(&bytes)) else { return };
        let Some(packet) = Packet::of(frame.first) else { return };
        let client_id = self.client_id(link);
        let moment = Moment { link: link.number(), client: &client_id, event: Event::Sends(packet) };
        let acts = self.script.acts(&moment, |act| act.fits(&frame, &bend));
        let mut packets = vec![frame];
        for act in acts {
            self.note(link, &format!("script: {act:?} on {packet}"));
            self.act_on_packets(link, act, &bend, &mut packets);
        }
        packets.iter().for_each(|frame| self.put(link, &frame.encode()));
    }

    fn act_on_packets(&mut self, link: LinkId, act: Act, bend: &Bend, packets: &mut Vec<Frame>) {
        self.settle(link, &act, packets);
        let now_ms = self.now_ms;
        let Some(state) = self.links.get_mut(&link) else { return };
        state.audit.tampered = true;
        match act {
            Act::Lose => packets.clear(),
            Act::Twice => packets.extend(packets.clone()),
            Act::Late(by) => {
                let due_ms = now_ms.saturating_add(millis(by));
                packets.drain(..).for_each(|frame| state.line.put_late(due_ms, frame.encode()));
            }
            Act::WithId(id) => packets.iter_mut().for_each(|frame| frame.set_id(id)),
            Act::WithCode(code) => packets.iter_mut().for_each(|frame| frame.set_code(code, bend.version)),
            Act::Odd(oddity) => *packets = packets.drain(..).flat_map(|frame| oddity.bend(frame, bend)).collect(),
            act => {
                let is_connack = packets.first().is_some_and(|frame| Packet::of(frame.first) == Some(Packet::ConnAck));
                if matches!(act, Act::Disconnect(_) | Act::Redirect(_)) {
                    state.out.clear();
                    packets.clear();
                } else if matches!(act, Act::Instead(_)) {
                    packets.clear();
                }
                self.act_on_link(link, is_connack, act);
            }
        }
    }

    /// The acts that are not about one packet.
    fn act_on_link(&mut self, link: LinkId, is_connack: bool, act: Act) {
        let Some(state) = self.links.get_mut(&link) else { return };
        match act {
            Act::Instead(bytes) => {
                state.audit.tampered = true;
                state.line.put(&bytes);
            }
            Act::Disconnect(code) => self.dismiss(link, is_connack, code, Props::new()),
            Act::Redirect(server) => {
                self.dismiss(link, is_connack, 0x9C, vec![(id::SERVER_REFERENCE, Prop::Text(server))]);
            }
            Act::CutAfter(bytes) => state.line.limit(bytes, Then::Cut),
            Act::CutAfterReceiving(bytes) => state.line.limit_hearing(bytes),
            Act::Stall => {
                state.line.is_deaf = true;
                state.line.limit(0, Then::Mute);
            }
            Act::StopReading => state.line.is_deaf = true,
            Act::StopWriting => state.line.limit(0, Then::Mute),
            Act::Trickle(pause) => state.line.trickle(millis(pause)),
            _ => {}
        }
    }

    /// Ends a link with a code: in CONNACK before the client is connected, otherwise in DISCONNECT. The script has no say in that packet.
    fn dismiss(&mut self, link: LinkId, is_connack: bool, code: u8, props: Props) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let is_asking = is_connack || matches!(state.phase, Phase::Fresh | Phase::Authenticating { .. });
        if is_asking {
            state.will = None;
            state.send_raw(&ServerPacket::ConnAck { present: false, code, props }, &mut self.transcript);
        } else if state.version.is_v5() {
            state.send_raw(&ServerPacket::Disconnect { reason: code, props }, &mut self.transcript);
        }
        self.give_up(link);
    }

    /// What an act means for the session: the broker goes by what the client is told.
    fn settle(&mut self, link: LinkId, act: &Act, packets: &[Frame]) {
        let client_id = self.client_id(link);
        let (Some(session), Some(frame)) = (self.sessions.get_mut(&client_id), packets.first()) else { return };
        let is_over = match act {
            Act::Odd(oddity) => oddity.ends_receiving(frame),
            Act::WithCode(code) => *code >= 0x80 && Packet::of(frame.first) == Some(Packet::PubRec),
            _ => false,
        };
        if let Some(id) = frame.ack_id().filter(|_| is_over) {
            session.received.remove(&id);
        }
        let early = frame.publish_id().filter(|_| *act == Act::Odd(super::script::Oddity::EarlyRelease));
        if let Some((id, entry)) = early.and_then(|id| Some((id, session.find(id)?))) {
            entry.stage = Stage::Released(id);
        }
    }

    fn bend(&self, link: LinkId) -> Option<Bend> {
        let state = self.links.get(&link)?;
        let session = self.sessions.get(&state.client_id);
        let is_used = |id: &u16| session.is_some_and(|session| session.uses(*id, &state.audit));
        Some(Bend {
            version: state.version,
            clean: state.clean,
            alias_maximum: state.aliases_allowed,
            unused_id: (1..=u16::MAX).rev().find(|id| !is_used(id)).unwrap_or(u16::MAX),
        })
    }

    fn put(&mut self, link: LinkId, bytes: &[u8]) {
        if let Some(state) = self.links.get_mut(&link) {
            state.line.put(bytes);
        }
    }

    /// Ends a link if the script let no more bytes pass.
    pub(super) fn cut_if_due(&mut self, link: LinkId) {
        if self.links.get(&link).is_some_and(|state| state.line.is_cut() && state.phase != Phase::GivenUp) {
            self.note(link, "cut by the script");
            self.give_up(link);
        }
    }
}

impl Act {
    /// Whether it is about all that passes on a link.
    fn is_about_link(&self) -> bool {
        matches!(self, Self::CutAfter(_) | Self::Stall | Self::StopReading | Self::StopWriting | Self::Trickle(_))
    }

    /// Whether it has a meaning for a packet of the broker.
    fn fits(&self, frame: &Frame, bend: &Bend) -> bool {
        match self {
            Self::Odd(oddity) => oddity.fits(frame, bend),
            Self::WithId(_) => matches!(frame.first >> 4, 4..=7 | 9 | 11),
            Self::WithCode(_) => match frame.first >> 4 {
                2 | 9 => true,
                4..=7 | 11 | 14 => bend.version.is_v5(),
                _ => false,
            },
            Self::CutAfterReceiving(_) => false,
            _ => true,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
