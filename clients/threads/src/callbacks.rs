//! Callbacks: they run on the loop's thread, one at a time, while no lock is held that a callback could need.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pure_mqtt::router::Router;
use pure_mqtt::{Auth, TopicFilter, TopicName};

use crate::client::Client;
use crate::connack::ConnAck;
use crate::deliveries::Published;
use crate::error::{ConnectError, LinkEnd};
use crate::message::Message;
use crate::requests::Subscribed;
use crate::ticket::Mid;

/// The level of a line for [`Client::on_log`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// A line for each packet.
    Debug,
    /// Links are established and closed.
    Info,
    /// Something was lost, and is recovered.
    Warning,
    /// The program or the server has a fault.
    Error,
}

/// A callback. Several threads may hold it, one at a time calls it. A replaced callback is dropped without the lock on the table: it may own anything.
type Callback<F> = Arc<Mutex<F>>;
type MessageCallback = dyn FnMut(&Client, &Message<'_>) + Send;

/// A callback for messages.
#[derive(Clone)]
struct Routed {
    /// The place in the order of the calls of `message_callback_add`.
    place: u64,
    callback: Callback<MessageCallback>,
}

/// One row for each callback: its name, its arguments after the client, its documentation.
macro_rules! callbacks {
    ($($(#[$doc:meta])+ $name:ident($($argument:ident: $type:ty),*);)+) => {
        #[derive(Default)]
        struct Table {
            $($name: Option<Callback<dyn FnMut(&Client $(, $type)*) + Send>>,)+
            /// The callbacks for messages; `on_message` is the default.
            router: Router<Routed>,
            /// How many callbacks were added to the router.
            added: u64,
        }

        impl Callbacks {
            $(pub(crate) fn $name(&self, client: &Client $(, $argument: $type)*) {
                let callback = self.table().$name.clone();
                if let Some(callback) = callback {
                    (lock(&callback))(client $(, $argument)*);
                }
            })+
        }

        /// # Callbacks
        ///
        /// Callbacks run on the loop's thread, one at a time, and may call any method: publish, subscribe, disconnect, set callbacks. Each has the client as its first argument;
        /// a callback that held a handle of its own would keep the client alive forever. Setting a callback replaces the previous one.
        ///
        /// A panic in a callback propagates through [`loop_once`](Self::loop_once) and [`loop_forever`](Self::loop_forever), which can be called again. In the thread of
        /// [`loop_start`](Self::loop_start) the panic is logged to [`on_log`](Self::on_log), and the loop continues. No message is lost or reported twice.
        impl Client {
            $($(#[$doc])+ pub fn $name(&self, callback: impl FnMut(&Client $(, $type)*) + Send + 'static) {
                let _before = self.shared.callbacks.table().$name.replace(Arc::new(Mutex::new(callback)));
            })+
        }
    };
}

callbacks! {
    /// Called before each attempt to connect.
    on_pre_connect();
    /// Called when the server has answered CONNECT: see [`ConnAck::reason`] and [`ConnAck::session`]. At this time nothing else has been sent on the link.
    on_connect(connack: &ConnAck<'_>);
    /// Called when an attempt to connect failed before the server answered, unless [`connect`](Self::connect) returns the error.
    on_connect_fail(error: &ConnectError);
    /// Called when a link has ended, for whatever reason.
    on_disconnect(end: &LinkEnd);
    /// Called with the final result of each message: at QoS 0 when it was written to the transport, at QoS 1 and 2 when the server has acknowledged it, and for every QoS when
    /// it was given up.
    on_publish(published: &Published<'_>);
    /// Called when the server has answered for all filters of a [`subscribe`](Self::subscribe).
    on_subscribe(subscribed: &Subscribed);
    /// Called when the server has answered an [`unsubscribe`](Self::unsubscribe).
    on_unsubscribe(mid: Mid);
    /// Called for each step of an enhanced authentication (5.0): answer with [`authenticate`](Self::authenticate).
    on_auth(auth: &Auth<'_>);
    /// Called with log lines. At [`LogLevel::Debug`] (the default of [`Options::log_level`](crate::Options::log_level)) each packet has a line, from the next link on. Lines
    /// never contain payloads or passwords.
    on_log(level: LogLevel, line: &str);
}

impl Client {
    /// Sets the callback for messages that match no filter of [`message_callback_add`](Self::message_callback_add).
    pub fn on_message(&self, callback: impl FnMut(&Client, &Message<'_>) + Send + 'static) {
        let routed = Routed { place: 0, callback: Arc::new(Mutex::new(callback)) };
        let _before = self.shared.callbacks.table().router.set_default(Some(routed));
    }

    /// Sets the callback for messages that match `filter`; [`on_message`](Self::on_message) is not called for them. If several filters match, all their callbacks are called,
    /// in the order in which they were added. This does not subscribe.
    pub fn message_callback_add(
        &self,
        filter: TopicFilter<'_>,
        callback: impl FnMut(&Client, &Message<'_>) + Send + 'static,
    ) {
        let callback: Callback<MessageCallback> = Arc::new(Mutex::new(callback));
        let mut table = self.shared.callbacks.table();
        table.added += 1;
        let place = table.added;
        let before = table.router.insert(filter, Routed { place, callback });
        drop(table); // first: the replaced callback may own anything
        drop(before);
    }

    /// Removes the callback for `filter`. Returns false if there is none.
    pub fn message_callback_remove(&self, filter: TopicFilter<'_>) -> bool {
        let removed = self.shared.callbacks.table().router.remove(filter);
        removed.is_some()
    }
}

/// The callbacks of a client.
#[derive(Default)]
pub(crate) struct Callbacks(Mutex<Table>);

impl Callbacks {
    /// Calls the callbacks for a message.
    pub(crate) fn message(&self, client: &Client, message: &Message<'_>) {
        let (first, others) = self.concerned(message.topic);
        for routed in first.iter().chain(&others) {
            (lock(&routed.callback))(client, message);
        }
    }

    /// Returns the callbacks for a topic, in the order in which they were added: usually one, for which nothing is allocated.
    fn concerned(&self, topic: TopicName<'_>) -> (Option<Routed>, Vec<Routed>) {
        let table = self.table();
        if table.router.is_empty() {
            return (table.router.default_value().cloned(), Vec::new());
        }
        let mut found = table.router.route(topic).cloned();
        let (first, mut others) = (found.next(), found.collect::<Vec<_>>());
        if others.is_empty() {
            return (first, others);
        }
        others.extend(first);
        others.sort_unstable_by_key(|routed| routed.place);
        (None, others)
    }

    /// Returns whether `on_log` is set.
    pub(crate) fn has_log(&self) -> bool {
        self.table().on_log.is_some()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.0)
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").finish_non_exhaustive()
    }
}

/// Locks, even after a panic: a callback that has panicked can be called again.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
