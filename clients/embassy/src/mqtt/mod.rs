//! The client that all tasks share.

mod run;
mod tasks;

use core::cell::RefCell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;
use pure_mqtt::subscriptions::{FixedList, Subscriptions};
use pure_mqtt::{Connection, Instant, Limits, Storage};

use crate::client::sealed::Access;
use crate::clock::Clock;
use crate::inbox::{Entry, Inbox, Level};
use crate::place::Place;
use crate::shared::{Common, Shared};
use crate::tickets::{Queue, Ticket, Tickets};

/// The client. Place it in a `static`, or anywhere else where all tasks can borrow it. Every call is a short critical section.
///
/// | parameter | what it is |
/// |---|---|
/// | `M` | the mutex: `CriticalSectionRawMutex`, or `NoopRawMutex` if all tasks run on one executor and it is not in a `static` |
/// | `C` | the clock: [`EmbassyClock`](crate::EmbassyClock), or your own |
/// | `S` | the engine's storage, for outgoing packets: see [`Fixed`](crate::Fixed) |
/// | `RING` | bytes for messages from the server that a task has not finished; the longest one must fit |
/// | `MESSAGES` | maximum number of such messages. In 5.0 it bounds the Receive Maximum, so the server sends no more of QoS 1 and 2. A ring for that many of the longest messages is never full |
/// | `RECEIVERS` | maximum number of receivers at a time, up to 32 |
/// | `TICKETS` | maximum number of futures of [`publish`](Self::publish) and [`flush`](Self::flush) and of [`Delivery`](crate::Delivery) values at a time. Further ones wait; if several wait, they keep waking each other |
///
/// [`ram::client`](crate::ram::client) returns how much memory that takes. A fresh client is all zeros, so a `static` one takes no flash.
///
/// All futures, also that of [`run`](Self::run), are `Send` if `M` and the transport are: with `CriticalSectionRawMutex` a task may run on an executor of another
/// priority.
///
/// # Dropped futures
///
/// | future | if it is dropped before it is ready |
/// |---|---|
/// | [`publish`](Self::publish) | nothing was published; the next waiting future takes its turn |
/// | [`Delivery::confirmed`](crate::Delivery::confirmed) | call it again. Dropping the `Delivery` does not cancel the message |
/// | [`Receiver::recv`](crate::Receiver::recv) | no message is lost |
/// | [`Receiver::granted`](crate::Receiver::granted), [`event`](Self::event), [`flush`](Self::flush) | call it again |
/// | [`Requester::request`](crate::Requester::request) | the request may have been published; a reply to it is dropped and counted |
/// | `stored` and `Delivery::stored` (feature `flash`) | call it again |
/// | `keep` (feature `flash`) | nothing is lost: the next `keep` writes again what was being written, and what depends on it waits |
/// | [`run`](Self::run) | the link counts as lost; the next `run` resumes the session |
///
/// ```
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, Publish, PublishError, QoS, TopicName};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// /// Any task publishes through the static.
/// async fn report(reading: &[u8]) -> Result<(), PublishError> {
///     let topic = TopicName::from_static("plant/boiler/temperature");
///     MQTT.publish(&Publish::new(topic, reading).qos(QoS::AtLeastOnce)).await?;
///     Ok(())
/// }
///
/// fn main() {
///     // Accepted and queued, although no task runs the client yet.
///     assert!(embassy_futures::block_on(report(b"71.5")).is_ok());
/// }
/// ```
pub struct Mqtt<M, C, S, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize>
where
    M: RawMutex,
    S: Storage,
{
    clock: C,
    state: Mutex<M, RefCell<State<S, RING, MESSAGES, RECEIVERS, TICKETS>>>,
}

struct State<S: Storage, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize> {
    connection: Connection<S>,
    desired: Subscriptions<FixedList<'static, RECEIVERS>>,
    bytes: [u8; RING],
    entries: [Option<Entry>; MESSAGES],
    level: Level,
    receivers: [Place; RECEIVERS],
    tickets: [Ticket; TICKETS],
    queue: Queue,
    common: Common,
}

impl<M, C, S, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize>
    Mqtt<M, C, S, RING, MESSAGES, RECEIVERS, TICKETS>
where
    M: RawMutex,
    C: Clock,
    S: Storage,
{
    /// Creates a client over an empty `storage`. Does not compile with more than 32 receivers, without tickets, or with receivers but no ring or messages.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::NoopRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt};
    ///
    /// fn main() {
    ///     let mqtt = Mqtt::<NoopRawMutex, _, _, 256, 4, 2, 2>::new(EmbassyClock, Fixed::<512, 8, 4, 64>::new());
    ///     assert!(!mqtt.is_connected());
    /// }
    /// ```
    pub const fn new(clock: C, storage: S) -> Self {
        const {
            assert!(RECEIVERS <= 32, "RECEIVERS must be at most 32");
            assert!(TICKETS > 0, "TICKETS must be at least 1: publish needs one");
            assert!(RECEIVERS == 0 || (RING > 0 && MESSAGES > 0), "receivers need a ring and places for messages");
        }
        let state = State {
            connection: Connection::new(storage, Limits::DEFAULT),
            desired: Subscriptions::new(FixedList::new()),
            bytes: [0; RING],
            entries: [const { None }; MESSAGES],
            level: Level::EMPTY,
            receivers: [const { Place::FREE }; RECEIVERS],
            tickets: [const { Ticket::FREE }; TICKETS],
            queue: Queue::EMPTY,
            common: Common::FRESH,
        };
        Self { clock, state: Mutex::new(RefCell::new(state)) }
    }
}

impl<M, C, S, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize> Access
    for Mqtt<M, C, S, RING, MESSAGES, RECEIVERS, TICKETS>
where
    M: RawMutex,
    C: Clock,
    S: Storage,
{
    type Mutex = M;
    type Storage = S;
    type Clock = C;

    fn clock(&self) -> &C {
        &self.clock
    }

    fn enter<R>(&self, work: impl FnOnce(&mut Shared<'_, S>, Instant) -> R) -> Option<R> {
        let now = self.clock.now();
        self.state.lock(|state| {
            let state = &mut *state.try_borrow_mut().ok()?;
            let State { connection, desired, bytes, entries, level, receivers, tickets, queue, common } = state;
            let mut shared = Shared {
                connection,
                desired,
                inbox: Inbox { entries, bytes, level },
                receivers,
                tickets: Tickets { places: tickets, queue },
                common,
            };
            let done = work(&mut shared, now);
            shared.wake_keeper();
            Some(done)
        })
    }
}
