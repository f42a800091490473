//! Any bytes from a server, in pieces, between commands, ticks and cuts: a connection never panics, refuses without a trace, and a failed link
//! can always be opened anew.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure_mqtt::{
    Ack, Auth, Connect, Connection, ConnectionError, Disconnect, Event, Fixed, Fragment, Instant, Limits, PendingAck,
    Property, Publish, QoS, ReasonCode, Received, State, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe,
    Version,
};

type Mqtt = Connection<Fixed<256, 4, 4, 64, 2, 8>>;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let streams = choice & 0x1F >= 24;
    let limits = Limits {
        manual_acks: choice & 0x40 != 0,
        strict: choice & 0x80 != 0,
        check_payload_format: choice & 0x20 != 0,
        topic_alias_maximum: 2,
        outbound_aliases: 2,
        inline_max: if streams { 32 } else { 512 },
        stream_max: if streams { 4096 } else { 0 },
        ack_timeout: 60_000,
        retry_interval: 20_000,
        ..Limits::DEFAULT
    };
    let mut game = Game {
        mqtt: Mqtt::new(Fixed::new(), limits),
        version: Version::ALL[usize::from(choice & 0x1F) % 3],
        now: Instant::from_millis(0),
        pending: Vec::new(),
        next_offset: 0,
        data,
    };
    while let Some((&step, rest)) = game.data.split_first() {
        game.data = rest;
        game.step(step);
        game.look();
    }
    game.finish();
});

struct Game<'a> {
    mqtt: Mqtt,
    version: Version,
    now: Instant,
    pending: Vec<PendingAck>,
    /// Where the next piece of a message in pieces begins.
    next_offset: u32,
    data: &'a [u8],
}

impl<'a> Game<'a> {
    /// The low four bits say what is done, the others how.
    fn step(&mut self, step: u8) {
        let (now, how) = (self.now, step >> 4);
        let before = self.mqtt.clone();
        let is_refused = match step & 0x0F {
            0 => {
                self.open(how);
                false
            }
            1 => {
                let topic = TopicName::new(["t", "a/topic"][usize::from(how >> 3)]).expect("a topic");
                let qos = QoS::from_bits(how & 3).unwrap_or_default();
                let payload = self.data.get(..9).unwrap_or(self.data);
                self.mqtt.publish(now, &Publish::new(topic, payload).qos(qos).retain(how & 4 != 0)).is_err()
            }
            2 if how & 1 == 0 => {
                let filters = [Subscription::new(TopicFilter::new("#").expect("a filter"), QoS::ExactlyOnce)];
                self.mqtt.subscribe(now, &Subscribe::new(&filters)).is_err()
            }
            2 => {
                let filters = [TopicFilter::new("#").expect("a filter"); 2];
                self.mqtt.unsubscribe(now, &Unsubscribe::new(&filters[..usize::from(how >> 1) % 3])).is_err()
            }
            3 => {
                self.now = now.after_millis(u64::from(how) * 2_500);
                let _ = self.mqtt.handle_timeout(self.now);
                false
            }
            4 => {
                let mut transmit = self.mqtt.transmit(now);
                let count = transmit.chunk().len().min(usize::from(how));
                transmit.advance(count);
                false
            }
            5 => {
                let length = self.mqtt.transmit(now).remaining();
                self.mqtt.transmit(now).advance(length);
                false
            }
            6 => {
                self.mqtt.handle_close(now);
                false
            }
            7 => {
                let Some(pending) = self.pending.pop() else { return };
                let reason = ReasonCode([0x00, 0x10, 0x80, 0x99, 0x93][usize::from(how) % 5]);
                let text = [Property::ReasonString("r")];
                let ack = Ack::new(reason).properties(&text[..usize::from(how >> 3)]);
                match self.mqtt.acknowledge(now, pending, &ack) {
                    Ok(()) => false,
                    Err(_) => true,
                }
            }
            8 => {
                let reason = ReasonCode([0x00, 0x04, 0x81, 0x8D][usize::from(how) % 4]);
                self.mqtt.disconnect(now, &Disconnect::new(reason)).is_err()
            }
            9 => {
                let list = [Property::AuthenticationMethod("m"), Property::AuthenticationData(b"data")];
                let auth = if how & 1 == 0 { Auth::continue_with(&list) } else { Auth::re_authenticate(&list) };
                self.mqtt.authenticate(now, &auth).is_err()
            }
            10 => {
                let _ = if how & 1 == 0 { self.mqtt.discard_session() } else { self.mqtt.adopt_session() };
                false
            }
            _ => {
                let count = usize::from(self.data.first().copied().unwrap_or(0)) % 96;
                let rest = self.data.get(1..).unwrap_or_default();
                let (input, rest) = rest.split_at(count.min(rest.len()));
                self.data = rest;
                self.input(input);
                false
            }
        };
        assert!(!is_refused || before == self.mqtt, "a refused command changed something");
    }

