//! The client handle.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pure_mqtt::{QoS, Risk, Version};
use pure_mqtt_agent::{Agent, Bytes, End, Event, Outgoing, Rejected, Stats, Ticket};
use pure_mqtt_net::Server;
use pure_mqtt_net::store::{FileStore, StoreThread};
use tokio::sync::broadcast;

use crate::clock::{Clock, millis, wall};
use crate::delivery::Delivery;
use crate::driver::Driver;
use crate::error::{NotDelivered, OpenError, PublishError};
use crate::options::Options;
use crate::room::Place;
use crate::shared::{Handle, Shared};
use crate::spans::Operation;
use crate::state::{Asked, State};
use crate::storage::Storage;

/// An MQTT client: a handle that can be cloned and used by any number of tasks.
///
/// See the [crate's page](crate) for complete programs. The [`Driver`] does the client's work. Dropping the last client and the last [`Subscription`](crate::Subscription) shuts
/// the client down: it has 5 seconds to finish.
///
/// # Dropping futures
///
/// Every future here may be dropped at any time, by `select!` or a time-out:
///
/// | future | dropped before it was ready |
/// |---|---|
/// | [`publish`](Self::publish), [`publish_with`](Self::publish_with) | nothing was accepted; the next caller that waits for room gets its turn |
/// | [`Delivery`] | the message is still sent |
/// | [`request`](Self::request) | before the request was accepted: as `publish`; afterwards: the request is still sent, and its reply is discarded |
/// | [`Subscription::recv`](crate::Subscription::recv) | no message was taken |
/// | [`Subscription::granted`](crate::Subscription::granted) | the subscription stays |
/// | [`flush`](Self::flush), [`shutdown`](Self::shutdown) | the wait ends; a shutdown continues |
/// | [`Driver`] | the link ends; accepted messages stay queued for another driver |
#[derive(Clone, Debug)]
pub struct Client {
    handle: Arc<Handle>,
    pub(crate) options: Arc<Options>,
    recovered: Arc<Vec<(Ticket, u64)>>,
}

/// # Construction
impl Client {
    /// Creates a client and the [`Driver`] that does its work. The client connects once the driver is polled.
    ///
    /// # Errors
    /// [`OpenError`], only with [`Options::store`]: another process uses the folder, the folder can't be read or written, or the log is damaged or belongs to another client. In
    /// that case nothing is changed.
    pub fn new(options: Options) -> Result<(Self, Driver), OpenError> {
        let clock = Clock::new();
        let Some(folder) = &options.folder else {
            let agent = Agent::new(options.for_agent(), clock.now(), wall());
            return Ok(Self::over(State::new(agent, clock), options));
        };
        let (store, log) = FileStore::open(folder)?;
        let (agent, _) = Agent::recover(options.for_agent(), clock.now(), wall(), &log.concatenated())?;
        let (client, driver) = Self::over(State::new(agent, clock), options);
        let woken = Arc::downgrade(client.shared());
        let wake = move || {
            if let Some(shared) = woken.upgrade() {
                shared.act(|_, _| ());
            }
        };
        let storage = Storage::new(StoreThread::start(store, wake)?);
        client.shared().act(|state, _| state.store_with(storage));
        Ok((client, driver))
    }

    /// Creates a client and spawns its driver on the runtime.
    ///
    /// # Errors
    /// Same errors as [`new`](Self::new).
    ///
    /// # Panics
    /// Panics outside a tokio runtime, as `tokio::spawn` does.
    pub fn spawn(options: Options) -> Result<Self, OpenError> {
        let (client, driver) = Self::new(options)?;
        tokio::spawn(driver);
        Ok(client)
    }

    fn over(mut state: State, options: Options) -> (Self, Driver) {
        let options = Arc::new(options);
        state.is_driven = true;
        state.spans.are_of(&options);
        let recovered = state.find_recovered();
        let shared = Shared::new(state);
        let handle = Arc::new(Handle(shared));
        let client = Self { handle, options, recovered: Arc::new(recovered) };
        let driver = client.new_driver();
        (client, driver)
    }

    fn new_driver(&self) -> Driver {
        Driver::new(Arc::clone(self.shared()), Arc::clone(&self.options))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }

    /// Returns a new driver if the previous one was dropped; `None` while there is one.
    pub fn driver(&self) -> Option<Driver> {
        let is_free = self.shared().act(|state, _| !std::mem::replace(&mut state.is_driven, true));
        is_free.then(|| self.new_driver())
    }

    /// Returns the unfinished messages from before the restart, in order, each with its [`Outgoing::tag`]. Await each message's delivery once: the deliveries of a second call
    /// resolve like the first ones.
    pub fn recovered(&self) -> Vec<(Delivery, u64)> {
        let delivery = |(ticket, tag): &(Ticket, u64)| (Delivery::recovered(Arc::clone(self.shared()), *ticket), *tag);
        self.recovered.iter().map(delivery).collect()
    }
}

