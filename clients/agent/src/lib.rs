//! A sans-IO MQTT client: the decisions that all clients of [pure-mqtt](https://docs.rs/pure-mqtt) share.
//!
//! The engine, `pure_mqtt::Connection`, handles *one* link and *one* session. A client does more: it dials, reconnects, and switches servers. It keeps track of desired
//! subscriptions, of callers that wait for a result, and of what must survive a crash. [`Agent`] makes all of these decisions, without I/O, clock, thread or random numbers: the
//! same calls give the same results. It needs an allocator, but not `std`.
//!
//! A *client* is the code around an agent: socket, clock, and an API for programs. `pure-mqtt-client` is a client with threads and callbacks, `pure-mqtt-tokio` an async one. To
//! use MQTT, use one of them. To write a client for another runtime or language, read this page: it is the contract.
//!
//! # The client's loop
//!
//! ```text
//!   a transport came or went ──── dialed, dial_failed, closed ──▶ ┌───────┐ ──▶ poll_action: dial, close, resolve, compact
//!   bytes from the server ─────── received ──────────────────────▶│       │ ──▶ transmit: bytes for the server
//!   the time ──────────────────── handle_timeout ────────────────▶│ Agent │ ──▶ step: an event; one packet at a time
//!   publish, subscribe, next, … ─────────────────────────────────▶│       │ ──▶ poll_wake: what callers wait for
//!   the log is durable ────────── stored ────────────────────────▶└───────┘ ──▶ poll_timeout, take_log
//! ```
//!
//! After **every** call, repeat these steps: carry out what [`poll_action`](Agent::poll_action) returns, until it returns `None`; write what [`transmit`](Agent::transmit)
//! shows; call [`step`](Agent::step) once if [`is_runnable`](Agent::is_runnable). When nothing is left to do, wake the callers that [`poll_wake`](Agent::poll_wake) names. Then
//! wait for input (if [`wants_input`](Agent::wants_input)), for room in the transport (if output is pending), for a command, or until [`poll_timeout`](Agent::poll_timeout).
//!
//! Calls are legal in any order. Each input names its [`LinkId`], so a late `closed` of the previous socket can't end the next link. `now` is a monotonic clock in milliseconds;
//! a time that goes back counts as no progress.
//!
//! A complete client with a blocking socket:
//!
//! ```no_run
//! use std::io::{ErrorKind, Read, Write};
//! use std::net::TcpStream;
//! use std::time::{Duration, Instant as Clock};
//!
//! use pure_mqtt_agent::{Action, Agent, Bytes, Event, FailureClass, Instant, LinkId, Login, Options, Outgoing, QoS};
//!
//! fn main() {
//!     let start = Clock::now();
//!     let now = || Instant::from_millis(start.elapsed().as_millis() as u64);
//!     let seed = std::process::id().into(); // better: a random number from the system
//!     let mut agent = Agent::new(Options::new("meter-7", seed), now(), 0);
//!     let reading = Outgoing::new("meter/7/reading", "4711").qos(QoS::AtLeastOnce);
//!     let ticket = agent.publish(now(), reading).expect("the queue is empty").ticket;
//!     agent.shutdown(now(), now().after_secs(60)); // once the message is delivered, or after a minute
//!
//!     let mut socket: Option<(LinkId, TcpStream)> = None;
//!     while !agent.is_done() {
//!         while let Some(action) = agent.poll_action() {
//!             match action {
//!                 Action::Dial { link, .. } => match TcpStream::connect("broker.example:1883") {
//!                     Ok(stream) => {
//!                         socket = Some((link, stream));
//!                         agent.dialed(now(), link, &Login::default());
//!                     }
//!                     Err(error) => agent.dial_failed(now(), link, FailureClass::Passing, &error.to_string(), None),
//!                 },
//!                 Action::Close { link } => socket = socket.filter(|(open, _)| *open != link),
//!                 _ => {}
//!             }
//!         }
//!         if let Some(Event::LinkDown { why, .. }) = agent.step(now()) {
//!             eprintln!("no link: {why:?}");
//!         }
//!         if let Err(error) = exchange(&mut agent, &mut socket, now()) {
//!             let (link, _) = socket.take().expect("only a socket fails");
//!             agent.closed(now(), link, &error.to_string());
//!         }
//!         agent.handle_timeout(now());
//!     }
//!     println!("{:?}", agent.take_end(ticket));
//! }
//!
//! /// Writes pending output and reads available input; waits up to 50 ms for input if there is nothing else to do.
//! fn exchange(agent: &mut Agent, socket: &mut Option<(LinkId, TcpStream)>, now: Instant) -> std::io::Result<()> {
//!     let Some((link, stream)) = socket else {
//!         std::thread::sleep(Duration::from_millis(50));
//!         return Ok(());
//!     };
//!     let mut transmit = agent.transmit(now);
//!     while !transmit.chunk().is_empty() {
//!         let count = stream.write(transmit.chunk())?;
//!         transmit.advance(count);
//!     }
//!     if agent.is_runnable() || !agent.wants_input() {
//!         return Ok(());
//!     }
//!     stream.set_read_timeout(Some(Duration::from_millis(50)))?;
//!     let mut room = vec![0; 64 * 1024];
//!     match stream.read(&mut room) {
//!         Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
//!         Ok(count) => {
//!             room.truncate(count);
//!             agent.received(now, *link, Bytes::from(room));
//!             Ok(())
//!         }
//!         Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
//!         Err(error) => Err(error),
//!     }
//! }
//! ```
//!
//! # What the agent decides
//!
//! ## Where and when to dial
//!
//! [`Options::servers`] are tried in order, starting with the one that accepted a link last. A *round* tries each server once, without delays. A failed dial, a refused or
//! missing CONNACK and a busy server lead to the next server at once. While others remain in the round, a dial and CONNACK have 5 seconds each. Between rounds the agent waits a
//! random time, from zero to a bound that doubles from round to round (full jitter). The first delay is random as well, so that the clients of a restarted server do not
//! reconnect at the same moment. The bound is reset after a stable link ([`Redial::Agent`]) and after our own DISCONNECT. It is not reset after Session taken over (0x8E), Quota
//! exceeded (0x97) and similar codes, nor after a link that ended like the one before without progress. Repeated ends are reported by [`Event::SameEndAgain`].
//!
//! 100,000 agents reconnecting after a restart of their server, in tenths of the first window of 5 seconds (`tests/dialling.rs` counts them):
//!
//! ```text
//! 0.0 s  ██████████  10,000, give or take 181, in each tenth
//! 0.5 s  ██████████
//! 1.0 s  ██████████
//!   …    ██████████
//! 4.5 s  ██████████
//! ```
//!
//! Refused credentials, an untrusted certificate and other permanent failures are retried after the longest delay, or not at all ([`Options::retry_lasting`]).
//! [`dialed`](Agent::dialed) takes credentials for this one link. [`Action::Resolve`] requests SRV records. The agent follows a Server Reference (§4.11) to hosts that
//! [`Redirects`] allows, a limited number of times in a row, and sends credentials only to trusted hosts. With [`Redial::Host`] the agent never dials by itself.
//!
//! ## Realms
//!
//! Servers of one [`Realm`] share sessions: for example, the nodes of a cluster. A session is never continued in another realm: a packet identifier would mean another message
//! there, and a QoS 2 message could be lost silently. The first link to another realm is a clean start, and `Limits::on_session_loss` decides what happens to unfinished
//! messages. The realm is part of the log.
//!
//! The nodes of a cluster have the same number in [`Server::cluster`], and each has its own realm, derived from its address. The log contains the realms of all nodes, and a
//! session continues with every list that contains one of them. So nodes can be added, removed and reordered, also between two runs. If all addresses change, pass the old and
//! the new ones in one run. While other nodes remain:
//!
//! * the nodes are tried in a random order that differs from client to client;
//! * the client leaves a silent node within one and a half keep alives, and one that does not answer CONNECT after 2.5 seconds;
//! * it leaves a node that was silent, that closes links soon after it accepted them, or that reports that it is busy, moved or shutting down;
//! * it passes over a node that has failed, for a time that doubles with each failure as the back-off does, unless no other node serves.
//!
//! ## The session
//!
//! [`CleanStart`] sets when a session starts anew. Before 5.0 a session with Clean Session ends with its link, so a new session takes two links: one that clears the old
//! session, and one that keeps the new one. `Limits::on_unknown_session` sets what the engine does with a session that only the server has.
//!
//! ## Subscriptions first
//!
//! On a new session the agent holds PUBLISH back until the last SUBSCRIBE has been sent, for at most [`Options::hold_timeout`]: a program that subscribes before it publishes
//! receives its own message. On a resumed session nothing is held back.
//!
//! After two links that ended early with unanswered packets, the next link sends the suspected packets one at a time. If the server closes links at a SUBSCRIBE, the agent
//! splits it until one filter is left, which is denied ([`Denied::HangsUp`]). For a message it reports [`Event::Suspect`], and gives the message up after
//! [`Options::max_attempts`].
//!
//! ## Dispatching messages
//!
//! A [`Receiver`] is a queue of the messages that match its filters. In 5.0 each filter has a Subscription Identifier, and a message goes to the receivers whose identifiers it
//! contains. Before 5.0, and with servers that do not support identifiers, messages are dispatched by topic: if a server sends one copy for each of two overlapping filters,
//! each receiver gets both. Two receivers may have the same filter; contradicting options are [`Refusal::Conflict`].
//!
//! Messages at QoS 1 and 2 are queued without a limit per receiver. Receive Maximum and [`Options::max_waiting`] limit them together, so a slow receiver does not stop input for
//! the others before the byte limit is reached. At QoS 0 each receiver has a limit, above which messages are dropped and counted ([`Qos0Queue`]). Acknowledgements are sent in
//! the order of arrival `[MQTT-4.6.0-2]`, so a message that is never acknowledged holds back all later ones: [`Event::AcksHeld`] names its receiver. A message that matches no
//! filter goes to the default receiver, or is acknowledged and reported. Queued messages survive a reconnection. The [`AckToken`] of a QoS 1 message is then stale, and the
//! server sends the message again; that of a QoS 2 message is valid as long as the session.
//!
//! ## Results of a publish
//!
//! A [`Ticket`] has milestones ([`Milestone`]) and exactly one [`End`]. [`flush`](Agent::flush) ends when all messages accepted before have ended. [`withdraw`](Agent::withdraw)
//! gives one message up and returns the risk. [`reclaim`](Agent::reclaim) returns all unfinished messages. [`Outgoing::tag`], a number of the program's own, is reported with
//! the message after a restart.
//!
//! ## Requests
//!
//! [`request`](Agent::request) adds Response Topic and Correlation Data, subscribes to the response topic and matches the reply. [`reply`](Agent::reply) publishes one. Late
//! replies, and replies without a request, are discarded and counted.
//!
//! ## Messages that are too long
//!
//! Memory is allocated as bytes arrive, not as the header announces. A message above `Limits::inline_max` (default here: 256 MiB) is discarded in fragments, acknowledged and
//! reported, or ends the link, as set by `Limits::on_too_long`.
//!
//! ## Fairness
//!
//! [`step`](Agent::step) processes one packet. Commands, deadlines and output get their turn between two steps. With a handler of 20 ms and a burst of 1,500 messages, the keep
//! alive still works, and `disconnect` is delayed by at most one handler. Pending input counts as a sign of life.
//!
//! ## Disconnecting
//!
//! [`disconnect`](Agent::disconnect) sends DISCONNECT at once and keeps everything for a later [`dial`](Agent::dial). [`shutdown`](Agent::shutdown) first waits for unfinished
//! messages. By its deadline plus the engine's `Limits::close_timeout` every ticket has its end, whatever happens to the link. [`reconnect`](Agent::reconnect) replaces the link
//! and keeps the session.
//!
//! ## Durability
//!
//! With [`Options::durable`] the agent keeps a log. The client appends what [`take_log`](Agent::take_log) returns, makes it durable, and calls [`stored`](Agent::stored).
//! [`recover`](Agent::recover) continues after a restart. Only output that depends on a record waits for it: QoS 0, PINGREQ and PUBACK never do. Besides the session the log
//! contains the client identifier, the realm, tags, expiry times of the wall clock, and the subscribed filters. [`Action::Compact`] requests a [`snapshot`](Agent::snapshot)
//! when the log is long.
//!
//! After a failed write, nothing since the last successful one counts as written. A new snapshot in a new file repairs that. If it fails too, the agent reports
//! [`Event::StoreFailed`], closes the link, refuses publishes at QoS 1 and 2, and retries the snapshot every 10 seconds. With another [`OnStoreFailure`] it continues without a
//! log instead.
//!
//! ## Observability
//!
//! [`stats`](Agent::stats) returns counters, and the feature `log` writes a line for each dial, each packet and each end of a link. [`PacketLines`] makes a line for each
//! packet, for a client with its own log. Lines never contain payloads or passwords.
//!
//! ## Complexity
//!
//! With 100,000 filters, 60,000 messages in flight and 10,000 open tickets each command takes logarithmic time. Memory is released after a burst.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod agent;
mod dialling;
mod durable;
mod event;
mod ids;
mod inbox;
mod lines;
mod message;
mod options;
mod packet_lines;
mod properties;
mod realms;
mod receiving;
mod sending;
mod stats;
mod ticket;

pub use bytes::Bytes;
pub use pure_mqtt;
pub use pure_mqtt::{Instant, QoS, ReasonCode, Risk, Transmit, Version};

pub use self::agent::{AckResult, Agent};
pub use self::dialling::SrvTarget;
pub use self::durable::RecoverError;
pub use self::event::{Action, Event, FailureClass, Host, LinkEnd, SessionFate, Wake};
pub use self::ids::{AckToken, LinkId, Realm, Receiver, ServerId, Ticket};
pub use self::message::{Incoming, Outgoing};
pub use self::options::{CleanStart, Login, OnStoreFailure, Options, Redial, Redirects, Server, Will};
pub use self::packet_lines::{PacketLine, PacketLines};
pub use self::properties::encode as encode_properties;
pub use self::receiving::{AckMode, FilterOptions, Qos0Queue, SubscriptionState, Undelivered};
pub use self::stats::Stats;
pub use self::ticket::{Accepted, Denied, End, Milestone, PublishLimit, Refusal, Rejected};