    fn open(&mut self, how: u8) {
        let now = self.now;
        self.mqtt.handle_close(now);
        let list = [Property::SessionExpiryInterval(20), Property::AuthenticationMethod("m")];
        let mut connect = Connect::new(self.version, "fuzz").clean_start(how & 1 != 0).keep_alive(30);
        if self.version == Version::V5 {
            connect = connect.properties(&list[..usize::from(how >> 1) % 3]);
        }
        self.mqtt.open(now, &connect).expect("CONNECT is short and right");
        let length = self.mqtt.transmit(now).remaining();
        self.mqtt.transmit(now).advance(length);
        if how & 8 == 0 {
            self.accept(how & 4 != 0);
        }
    }

    /// CONNACK, perhaps with the session.
    fn accept(&mut self, is_resumed: bool) {
        let present = u8::from(is_resumed);
        let length = if self.version == Version::V5 { 3 } else { 2 };
        self.input(&[0x20, length, present, 0, 0][..2 + usize::from(length)]);
    }

    fn receive<'i>(&mut self, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        match self.mqtt.limits().stream_max {
            0 => self.mqtt.handle_input(self.now, input),
            _ => self.mqtt.handle_input_streaming(self.now, input),
        }
    }

    fn input(&mut self, mut input: &[u8]) {
        while let Ok(Received::Packet { consumed, event }) = self.receive(input) {
            assert!((1..=input.len()).contains(&consumed));
            match event {
                Some(Event::Message(message)) => {
                    let _ = self.mqtt.topic(&message.topic).expect("the topic of a message that just came");
                    self.pending.extend(message.ack);
                }
                Some(Event::Fragment(fragment)) => {
                    let ack = self.check(fragment);
                    self.pending.extend(ack);
                }
                _ => {}
            }
            input = &input[consumed..];
        }
    }

    /// Pieces of one message follow each other without a gap.
    fn check(&mut self, fragment: Fragment<'_>) -> Option<PendingAck> {
        assert_eq!(fragment.offset, if fragment.head.is_some() { 0 } else { self.next_offset });
        self.next_offset = fragment.offset + fragment.payload.len() as u32;
        assert_eq!(fragment.is_last, self.next_offset == fragment.total);
        assert!(fragment.ack.is_none() || fragment.is_last);
        fragment.ack
    }

    fn look(&mut self) {
        while self.mqtt.poll_outcome().is_some() {}
        assert!(self.mqtt.pending() <= 4);
        let Some(at) = self.mqtt.poll_timeout() else { return };
        let mut later = self.mqtt.clone();
        if at > self.now {
            assert_eq!(later.handle_timeout(self.now), Ok(()));
            assert!(later == self.mqtt, "something was due before its time");
        }
        let at = at.max(self.now);
        if later.handle_timeout(at).is_ok() {
            assert!(later.poll_timeout().is_none_or(|next| next > at), "{:?} stays", later.next_timer());
        }
    }

    /// Whatever happened: a new session can be had, and works.
    fn finish(&mut self) {
        self.open(1 | 8);
        self.accept(false);
        assert_eq!(self.mqtt.state(), State::Connected, "{}", self.mqtt.close_reason());
        let message = if self.version == Version::V5 {
            &b"\x32\x06\x00\x01t\x00\x07\x00"[..]
        } else {
            b"\x32\x05\x00\x01t\x00\x07"
        };
        let received = self.receive(message);
        assert!(matches!(received, Ok(Received::Packet { event: Some(Event::Message(_)), .. })), "{received:?}");
    }
}