/// # Messages
impl Client {
    /// Publishes a message as soon as there is room in the queue, and returns a future of its final result. The message is accepted in the poll that returns `Ready`. Callers
    /// that wait for room are served in the order of their first polls.
    ///
    /// # Errors
    /// [`PublishError`]; it contains the message.
    pub async fn publish(
        &self,
        topic: impl Into<String>,
        payload: impl Into<Bytes>,
        qos: QoS,
    ) -> Result<Delivery, PublishError> {
        self.publish_with(Outgoing::new(topic, payload).qos(qos)).await
    }

    /// Like [`publish`](Self::publish), with all fields of a message: retain flag, properties, tag.
    ///
    /// # Errors
    /// Same errors as [`publish`](Self::publish).
    pub async fn publish_with(&self, message: Outgoing) -> Result<Delivery, PublishError> {
        let operation = Operation::publish(&self.options.agent.client_id, &message);
        let mut kept = Some(operation.clone());
        let accept = |state: &mut State, now, message| {
            let accepted = state.agent.publish(now, message)?;
            state.expect(accepted.ticket);
            state.spans.begin(accepted.ticket, kept.take());
            Ok(accepted)
        };
        let accepted = self.enter(message, &operation, accept).await?;
        Ok(Delivery::new(Arc::clone(self.shared()), &accepted))
    }

    /// Publishes a message without waiting for room. The message goes ahead of callers that wait for room.
    ///
    /// # Errors
    /// [`PublishError`], with [`Refusal::Full`](crate::Refusal::Full) if there is no room; it contains the message.
    pub fn try_publish(&self, mut message: Outgoing) -> Result<Delivery, PublishError> {
        let operation = Operation::publish(&self.options.agent.client_id, &message);
        let own = operation.in_scope(|| self.options.trace_context.add_to(&mut message));
        let mut kept = Some(operation.clone()); // dropped without the lock
        let accepted = self.shared().act(|state, now| {
            let accepted = state.agent.publish(now, message)?;
            state.expect(accepted.ticket);
            state.spans.begin(accepted.ticket, kept.take());
            Ok(accepted)
        });
        let accepted = accepted.map_err(|rejected| refused(rejected, own, &operation))?;
        operation.accepted();
        Ok(Delivery::new(Arc::clone(self.shared()), &accepted))
    }

    /// Calls `accept` with the message when it is this caller's turn and there is room.
    pub(crate) async fn enter<T>(
        &self,
        mut message: Outgoing,
        operation: &Operation,
        mut accept: impl FnMut(&mut State, pure_mqtt::Instant, Outgoing) -> Result<T, Rejected<Outgoing>>,
    ) -> Result<T, PublishError> {
        let own = operation.in_scope(|| self.options.trace_context.add_to(&mut message));
        let mut waiting = Waiting { shared: self.shared(), place: None };
        let mut message = Some(message);
        let entered = poll_fn(|cx| {
            let Some(taken) = message.take() else { return Poll::Pending };
            match waiting.enter(cx, taken, &mut accept) {
                Entered::Accepted(accepted) => Poll::Ready(Ok(accepted)),
                Entered::Refused(rejected) => Poll::Ready(Err(rejected)),
                Entered::NotYet(taken) => {
                    message = Some(taken);
                    Poll::Pending
                }
            }
        });
        let accepted = entered.await.map_err(|rejected| refused(rejected, own, operation))?;
        operation.accepted();
        Ok(accepted)
    }

    /// Withdraws a message, however far it has come, and returns the [`Risk`] of doing so. Returns `None` if the message has its final result, or is awaiting an acknowledgement
    /// on the current link.
    pub fn withdraw(&self, delivery: &Delivery) -> Option<Risk> {
        self.shared().act(|state, now| state.agent.withdraw(now, delivery.ticket()))
    }

    /// Waits until all messages accepted before this call have their final results, delivered or not.
    ///
    /// # Errors
    /// [`NotDelivered::NoDriver`] if the driver was dropped.
    pub async fn flush(&self) -> Result<(), NotDelivered> {
        let ticket = self.shared().act(|state, now| {
            let ticket = state.agent.flush(now, None);
            state.expect(ticket);
            ticket
        });
        self.end_of(ticket).await.map(|_| ())
    }

    /// Waits for the final result of a ticket.
    pub(crate) async fn ask_for(&self, ticket: Ticket) -> Result<End, NotDelivered> {
        poll_fn(|cx| match self.shared().drive(|state, _| state.ask(ticket, cx.waker())) {
            Asked::Ended(end) => Poll::Ready(Ok(end)),
            Asked::Open => Poll::Pending,
            Asked::NoDriver => Poll::Ready(Err(NotDelivered::NoDriver)),
        })
        .await
    }

