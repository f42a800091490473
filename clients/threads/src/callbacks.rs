//! What the program wants to hear, and how it is told: on the loop's thread, one call at a time, with no lock held that a callback could need.

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

/// How much a line of [`Client::on_log`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Each packet, in a line.
    Debug,
    /// Links come and go.
    Info,
    /// Something was lost, and is made good.
    Warning,
    /// Something is wrong with the program or the server.
    Error,
}

/// A callback that several may hold and one calls at a time. One that is replaced is dropped when the table is free again: it may own anything.
type Callback<F> = Arc<Mutex<F>>;
type MessageCallback = dyn FnMut(&Client, &Message<'_>) + Send;

/// One row for each callback: what it is called, what it is told besides the client, and what it is for.
macro_rules! callbacks {
    ($($(#[$doc:meta])+ $name:ident($($argument:ident: $type:ty),*);)+) => {
        #[derive(Default)]
        struct Table {
            $($name: Option<Callback<dyn FnMut(&Client $(, $type)*) + Send>>,)+
            /// The callbacks for messages; `on_message` is the default.
            router: Router<Callback<MessageCallback>>,
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
        /// They run on the thread of the loop, one at a time, and may call everything: publish, subscribe, disconnect, set callbacks. Each gets the client, so that it
        /// needn't hold a handle of its own, which would keep the client alive for ever. Setting one replaces the one before.
        ///
        /// A callback that panics does so through [`loop_once`](Self::loop_once) and [`loop_forever`](Self::loop_forever), which can be called again; in the thread of
        /// [`loop_start`](Self::loop_start) the panic is told to [`on_log`](Self::on_log), and the loop goes on. Nothing is lost or told twice by it.
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
    /// Called when the server has answered CONNECT: see [`ConnAck::reason`] and [`ConnAck::session`]. Nothing else has been sent on this link yet.
    on_connect(connack: &ConnAck<'_>);
    /// Called when an attempt to connect has failed before the server could answer, unless [`connect`](Self::connect) tells it.
    on_connect_fail(error: &ConnectError);
    /// Called when a link is over, in whatever way.
    on_disconnect(end: &LinkEnd);
    /// Called when a message has ended: a QoS 0 message when it was written to the transport, at QoS 1 and 2 when the server has acknowledged it, and each when it
    /// was given up.
    on_publish(published: &Published<'_>);
    /// Called when the server has answered for all filters of a [`subscribe`](Self::subscribe).
    on_subscribe(subscribed: &Subscribed);
    /// Called when the server has answered an [`unsubscribe`](Self::unsubscribe).
    on_unsubscribe(mid: Mid);
    /// Called for each step of an enhanced authentication (5.0): answer with [`authenticate`](Self::authenticate).
    on_auth(auth: &Auth<'_>);
    /// Called with what happens, in words: at [`LogLevel::Debug`] each packet, from the next link on, unless [`Options::log_level`](crate::Options::log_level)
    /// wants less. Payloads and passwords are in no line.
    on_log(level: LogLevel, line: &str);
}

impl Client {
    /// Called for each message that no filter of [`message_callback_add`](Self::message_callback_add) matches.
    pub fn on_message(&self, callback: impl FnMut(&Client, &Message<'_>) + Send + 'static) {
        let callback: Callback<MessageCallback> = Arc::new(Mutex::new(callback));
        let _before = self.shared.callbacks.table().router.set_default(Some(callback));
    }

    /// Has `callback` called for the messages that `filter` matches, instead of [`on_message`](Self::on_message). If several filters match, all their
    /// callbacks are called. This doesn't subscribe.
    pub fn message_callback_add(
        &self,
        filter: TopicFilter<'_>,
        callback: impl FnMut(&Client, &Message<'_>) + Send + 'static,
    ) {
        let _before = self.shared.callbacks.table().router.insert(filter, Arc::new(Mutex::new(callback)));
    }

    /// Takes back [`message_callback_add`](Self::message_callback_add). False if `filter` has no callback.
    pub fn message_callback_remove(&self, filter: TopicFilter<'_>) -> bool {
        let removed = self.shared.callbacks.table().router.remove(filter);
        removed.is_some()
    }
}

/// The callbacks of a client.
#[derive(Default)]
pub(crate) struct Callbacks(Mutex<Table>);

impl Callbacks {
    /// Hands a message to whom it concerns.
    pub(crate) fn message(&self, client: &Client, message: &Message<'_>) {
        let (first, others) = self.concerned(message.topic);
        for callback in first.iter().chain(&others) {
            (lock(callback))(client, message);
        }
    }

    /// Those that a message to `topic` concerns: mostly one, for which nothing is allocated.
    fn concerned(&self, topic: TopicName<'_>) -> (Option<Callback<MessageCallback>>, Vec<Callback<MessageCallback>>) {
        let table = self.table();
        if table.router.is_empty() {
            return (table.router.default_value().cloned(), Vec::new());
        }
        let mut found = table.router.route(topic).cloned();
        (found.next(), found.collect())
    }

    /// Whether anybody wants to hear the log.
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

/// A callback that has panicked is as good as before.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
