//! The device: a client, its application, and the server on the other side of whatever link there is.

use crate::application::news;
use crate::common::broker::Broker;
use crate::ledger::Ledger;
use crate::link::Link;
use crate::streaming::Arriving;
use crate::trouble::{Character, Counts};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Backoff, Connect, Connection, ConnectionError, Event, Instant, PendingAck, Property, Received, State, Storage,
    Version,
};

pub const CLIENT: &str = "device";
/// More moves than this at one point in time are a live-lock.
const MOST_MOVES: usize = 100_000;
/// How late a dead link may be noticed, beyond its time-outs.
const SLACK: u64 = 1_000;

/// A device and its server.
pub struct Device<S: Storage> {
    pub client: Connection<S>,
    pub broker: Broker,
    pub now: u64,
    pub rng: fastrand::Rng,
    pub character: Character,
    pub ledger: Ledger,
    pub counts: Counts,
    pub link: Option<Link>,
    /// No more trouble.
    pub is_calm: bool,
    /// When the device wakes up.
    pub sleeps_until: u64,
    /// Until then no transport can be opened.
    pub out_until: u64,
    pub connects_at: u64,
    /// So often time did not pass.
    stood: usize,
    pub backoff: Backoff,
    pub held: Vec<(u64, PendingAck)>,
    pub arriving: Arriving,
    pub number: u64,
    pub wants_subscription: bool,
    pub must_start_clean: bool,
    /// The session is lost, and the client has not heard of it.
    pub is_lost: bool,
    had_session: bool,
    pub is_resumed: bool,
}

impl<S: Storage + Clone> Device<S> {
    pub fn new(storage: S, mut rng: fastrand::Rng, character: Character, lines: usize) -> Self {
        let limits = character.limits(&mut rng);
        let config = character.config(&mut rng, lines);
        Self {
            client: Connection::new(storage, limits),
            broker: Broker::new(config),
            now: 0,
            rng,
            character,
            ledger: Ledger::default(),
            counts: Counts::default(),
            link: None,
            is_calm: false,
            sleeps_until: 0,
            out_until: 0,
            connects_at: 0,
            stood: 0,
            backoff: Backoff::default(),
            held: Vec::new(),
            arriving: Arriving::default(),
            number: 0,
            wants_subscription: true,
            must_start_clean: false,
            is_lost: false,
            had_session: false,
            is_resumed: false,
        }
    }