    /// Like [`ask_for`](Self::ask_for); when its future is dropped, the ticket is forgotten.
    pub(crate) async fn end_of(&self, ticket: Ticket) -> Result<End, NotDelivered> {
        struct Forget<'s>(&'s Shared, Ticket);
        impl Drop for Forget<'_> {
            fn drop(&mut self) {
                self.0.drive(|state, _| state.forget(self.1));
            }
        }
        let _forget = Forget(self.shared(), ticket);
        self.ask_for(ticket).await
    }
}

/// # Links and events
impl Client {
    /// Shuts the client down in order: accepts no more messages, waits up to `timeout` for unfinished ones, sends DISCONNECT, and ends the driver. Afterwards every [`Delivery`]
    /// has its final result. Returns when the server has closed its side, after 1 second at the latest: closing the socket earlier could discard the last bytes sent.
    ///
    /// Afterwards the server does not publish the [`will`](Options::will): publish your own farewell first. Keep subscriptions until `shutdown` has returned: dropping one
    /// acknowledges the messages that wait in it.
    pub async fn shutdown(&self, timeout: Duration) {
        self.shared().act(|state, now| {
            state.agent.shutdown(now, now.after_millis(millis(timeout)));
            state.wake_all();
        });
        poll_fn(|cx| {
            self.shared().drive(|state, _| {
                if state.is_over() {
                    return Poll::Ready(());
                }
                state.wait_for_end(cx.waker());
                Poll::Pending
            })
        })
        .await;
    }

    /// Replaces the link and keeps the session, for example to use new credentials.
    pub fn reconnect(&self) {
        self.shared().act(|state, now| state.agent.reconnect(now));
    }

    /// Returns a receiver of all events from now on: links, subscriptions, log. A receiver that falls more than 256 events behind loses the oldest, and gets `RecvError::Lagged`.
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.shared().drive(|state, _| state.listen())
    }

    /// Returns whether the link is up and the server has accepted it.
    pub fn is_connected(&self) -> bool {
        self.shared().look(|state| state.agent.is_connected())
    }

    /// Returns the server of the current link, as given in the [`Options`], even if that server redirected the client; `None` without a link.
    pub fn server(&self) -> Option<Server> {
        let id = self.shared().look(|state| state.agent.server())?;
        self.options.servers.get(usize::from(id.0)).map(|listed| listed.server.clone())
    }

    /// Returns the client's counters.
    pub fn stats(&self) -> Stats {
        self.shared().look(|state| state.agent.stats())
    }

    /// Returns the protocol version of the current link; without a link, the one that the next link will use.
    pub fn version(&self) -> Version {
        self.shared().look(|state| state.agent.version())
    }
}

/// A caller that waits for room. Dropping it removes it from the queue and gives the next caller its turn.
struct Waiting<'c> {
    shared: &'c Shared,
    place: Option<Place>,
}

enum Entered<T> {
    Accepted(T),
    Refused(Rejected<Outgoing>),
    NotYet(Outgoing),
}

impl Waiting<'_> {
    fn enter<T>(
        &mut self,
        cx: &Context<'_>,
        message: Outgoing,
        accept: &mut impl FnMut(&mut State, pure_mqtt::Instant, Outgoing) -> Result<T, Rejected<Outgoing>>,
    ) -> Entered<T> {
        let place = &mut self.place;
        self.shared.act(|state, now| {
            if !state.room.is_turn(*place) {
                *place = Some(state.room.wait(*place, cx.waker()));
                return Entered::NotYet(message);
            }
            let entered = match accept(state, now, message) {
                Ok(accepted) => Entered::Accepted(accepted),
                Err(Rejected { what, why: pure_mqtt_agent::Refusal::Full }) => {
                    *place = Some(state.room.wait(*place, cx.waker()));
                    return Entered::NotYet(what);
                }
                Err(rejected) => Entered::Refused(rejected),
            };
            leave(state, place.take());
            entered
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.shared.drive(|state, _| leave(state, Some(place)));
        }
    }
}

fn leave(state: &mut State, place: Option<Place>) {
    let next = place.and_then(|place| state.room.leave(place));
    state.wake(next);
}

/// Builds the error: the message as the program passed it, with its original properties.
fn refused(rejected: Rejected<Outgoing>, own: Option<Bytes>, operation: &Operation) -> PublishError {
    let Rejected { what: message, why } = rejected;
    operation.refused(why);
    let properties = own.unwrap_or_else(|| message.properties.clone());
    PublishError { message: Outgoing { properties, ..message }, why }
}
