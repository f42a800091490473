//! The handle: what a program asks of its client.

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

/// An MQTT client: a handle, to be cloned and given to as many tasks as you like.
///
/// The [crate's page](crate) shows it at work. All it does is done by its [`Driver`]. With the last client and the last [`Subscription`](crate::Subscription) the client
/// shuts down: it has 5 seconds to finish.
///
/// # Dropping futures
///
/// Every future here may be dropped at any time, by `select!` or a time-out:
///
/// | future | dropped before it was ready |
/// |---|---|
/// | [`publish`](Self::publish), [`publish_with`](Self::publish_with) | nothing was accepted, and the next in the line gets its turn |
/// | [`Delivery`] | the message goes on |
/// | [`request`](Self::request) | before the request was accepted: as `publish`; after it: the request goes on, and its reply is thrown away |
/// | [`Subscription::recv`](crate::Subscription::recv) | no message was taken |
/// | [`Subscription::granted`](crate::Subscription::granted) | the subscription stays |
/// | [`flush`](Self::flush), [`shutdown`](Self::shutdown) | nobody waits; a shutdown goes on |
/// | [`Driver`] | the link ends; what was accepted stays, for another driver |
#[derive(Clone, Debug)]
pub struct Client {
    handle: Arc<Handle>,
    pub(crate) options: Arc<Options>,
    recovered: Arc<Vec<(Ticket, u64)>>,
}

/// # Construction
impl Client {
    /// A client, and the driver that does its work. It dials once that is polled.
    ///
    /// # Errors
    /// [`OpenError`], with [`Options::store`] alone: another process uses the folder, it can't be read or written, or the log is damaged or another client's. Nothing is changed then.
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

    /// The same, with the driver given to the runtime.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// Outside of a tokio runtime, as `tokio::spawn` does.
    pub fn spawn(options: Options) -> Result<Self, OpenError> {
        let (client, driver) = Self::new(options)?;
        tokio::spawn(driver);
        Ok(client)
    }

    fn over(mut state: State, options: Options) -> (Self, Driver) {
        state.is_driven = true;
        let recovered = state.find_recovered();
        let shared = Shared::new(state);
        let handle = Arc::new(Handle(shared));
        let client = Self { handle, options: Arc::new(options), recovered: Arc::new(recovered) };
        let driver = client.new_driver();
        (client, driver)
    }

    fn new_driver(&self) -> Driver {
        Driver::new(Arc::clone(self.shared()), Arc::clone(&self.options))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }

    /// Another driver, when the one before was dropped; `None` while there is one.
    pub fn driver(&self) -> Option<Driver> {
        let is_free = self.shared().act(|state, _| !std::mem::replace(&mut state.is_driven, true));
        is_free.then(|| self.new_driver())
    }

    /// The messages of before the restart that are not finished, in their order, each with its [`Outgoing::tag`]. Each can be awaited once: a second call gives deliveries that end as
    /// the first ones do.
    pub fn recovered(&self) -> Vec<(Delivery, u64)> {
        let delivery = |(ticket, tag): &(Ticket, u64)| (Delivery::recovered(Arc::clone(self.shared()), *ticket), *tag);
        self.recovered.iter().map(delivery).collect()
    }
}

/// # Messages
impl Client {
    /// Publishes a message, once there is room for it, and gives a future of its end. It takes effect in the poll that is ready. Whoever waits for room is served in the order of the
    /// first polls.
    ///
    /// # Errors
    /// [`PublishError`]; the message comes back.
    pub async fn publish(
        &self,
        topic: impl Into<String>,
        payload: impl Into<Bytes>,
        qos: QoS,
    ) -> Result<Delivery, PublishError> {
        self.publish_with(Outgoing::new(topic, payload).qos(qos)).await
    }

    /// The same with everything that a message can have: retained, properties, a tag.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
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

    /// Publishes a message at once, or not at all. It goes before those that wait for room.
    ///
    /// # Errors
    /// [`PublishError`], with [`Refusal::Full`](crate::Refusal::Full) if there is no room; the message comes back.
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

    /// Has `accept` take the message when it is its turn, and there is room.
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

    /// Gives up a message, whatever became of it so far, and says what is risked. `None` if it is finished, or its answer is awaited on the present link.
    pub fn withdraw(&self, delivery: &Delivery) -> Option<Risk> {
        self.shared().act(|state, now| state.agent.withdraw(now, delivery.ticket()))
    }

    /// Waits until all messages that were accepted before have their ends, delivered or not.
    ///
    /// # Errors
    /// [`NotDelivered::NoDriver`] if nobody drives the client.
    pub async fn flush(&self) -> Result<(), NotDelivered> {
        let ticket = self.shared().act(|state, now| {
            let ticket = state.agent.flush(now, None);
            state.expect(ticket);
            ticket
        });
        self.end_of(ticket).await.map(|_| ())
    }

    /// The end of a ticket.
    pub(crate) async fn ask_for(&self, ticket: Ticket) -> Result<End, NotDelivered> {
        poll_fn(|cx| match self.shared().drive(|state, _| state.ask(ticket, cx.waker())) {
            Asked::Ended(end) => Poll::Ready(Ok(end)),
            Asked::Open => Poll::Pending,
            Asked::NoDriver => Poll::Ready(Err(NotDelivered::NoDriver)),
        })
        .await
    }

    /// The same. Dropped, it is forgotten.
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

/// # The client itself
impl Client {
    /// Leaves in order: takes no more messages, finishes what can be finished within `timeout`, says DISCONNECT, and ends the driver. Every [`Delivery`] has its end then.
    /// The server has up to a second more to close its side: a program that ended before could take back what it sent last.
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

    /// Replaces the link, and keeps the session: for new credentials, say.
    pub fn reconnect(&self) {
        self.shared().act(|state, now| state.agent.reconnect(now));
    }

    /// What happens to links, subscriptions and the log, from now on. A listener that is more than 256 events behind loses the oldest, and is told so.
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.shared().drive(|state, _| state.listen())
    }

    /// Whether a server has accepted the link, and it is up.
    pub fn is_connected(&self) -> bool {
        self.shared().look(|state| state.agent.is_connected())
    }

    /// The server that the link leads to, while it is up: the one of the [`Options`], also if it has sent the client elsewhere.
    pub fn server(&self) -> Option<Server> {
        let id = self.shared().look(|state| state.agent.server())?;
        self.options.servers.get(usize::from(id.0)).map(|listed| listed.server.clone())
    }

    /// What was done so far, for a dashboard.
    pub fn stats(&self) -> Stats {
        self.shared().look(|state| state.agent.stats())
    }

    /// The version that the link speaks; without a link the one that the next one will.
    pub fn version(&self) -> Version {
        self.shared().look(|state| state.agent.version())
    }
}

/// Somebody who waits for room. Dropped, it leaves the line, and the next one gets its turn.
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

/// The message comes back as the program gave it, with the properties that were its own.
fn refused(rejected: Rejected<Outgoing>, own: Option<Bytes>, operation: &Operation) -> PublishError {
    let Rejected { what: message, why } = rejected;
    operation.refused(why);
    let properties = own.unwrap_or_else(|| message.properties.clone());
    PublishError { message: Outgoing { properties, ..message }, why }
}