    pub fn instant(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    pub fn is_awake(&self) -> bool {
        self.now >= self.sleeps_until
    }

    /// When something happens next, apart from trouble and new messages.
    pub fn next(&self) -> u64 {
        let is_awake = self.is_awake();
        let link = self.link.as_ref().and_then(|link| link.next(is_awake));
        if !is_awake {
            return link.unwrap_or(u64::MAX).min(self.sleeps_until);
        }
        let timer = self.client.poll_timeout().map(Instant::as_millis);
        let connects = self.link.is_none().then_some(self.connects_at.max(self.now));
        let acks = self.held.iter().map(|(at, _)| *at).min();
        [link, timer, connects, acks].into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// It is now so late; everything that is due happens.
    pub fn advance(&mut self, now: u64) {
        self.stood = if now > self.now { 0 } else { self.stood + 1 };
        assert!(self.stood < 1_000, "time stands still: {:?}", self.client.next_timer());
        self.now = self.now.max(now);
        self.broker.tick(self.now);
        self.watch_session();
        if !self.is_awake() {
            while self.carry() {}
            return;
        }
        self.timeout();
        for _ in 0..MOST_MOVES {
            // CONNACK or the end of a link may make a message wait again whose time is over.
            let is_due = self.client.poll_timeout().is_some_and(|at| at <= self.instant());
            if is_due {
                self.timeout();
            }
            let moved = self.connect() | self.carry() | self.read() | self.work() | self.write();
            self.end_link();
            self.watch_session();
            if !moved && self.client.poll_timeout().is_none_or(|at| at > self.instant()) {
                return self.check_time();
            }
        }
        panic!("no end of it");
    }

    /// Everything has come to its end, as far as the client, its application and the server are concerned.
    pub fn is_at_rest(&self) -> bool {
        let is_up = self.link.as_ref().is_some_and(|link| {
            link.dead_since.is_none() && link.up.is_empty() && link.down.is_empty() && link.rx.is_empty()
        });
        let is_served = self.broker.link_of(CLIENT).is_some() && self.broker.idle() && self.held.is_empty();
        is_up && is_served && self.client.is_connected() && self.client.is_idle() && !self.wants_subscription
    }

    // Links.

    fn connect(&mut self) -> bool {
        if self.link.is_some() || self.now < self.connects_at {
            return false;
        }
        if self.now < self.out_until {
            self.connects_at = self.now + u64::from(self.backoff.next_delay(self.rng.u32(..))).max(1);
            return false;
        }
        // A session that was lost and made anew while CONNACK got lost looks like the old one to every client.
        let looks_resumed = self.is_lost && self.broker.has_session(CLIENT);
        self.must_start_clean |= looks_resumed;
        if self.must_start_clean {
            self.ledger.lose();
        }
        let expiry = [Property::SessionExpiryInterval(self.character.session_expiry)];
        let connect = Connect::new(self.character.version, CLIENT)
            .clean_start(self.must_start_clean)
            .keep_alive(self.character.keep_alive)
            .properties(&expiry[..]);
        self.client.open(Instant::from_millis(self.now), &connect).expect("open");
        let left = if self.is_calm { (usize::MAX, usize::MAX) } else { self.character.reach(&mut self.rng) };
        let latency = self.rng.u64(1..1_500);
        self.link = Some(Link::new(self.broker.accept(), latency, left));
        self.counts.links += 1;
        true
    }

    /// The client knows that the link is gone; the server only if it is told.
    pub fn close(&mut self, tells_server: bool) {
        let Some(link) = self.link.take() else { return };
        if tells_server {
            self.broker.cut(link.id);
        }
        self.client.handle_close(self.instant());
        self.connects_at = self.now + u64::from(self.backoff.next_delay(self.rng.u32(..))).max(1);
        self.fetch_outcomes();
    }

    /// The link breaks; a part of what is on the way still arrives.
    pub fn cut(&mut self) {
        let Some(link) = &mut self.link else { return };
        self.counts.cuts += 1;
        let (up, down) = (link.up.drain(), link.down.drain());
        let part = |rng: &mut fastrand::Rng, bytes: &[u8]| match rng.u8(0..3) {
            0 => 0,
            1 => bytes.len(),
            _ => rng.usize(0..=bytes.len()),
        };
        if link.dead_since.is_none() {
            let arrived = part(&mut self.rng, &up);
            self.broker.input(link.id, &up[..arrived]);
            let arrived = part(&mut self.rng, &down);
            link.rx.extend_from_slice(&down[..arrived]);
            while self.is_awake() && self.take_input() {}
        }
        let tells_server = self.rng.u8(0..3) > 0;
        self.close(tells_server);
        self.watch_session();
    }

    /// Notes when the server has lost the session.
    pub fn watch_session(&mut self) {
        let has_session = self.broker.has_session(CLIENT);
        if self.had_session && !has_session {
            self.ledger.lose();
            self.is_lost = true;
        }
        self.had_session = has_session;
    }

    fn end_link(&mut self) {
        let Some(link) = &mut self.link else { return };
        let is_over = self.broker.wants_close(link.id) && !self.broker.has_output(link.id);
        if self.client.should_close() {
            let rest = link.up.drain();
            self.broker.input(link.id, &rest);
            let tells_server = link.dead_since.is_none();
            self.close(tells_server);
        } else if link.dead_since.is_none() && is_over && link.down.is_empty() && link.rx.is_empty() {
            self.close(true);
        }
    }

    // Bytes.

    /// Bytes reach the server, and its answers set out.
    fn carry(&mut self) -> bool {
        let Some(link) = &mut self.link else { return false };
        let bytes = link.up.take(self.now, usize::MAX);
        self.broker.input(link.id, &bytes);
        let output = self.broker.output(link.id);
        let moved = !bytes.is_empty() || !output.is_empty();
        if link.dead_since.is_none() {
            link.down.put(self.now + link.latency, output);
        }
        moved
    }

    fn read(&mut self) -> bool {
        let Some(link) = &mut self.link else { return false };
        let most = self.rng.usize(1..=self.character.most_read).min(link.left.1);
        let bytes = if link.is_blocked { Vec::new() } else { link.down.take(self.now, most) };
        link.rx.extend_from_slice(&bytes);
        if link.left.1 < usize::MAX {
            link.left.1 -= bytes.len();
        }
        let is_spent = link.left.1 == 0;
        let moved = self.take_input() || !bytes.is_empty();
        if is_spent {
            self.cut();
        }
        moved
    }

    /// Offers one packet to the client.
    fn take_input(&mut self) -> bool {
        let now = Instant::from_millis(self.now);
        let Some(link) = self.link.as_mut().filter(|link| !link.rx.is_empty()) else { return false };
        link.is_blocked = false;
        let rx = std::mem::take(&mut link.rx);
        let received = match self.character.streams {
            true => self.client.handle_input_streaming(now, &rx),
            false => self.client.handle_input(now, &rx),
        };
        let (consumed, event) = match received {
            Ok(Received::Packet { consumed, event }) => (consumed, event),
            Ok(Received::Partial { needed }) => {
                assert!(needed > 0);
                link.rx = rx;
                return false;
            }
            Ok(Received::Blocked) => {
                (link.is_blocked, link.rx) = (true, rx);
                return false;
            }
            Err(error) => {
                self.fail(error);
                return true;
            }
        };
        link.rx.extend_from_slice(&rx[consumed..]);
        let news = match event {
            Some(Event::Fragment(fragment)) => self.piece(fragment),
            event => event.and_then(news),
        };
        if let Some(news) = news {
            self.note(news);
        }
        true
    }

    fn write(&mut self) -> bool {
        self.abandon();
        let Some(link) = &mut self.link else { return false };
        let mut room = self.rng.usize(1..=self.character.most_written).min(link.left.0);
        let mut transmit = self.client.transmit(Instant::from_millis(self.now));
        let mut bytes = Vec::new();
        while room > 0 {
            let piece = match transmit.payload_request() {
                Some(wanted) => self.ledger.supply(&wanted, room),
                None => transmit.chunk().iter().take(room).copied().collect(),
            };
            if piece.is_empty() {
                break;
            }
            transmit.advance(piece.len());
            room -= piece.len();
            bytes.extend(piece);
        }
        let count = bytes.len();
        if link.dead_since.is_none() {
            link.up.put(self.now + link.latency, bytes);
        }
        if link.left.0 < usize::MAX {
            link.left.0 -= count;
        }
        if link.left.0 == 0 {
            self.cut();
        }
        count > 0
    }

    // Time.

    fn timeout(&mut self) {
        // A link that ends leaves what else is due for the next call.
        for _ in 0..2 {
            if let Err(error) = self.client.handle_timeout(self.instant()) {
                self.fail(error);
            }
            self.fetch_outcomes();
        }
        let timer = self.client.next_timer();
        assert!(timer.is_none_or(|(_, at)| at > self.instant()), "due again at once: {timer:?}");
    }

    /// All is done that was due. The client wants to be woken later, nothing happens before, and a dead link is not kept for long.
    fn check_time(&mut self) {
        let at = self.client.poll_timeout();
        assert!(at.is_none_or(|at| at > self.instant()), "in the past: {:?} at {}", self.client.next_timer(), self.now);
        if self.rng.u8(0..64) == 0 {
            let mut client = self.client.clone();
            let early = at.map_or(self.now + 3_600_000, |at| at.as_millis() - 1);
            assert_eq!(client.handle_timeout(Instant::from_millis(early)), Ok(()));
            let waits = self.client.transmit(self.instant()).remaining();
            assert_eq!(client.transmit(Instant::from_millis(early)).remaining(), waits, "sent before it was due");
            assert_eq!((client.poll_timeout(), client.poll_outcome()), (at, None), "done before it was due");
        }
        let patience = match (self.client.state(), self.client.limits().pingresp_timeout) {
            (State::Connecting, _) => u64::from(self.client.limits().connack_timeout),
            (_, 0) => u64::from(self.client.keep_alive()) * 2_000,
            (_, time) => u64::from(self.client.keep_alive()) * 1_000 + u64::from(time),
        };
        let since = self.link.as_ref().and_then(|link| link.dead_since);
        assert!(
            since.is_none_or(|since| self.now <= since + patience + SLACK),
            "dead since {since:?}, and not noticed"
        );
    }

    /// The server keeps to the standard, so there is little to end a link for.
    fn fail(&mut self, error: ConnectionError) {
        let link = self.link.as_ref().expect("a link");
        match error {
            ConnectionError::Protocol(Violation::UnknownSession) => self.must_start_clean = true,
            ConnectionError::Protocol(Violation::ReceiveMaximumExceeded) => {
                assert!(self.is_resumed || self.character.version != Version::V5, "{error:?}");
                self.counts.overruns += 1;
            }
            ConnectionError::ConnAckTimeout | ConnectionError::KeepAliveTimeout | ConnectionError::AckTimeout => {
                assert!(link.dead_since.is_some() || link.slept, "{error:?} on a good link");
                self.counts.timeouts += 1;
            }
            ConnectionError::Disconnected | ConnectionError::Abandoned => {}
            // A server that was not heard for long, because the device slept.
            ConnectionError::ServerDisconnect(_) => assert!(link.slept, "{error:?}"),
            error => panic!("the link ended with {error:?}"),
        }
    }
}

impl<S: Storage> Drop for Device<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.broker.transcript();
            let start = lines.len().saturating_sub(80);
            let lines: String = lines[start..].iter().map(|line| format!("{line}\n")).collect();
            eprintln!("{lines}{:?}\nat {}: {:?}", self.character, self.now, self.client);
        }
    }
}
