//! Plays a script, and writes down what happened.

use crate::script::{Said, Script, Step};
use pure_mqtt::{
    Ack, Clock32, Connect, Connection, Disconnect, Event, Fragment, Handle, Instant, Payload, PendingAck, Property,
    Publish, QoS, ReasonCode, Received, State, Storage, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe,
    Version,
};
use std::hash::{DefaultHasher, Hash, Hasher};

/// How a script is played.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Input comes in pieces so long at most.
    pub read: usize,
    /// Output goes in pieces so long at most.
    pub write: usize,
    /// The tick of a 32-bit clock at the start.
    pub tick: u32,
    /// Each refused command and each deadline is looked at.
    pub is_watched: bool,
    /// Input is taken as if messages could come in pieces, also where they can't.
    pub is_streaming: bool,
}

impl Manner {
    pub const WHOLE: Self =
        Self { read: usize::MAX, write: usize::MAX, tick: 0, is_watched: false, is_streaming: false };
}

/// What happened.
pub struct Play<S: Storage> {
    client: Connection<S>,
    /// Events, results, outcomes.
    story: Vec<String>,
    /// All bytes that left.
    sent: Vec<u8>,
    manner: Manner,
    clock: Clock32,
    tick: u32,
    now: Instant,
    /// Bytes from the server that are not taken yet.
    input: Vec<u8>,
    /// What has come of a message in pieces: its head in words, and its payload.
    head: String,
    payload: Vec<u8>,
    held: Vec<PendingAck>,
    handles: Vec<Handle>,
    version: Version,
}

const TOPICS: [&str; 4] = ["a", "b/b", "c/c/c", "longer than an alias takes"];

/// Plays `script` to its end.
pub fn play<S: Storage + Clone>(storage: S, script: &Script, manner: Manner) -> Play<S>
where
    Connection<S>: Eq,
{
    let mut clock = Clock32::new();
    let now = clock.now(manner.tick);
    let client = Connection::new(storage, script.limits);
    let (story, sent, input, held, handles, head, payload) = Default::default();
    let tick = manner.tick;
    let version = script.version;
    let mut play = Play { client, story, sent, manner, clock, tick, now, input, head, payload, held, handles, version };
    for step in &script.steps {
        play.step(step);
        play.read();
        while let Some(outcome) = play.client.poll_outcome() {
            play.story.push(format!("{outcome:?}"));
        }
        if play.client.should_close() {
            play.story.push(format!("{:?}", play.client.close_reason()));
            play.close();
        }
    }
    play.take(usize::MAX);
    play
}

