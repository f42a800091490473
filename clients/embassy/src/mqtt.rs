//! The client that all tasks share.

use core::cell::RefCell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;
use pure_mqtt::subscriptions::{FixedList, Subscriptions};
use pure_mqtt::{Connection, Disconnect, Limits, Publish, QoS, RxBuffer, Storage, Subscription, TopicFilter};

use crate::client::sealed::Access;
use crate::clock::Clock;
use crate::error::{RunError, SubscribeError};
use crate::event::{Event, Stats};
use crate::inbox::{Entry, Inbox, Level};
use crate::message::Received;
use crate::options::{Options, ReceiverOptions};
use crate::publish::{Flush, Publishing};
use crate::receiver::Receiver;
use crate::receivers::Place;
use crate::request::{Replying, Requester};
use crate::runner::Runner;
use crate::shared::{Common, Shared};
use crate::tickets::{Queue, Ticket, Tickets};
use crate::transport::Transport;

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
    wishes: Subscriptions<FixedList<'static, RECEIVERS>>,
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
    pub const fn new(clock: C, storage: S) -> Self {
        const {
            assert!(RECEIVERS <= 32, "RECEIVERS must be at most 32");
            assert!(TICKETS > 0, "TICKETS must be at least 1: publish needs one");
            assert!(RECEIVERS == 0 || (RING > 0 && MESSAGES > 0), "receivers need a ring and places for messages");
        }
        let state = State {
            connection: Connection::new(storage, Limits::DEFAULT),
            wishes: Subscriptions::new(FixedList::new()),
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

    /// Connects, and connects again whenever the link ends, until [`disconnect`](Self::disconnect). Exactly one task does this.
    ///
    /// `dial` brings a transport up. `random` gives the numbers that spread the pauses between links. Bytes from the server lie in `rx` until their packet
    /// is complete: longer messages are discarded (see [`Options::limits`]).
    ///
    /// Where a transport borrows what is needed for the next one, write the loop yourself with a [`Runner`].
    ///
    /// # Errors
    /// [`RunError`]; links that fail are no errors, but events.
    pub async fn run<const PACKET: usize, T: Transport, E>(
        &self,
        rx: &mut RxBuffer<PACKET>,
        options: &Options<'_>,
        mut random: impl FnMut() -> u32,
        mut dial: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<(), RunError> {
        let mut runner = self.runner(rx, options)?;
        while !runner.is_done() {
            if let Some(transport) = runner.dial(&mut dial).await {
                runner.link(transport).await?;
            }
            runner.pause(random()).await;
        }
        Ok(())
    }

    /// What [`run`](Self::run) is made of, for programs that write the loop themselves.
    ///
    /// # Errors
    /// [`RunError::AlreadyRunning`]
    pub fn runner<'r, const PACKET: usize>(
        &'r self,
        rx: &'r mut RxBuffer<PACKET>,
        options: &'r Options<'r>,
    ) -> Result<Runner<'r, Self, PACKET>, RunError> {
        Runner::new(self, rx, options, (RING, MESSAGES))
    }

    /// Publishes a message. Ready once it is accepted: waits for room, in the order in which the futures were first polled. Dropped before, it has published
    /// nothing. The message waits while there is no link.
    ///
    /// The payload is copied; [`Payload::Streamed`](pure_mqtt::Payload::Streamed) is refused as too large.
    pub fn publish<'m, 'p>(&'m self, publish: &'p Publish<'p>) -> Publishing<'m, 'p, Self> {
        Publishing::new(self, publish)
    }

    /// Publishes the reply to a request: to its Response Topic, with its Correlation Data, in its quality of service. As [`publish`](Self::publish)
    /// otherwise.
    pub fn reply<'m, 'p>(&'m self, request: &'p Received<'_, Self>, payload: &'p [u8]) -> Replying<'m, 'p, Self> {
        Replying::new(self, request.serial(), payload)
    }

    /// A receiver of the messages that match `filter`, and a subscription that comes back by itself on each new session. Dropping the receiver ends both.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn subscribe(&self, filter: TopicFilter<'static>, qos: QoS) -> Result<Receiver<'_, Self>, SubscribeError> {
        self.subscribe_with(Subscription::new(filter, qos), ReceiverOptions::new())
    }

    /// The same with all options.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn subscribe_with(
        &self,
        subscription: Subscription<'static>,
        options: ReceiverOptions,
    ) -> Result<Receiver<'_, Self>, SubscribeError> {
        let subscribed = self.enter(|shared, _| shared.subscribe(subscription, options));
        let place = subscribed.unwrap_or(Err(SubscribeError::Busy))?;
        Ok(Receiver::new(self, place, subscription.filter, options.manual_acks))
    }

    /// Asks other clients (5.0): replies come to the topic `replies`, which no other client may use.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn requester(&self, replies: TopicFilter<'static>, qos: QoS) -> Result<Requester<'_, Self>, SubscribeError> {
        Ok(Requester::new(self.subscribe(replies, qos)?))
    }

    /// Ready once nothing that was accepted is unfinished.
    pub fn flush(&self) -> Flush<'_, Self> {
        Flush::new(self)
    }

    /// Ends the link with DISCONNECT, at once, and then [`run`](Self::run). What is unfinished stays, for the next `run`. To leave gracefully wait for
    /// [`flush`](Self::flush) first. Does nothing while nobody runs the client.
    pub fn disconnect(&self) {
        self.enter(|shared, now| {
            shared.common.is_leaving = shared.common.is_running;
            let _ = shared.connection.disconnect(now, &Disconnect::default()); // without properties there is nothing to refuse
            shared.common.nudge();
        });
    }

    /// Waits for the next event. At most four wait to be fetched; the oldest gives way.
    pub async fn event(&self) -> Event {
        core::future::poll_fn(|context| {
            let polled = self.enter(|shared, _| shared.common.poll_event(context));
            polled.unwrap_or_else(|| crate::publish::again(context))
        })
        .await
    }

    /// Whether the server has accepted a link, and it is up.
    pub fn is_connected(&self) -> bool {
        self.enter(|shared, _| shared.connection.is_connected()).unwrap_or(false)
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.enter(|shared, _| shared.common.stats).unwrap_or_default()
    }

    pub(crate) const fn own_clock(&self) -> &C {
        &self.clock
    }

    pub(crate) fn lock<R>(&self, work: impl FnOnce(&mut Shared<'_, S>) -> R) -> Option<R> {
        self.state.lock(|state| {
            let state = &mut *state.try_borrow_mut().ok()?;
            let State { connection, wishes, bytes, entries, level, receivers, tickets, queue, common } = state;
            Some(work(&mut Shared {
                connection,
                wishes,
                inbox: Inbox { entries, bytes, level },
                receivers,
                tickets: Tickets { places: tickets, queue },
                common,
            }))
        })
    }
}
