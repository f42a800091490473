//! What the board does: it sums an image up while it comes, and sends its log when it is told to.

use board::console::tell;
use crc32fast::Hasher;
use pure_mqtt::{
    Connect, Connection, Disconnect, Event, Fixed, Fragment, Instant, Limits, Payload, Property, Publish, QoS,
    Received, RxBuffer, Subscribe, Subscription, TopicFilter, TopicName, Version,
};

/// 256 bytes for what is on its way to the server, apart from the log.
pub type Mqtt = Connection<Fixed<256, 4, 4>>;

/// An empty connection. All zeros, so that a `static` one takes RAM and no flash.
pub const FRESH: Mqtt = Mqtt::new(Fixed::new(), Limits::DEFAULT);

/// All that the board has for a message of any length.
pub const BUFFER: usize = 512;

/// The longest image.
const LONGEST: u32 = 4 << 20;

const LIMITS: Limits = Limits {
    version: VERSION,
    inline_max: BUFFER as u32,
    stream_max: LONGEST,
    connack_timeout: 3_000,
    pingresp_timeout: 1_000,
    ..Limits::DEFAULT
};

const VERSION: Version = if cfg!(feature = "v5") { Version::V5 } else { Version::V311 };

const IMAGE: TopicFilter<'_> = TopicFilter::from_static("board-7/image");
const ORDERS: TopicFilter<'_> = TopicFilter::from_static("board-7/order");
const LOG: TopicName<'_> = TopicName::from_static("board-7/log");

/// How long the log is in bytes.
const LOG_LENGTH: u32 = 200_000;

/// The log: so long that it is made while it is sent.
fn log(offset: u32) -> u8 {
    (offset % 251) as u8
}

/// The program; see `main` for the calls.
pub struct Program {
    mqtt: &'static mut Mqtt,
    pub rx: &'static mut RxBuffer<BUFFER>,
    /// Of the image that is coming, up to here.
    sum: Hasher,
    is_told_to_stop: bool,
}

impl Program {
    pub fn new(mqtt: &'static mut Mqtt, rx: &'static mut RxBuffer<BUFFER>) -> Self {
        mqtt.set_limits(LIMITS);
        Self { mqtt, rx, sum: Hasher::new(), is_told_to_stop: false }
    }

    pub fn open(&mut self, now: Instant) {
        let properties = [Property::SessionExpiryInterval(3600)];
        let connect = Connect::new(VERSION, "board-7").clean_start(false).keep_alive(2).properties(&properties);
        if let Err(error) = self.mqtt.open(now, &connect) {
            tell(format_args!("no link can be opened: {error:?}"));
        }
    }

    /// Takes what has come.
    pub fn work(&mut self, now: Instant) {
        loop {
            let Self { mqtt, rx, sum, .. } = self;
            let Ok(Received::Packet { consumed, event }) = mqtt.handle_input_streaming(now, rx.bytes()) else { break };
            let fact = event.and_then(|event| Fact::of(event, sum));
            rx.consume(consumed);
            match fact {
                Some(Fact::IsNew) => self.subscribe(now),
                Some(Fact::SendLog) => self.publish_log(now),
                Some(Fact::Stop) => self.is_told_to_stop = true,
                None => {}
            }
        }
        let _ = self.mqtt.handle_timeout(now); // after an error `should_close` says the rest
        if self.is_told_to_stop && self.mqtt.is_idle() {
            let _ = self.mqtt.disconnect(now, &Disconnect::default());
        }
    }

    /// Sends what `write` takes; true if something is left.
    pub fn send(&mut self, now: Instant, write: &mut dyn FnMut(&[u8]) -> usize) -> bool {
        let mut transmit = self.mqtt.transmit(now);
        loop {
            let (offered, taken) = match transmit.payload_request() {
                Some(wanted) => {
                    let piece: [u8; 32] = core::array::from_fn(|place| log(wanted.offset + place as u32));
                    let count = piece.len().min(wanted.remaining as usize);
                    (count, write(piece.get(..count).unwrap_or_default()))
                }
                None => (transmit.chunk().len(), write(transmit.chunk())),
            };
            transmit.advance(taken);
            if taken < offered || offered == 0 {
                return offered > 0;
            }
        }
    }

    /// The link is over.
    pub fn is_over(&self) -> bool {
        self.mqtt.should_close()
    }

    pub fn close(&mut self, now: Instant) {
        tell(format_args!("the link is over: {:?}", self.mqtt.close_reason()));
        self.mqtt.handle_close(now);
        self.rx.clear();
    }

    /// It was told to stop, and everything has its end.
    pub fn is_done(&self) -> bool {
        self.is_told_to_stop && self.mqtt.is_idle()
    }

    fn subscribe(&mut self, now: Instant) {
        let filters = [Subscription::new(IMAGE, QoS::ExactlyOnce), Subscription::new(ORDERS, QoS::ExactlyOnce)];
        if let Err(error) = self.mqtt.subscribe(now, &Subscribe::new(&filters)) {
            tell(format_args!("cannot subscribe: {error:?}"));
        }
    }

    fn publish_log(&mut self, now: Instant) {
        let log = Publish::new(LOG, Payload::Streamed(LOG_LENGTH)).qos(QoS::ExactlyOnce);
        if let Err(error) = self.mqtt.publish(now, &log) {
            tell(format_args!("the log cannot be sent: {error:?}"));
        }
    }
}

/// What an event means to this program.
enum Fact {
    /// The server has no session of ours.
    IsNew,
    SendLog,
    Stop,
}

impl Fact {
    fn of(event: Event<'_>, sum: &mut Hasher) -> Option<Self> {
        match event {
            Event::ConnAck(connack) => {
                tell(format_args!("connected: {:?}", connack.session));
                matches!(connack.session, pure_mqtt::SessionState::New { .. }).then_some(Self::IsNew)
            }
            Event::Fragment(fragment) => {
                add(sum, &fragment);
                None
            }
            Event::Message(message) => match message.payload {
                b"log" => Some(Self::SendLog),
                b"stop" => Some(Self::Stop),
                _ => None,
            },
            _ => None,
        }
    }
}

/// One more piece. The first one starts anew: what came of it on a link that is lost comes again.
fn add(sum: &mut Hasher, fragment: &Fragment<'_>) {
    if fragment.head.is_some() {
        *sum = Hasher::new();
    }
    sum.update(fragment.payload);
    if fragment.is_last {
        tell(format_args!("image: {} bytes, sum {:08x}", fragment.total, sum.clone().finalize()));
    } else if fragment.head.is_some() {
        tell(format_args!("image: it begins"));
    }
}
