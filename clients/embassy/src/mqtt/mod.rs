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

/// The client. It lies in a `static` (or anywhere else where all tasks can borrow it); every call is a short critical section.
///
/// | parameter | is |
/// |---|---|
/// | `M` | the mutex: `CriticalSectionRawMutex`, or `NoopRawMutex` if all tasks run on one executor and it is not in a `static` |
/// | `C` | the clock: [`EmbassyClock`](crate::EmbassyClock), or one of the program's own |
/// | `S` | the engine's storage, for what is on its way to the server: see [`Fixed`](crate::Fixed) |
/// | `RING` | bytes for messages from the server that no task has finished yet; the longest one has to fit |
/// | `MESSAGES` | how many such messages there may be; a server of 5.0 is told, and sends no more of QoS 1 and 2. With a ring for so many of the longest it is never full |
/// | `RECEIVERS` | how many receivers there may be at a time; at most 32 |
/// | `TICKETS` | how many futures of [`publish`](Self::publish) and [`flush`](Self::flush) and values of [`Delivery`](crate::Delivery) there may be at a time; more wait, and several such keep each other polled |
///
/// [`ram::client`](crate::ram::client) says how much memory that is. A fresh client is all zeros, so that a `static` one takes no flash.
///
/// All futures, that of [`run`](Self::run) too, are `Send` if `M` and the transport are: with `CriticalSectionRawMutex` they may go to an executor of
/// another priority.
///
/// # What becomes of a dropped future
///
/// | future | dropped before it is ready |
/// |---|---|
/// | [`publish`](Self::publish) | nothing was published; the next in line has its turn |
/// | [`Delivery::confirmed`](crate::Delivery::confirmed) | ask again; dropping the `Delivery` lets the message go on |
/// | [`Receiver::recv`](crate::Receiver::recv) | no message is lost |
/// | [`Receiver::granted`](crate::Receiver::granted), [`event`](Self::event), [`flush`](Self::flush) | ask again |
/// | [`Requester::request`](crate::Requester::request) | the request may have been published; a reply to it is dropped and counted |
/// | `stored` and `Delivery::stored` (feature `flash`) | ask again |
/// | `keep` (feature `flash`) | nothing is lost; what was being written is written by the next `keep`, and what depends on it waits for that |
/// | [`run`](Self::run) | the link is lost, as if cut; the session goes on with the next `run` |
///
/// ```
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, Publish, PublishError, QoS, TopicName};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// /// Any task publishes by the static's name.
/// async fn report(reading: &[u8]) -> Result<(), PublishError> {
///     let topic = TopicName::from_static("plant/boiler/temperature");
///     MQTT.publish(&Publish::new(topic, reading).qos(QoS::AtLeastOnce)).await?;
///     Ok(())
/// }
///
/// fn main() {
///     // Accepted, although nobody runs the client yet: it waits.
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
    /// A client without a link, over an empty `storage`. Does not compile with more than 32 receivers, or without any ring, message or ticket.
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