impl<S: Storage + Clone> Play<S>
where
    Connection<S>: Eq,
{
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Up { clean, present, receive_maximum, aliases } => {
                self.close();
                self.open(clean);
                self.take(usize::MAX);
                let mut properties = Vec::new();
                properties.extend(receive_maximum.iter().flat_map(|maximum| [0x21, 0, *maximum]));
                properties.extend(if aliases { &[0x22, 0, 2][..] } else { &[] });
                self.hear(&self.connack(present, 0, &properties));
            }
            Step::Open { clean } => self.open(clean),
            Step::Close => self.close(),
            Step::Publish { qos, length, topic, expiry, retain, is_streamed } => {
                let expiry = expiry.map(|seconds| [Property::MessageExpiryInterval(seconds.into())]);
                let bytes = vec![length; length.into()];
                let payload = if is_streamed { Payload::Streamed(length.into()) } else { Payload::Slice(&bytes) };
                let topic = TopicName::new(TOPICS[usize::from(topic)]).unwrap();
                let publish = Publish::new(topic, payload).qos(QoS::from_bits(qos).unwrap()).retain(retain);
                let publish = publish.properties(expiry.as_ref().map_or(&[][..], |list| list));
                if let Some(delivery) = self.command(|client, now| client.publish(now, &publish)) {
                    self.handles.push(delivery.handle);
                }
            }
            Step::Abandon { which } => {
                if let Some(handle) = self.handles.get(usize::from(which) % self.handles.len().max(1)).copied() {
                    let is_done = self.client.abandon(self.now, handle);
                    self.story.push(format!("abandon {handle:?}: {is_done}"));
                }
            }
            Step::Subscribe { filters } => {
                let filter = Subscription::new(TopicFilter::new("a/+").unwrap(), QoS::AtLeastOnce);
                let filters = vec![filter; filters.into()];
                self.command(|client, now| client.subscribe(now, &Subscribe::new(&filters)));
            }
            Step::Unsubscribe => {
                let filters = [TopicFilter::new("a/+").unwrap()];
                self.command(|client, now| client.unsubscribe(now, &Unsubscribe::new(&filters)));
            }
            Step::Acknowledge { which, reason, explains } => self.acknowledge(which, reason, explains),
            Step::Cancel { which } => {
                if let Some(handle) = self.handles.get(usize::from(which) % self.handles.len().max(1)).copied() {
                    let was_there = self.client.cancel(handle);
                    self.story.push(format!("cancel {handle:?}: {was_there}"));
                }
            }
            Step::Disconnect { reason } => {
                self.command(|client, now| client.disconnect(now, &Disconnect::new(ReasonCode(reason))));
            }
            Step::Forget => {
                let is_done = self.client.discard_session();
                self.story.push(format!("forget: {is_done}"));
            }
            Step::Wait(steps) => self.wait(u32::from(steps) * 10),
            Step::Take(count) => self.take(if count == u8::MAX { usize::MAX } else { count.into() }),
            Step::Say(ref said) => {
                if matches!(self.client.state(), State::Connecting | State::Connected) {
                    self.hear(&self.bytes(said));
                }
            }
        }
    }

    fn open(&mut self, clean: bool) {
        let properties = [Property::SessionExpiryInterval(5)];
        let connect = Connect::new(self.version, "me").clean_start(clean).keep_alive(2);
        let connect = connect.properties(if self.version == Version::V5 { &properties[..] } else { &[] });
        self.command(|client, now| client.open(now, &connect));
    }

    fn close(&mut self) {
        self.client.handle_close(self.now);
        self.input.clear();
    }

    /// Gives a command; if it is refused it must have changed nothing.
    fn command<T: std::fmt::Debug, E: std::fmt::Debug>(
        &mut self,
        call: impl FnOnce(&mut Connection<S>, Instant) -> Result<T, E>,
    ) -> Option<T> {
        let before = self.manner.is_watched.then(|| self.client.clone());
        let result = call(&mut self.client, self.now);
        self.story.push(format!("{result:?}"));
        if let (Err(error), Some(before)) = (&result, before) {
            assert!(before == self.client, "{error:?} changed something");
        }
        result.ok()
    }

    fn acknowledge(&mut self, which: u8, reason: u8, explains: bool) {
        if self.held.is_empty() {
            return;
        }
        let pending = self.held.remove(usize::from(which) % self.held.len());
        let text = [Property::ReasonString("because")];
        let ack = Ack::new(ReasonCode(reason)).properties(if explains { &text[..] } else { &[] });
        let mut given_back = None;
        self.command(|client, now| {
            client.acknowledge(now, pending, &ack).map_err(|error| {
                given_back = Some(error.pending);
                error.error
            })
        });
        self.held.extend(given_back);
    }

    /// Time passes, and everything that is due on the way is done when it is due.
    fn wait(&mut self, millis: u32) {
        let end = self.now.after_millis(millis.into());
        for _ in 0..1000 {
            match self.client.poll_timeout().filter(|at| *at <= end) {
                Some(at) if at > self.now => {
                    if self.manner.is_watched {
                        self.look_before(at);
                    }
                    self.pass(at);
                }
                Some(_) => {}
                None => {
                    self.pass(end);
                    return;
                }
            }
            let before = self.client.next_timer();
            let result = self.client.handle_timeout(self.now);
            self.story.push(format!("{:?}: {result:?}", before.map(|(timer, _)| timer)));
            assert_ne!(self.client.next_timer(), before, "a deadline came, and nothing happened");
        }
        panic!("deadlines without end");
    }

    /// Nothing may be due a millisecond before the deadline.
    fn look_before(&self, at: Instant) {
        let mut early = self.client.clone();
        let just_before = Instant::from_millis(at.as_millis() - 1);
        assert_eq!(early.handle_timeout(just_before), Ok(()));
        assert_eq!(early.next_timer(), self.client.next_timer());
        assert_eq!(early.pending(), self.client.pending());
        assert_eq!(early.state(), self.client.state());
    }

    fn pass(&mut self, to: Instant) {
        let millis = to.millis_since(self.now);
        self.tick = self.tick.wrapping_add(millis as u32);
        self.now = self.clock.now(self.tick);
        assert_eq!(self.now, to);
    }

    /// The transport takes so many bytes at most.
    fn take(&mut self, mut count: usize) {
        let mut transmit = self.client.transmit(self.now);
        while count > 0 {
            let most = count.min(self.manner.write);
            let piece = match transmit.payload_request() {
                // Each byte says where it stands.
                Some(wanted) => {
                    let before = self.sent.len();
                    let end = wanted.offset + wanted.remaining;
                    self.sent.extend((wanted.offset..end).map(|place| place as u8).take(most));
                    self.sent.len() - before
                }
                None => {
                    let piece = transmit.chunk().len().min(most);
                    self.sent.extend(&transmit.chunk()[..piece]);
                    piece
                }
            };
            if piece == 0 {
                break;
            }
            transmit.advance(piece);
            count -= piece;
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.manner.read.min(bytes.len().max(1))) {
            self.input.extend(piece);
            self.read();
        }
    }

    /// Takes as many packets as can be taken, while there is a link.
    fn read(&mut self) {
        while !self.input.is_empty() {
            if !matches!(self.client.state(), State::Connecting | State::Connected) {
                self.input.clear();
                return;
            }
            let input = std::mem::take(&mut self.input);
            let received = match self.client.limits().stream_max {
                0 if !self.manner.is_streaming => self.client.handle_input(self.now, &input),
                _ => self.client.handle_input_streaming(self.now, &input),
            };
            match received {
                Ok(Received::Packet { consumed, event }) => {
                    assert!(0 < consumed && consumed <= input.len());
                    if let Some(Event::Fragment(fragment)) = event {
                        self.join(fragment);
                    } else if let Some(event) = event {
                        let (text, ack) = tell(event);
                        self.story.push(text);
                        self.held.extend(ack);
                    }
                    self.input = input[consumed..].to_vec();
                }
                Ok(Received::Partial { needed }) => {
                    assert!(needed > 0);
                    self.input = input;
                    return;
                }
                Ok(Received::Blocked) => {
                    self.input = input;
                    return;
                }
                Err(error) => {
                    assert_eq!(self.client.handle_input(self.now, b"\xD0\x00"), Err(error));
                    self.story.push(format!("{error:?}"));
                    return;
                }
            }
        }
    }

    /// Tells a message that came in pieces once it is whole.
    fn join(&mut self, fragment: Fragment<'_>) {
        if let Some(head) = fragment.head {
            self.head = format!("{:?} {:?} {:?}", head.topic, head.qos, head.properties);
            self.payload.clear();
        }
        self.payload.extend(fragment.payload);
        if fragment.is_last {
            let payload = std::mem::take(&mut self.payload);
            assert_eq!(payload.len(), fragment.total as usize);
            self.story.push(format!("{:?} in pieces: {payload:?}", self.head));
            self.held.extend(fragment.ack);
        }
    }

    fn connack(&self, present: bool, code: u8, properties: &[u8]) -> Vec<u8> {
        let present = u8::from(present && code == 0);
        let mut bytes = vec![0x20, 2, present, code];
        if self.version == Version::V5 {
            bytes.push(properties.len() as u8);
            bytes.extend(properties);
            bytes[1] = bytes.len() as u8 - 2;
        }
        bytes
    }

    fn bytes(&self, said: &Said) -> Vec<u8> {
        let is_v5 = self.version == Version::V5;
        match said {
            Said::ConnAck { present, code } => self.connack(*present, *code, &[]),
            Said::Publish { qos, id, dup, length, alias } => {
                let is_known = alias.is_some_and(|alias| alias % 2 == 1);
                let topic = if is_v5 && is_known { "" } else { "t/x" };
                let mut body = vec![0, topic.len() as u8];
                body.extend(topic.bytes());
                if *qos > 0 {
                    body.extend([0, *id]);
                }
                if is_v5 {
                    body.extend(alias.map_or(vec![0], |alias| vec![3, 0x23, 0, alias]));
                }
                body.extend(std::iter::repeat_n(0xC3, usize::from(*length)));
                framed(0x30 | u8::from(*dup) << 3 | qos << 1, &body)
            }
            Said::Ack { first, id, reason } if is_v5 && *reason != 0 => framed(*first, &[0, *id, *reason]),
            Said::Ack { first, id, .. } => framed(*first, &[0, *id]),
            Said::SubAck { id, codes } => self.answer(0x90, *id, *codes),
            Said::UnsubAck { id, codes } => self.answer(0xB0, *id, if is_v5 { *codes } else { 0 }),
            Said::PingResp => framed(0xD0, &[]),
            Said::Disconnect => framed(0xE0, &[]),
            Said::Bytes(bytes) => bytes.clone(),
        }
    }

    fn answer(&self, first: u8, id: u8, codes: u8) -> Vec<u8> {
        let mut body = vec![0, id];
        body.extend(if self.version == Version::V5 { &[0][..] } else { &[] });
        body.extend(std::iter::repeat_n(0, codes.into()));
        framed(first, &body)
    }

    /// The same calls, however bytes were cut: everything is the same.
    pub fn assert_same(&self, other: &Self)
    where
        Connection<S>: Hash,
    {
        self.assert_alike(other);
        assert!(self.client == other.client, "the connections differ in the end");
        assert_eq!(hash(&self.client), hash(&other.client));
        assert_eq!(self.client.next_timer(), other.client.next_timer());
        assert_eq!(self.client.stats(), other.client.stats());
    }

    /// At another time: everything but the time is the same.
    pub fn assert_alike(&self, other: &Self) {
        assert_eq!(self.story, other.story, "{:?}", other.manner);
        assert_eq!(self.sent, other.sent, "{:?}", other.manner);
        let left = |play: &Self| play.client.poll_timeout().map(|at| at.millis_since(play.now));
        assert_eq!(left(self), left(other), "{:?}", other.manner);
    }
}

fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, body.len() as u8];
    bytes.extend(body);
    bytes
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// An event in words, and the handle that came with it.
fn tell(event: Event<'_>) -> (String, Option<PendingAck>) {
    let text = format!("{event:?}");
    match event {
        Event::Message(message) => (text, message.ack),
        _ => (text, None),
    }
}
