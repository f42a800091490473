//! An MQTT client without I/O: the brain that every client of [pure-mqtt](https://docs.rs/pure-mqtt) shares.
//!
//! The engine, `pure_mqtt::Connection`, is *one* link and *one* session. A client is more: it dials, and dials again, somewhere else; it knows which subscriptions are
//! wanted, which publish waits for whom, what must survive a crash. [`Agent`] decides all of that, as the engine is built: no I/O, no clock, no thread, no random
//! number; the same calls give the same results. It needs an allocator, not `std`.
//!
//! What puts a socket, a clock and an API under and over it is called its *face*, or its host. `pure-mqtt-client` is the face with threads and callbacks. If you want a client,
//! take a face; if you write one, for another runtime or language, this page is the contract.
//!
//! # The face
//!
//! ```text
//!   a transport came or went ──── dialed, dial_failed, closed ──▶ ┌───────┐ ──▶ poll_action: dial, close, resolve, compact
//!   bytes from the server ─────── received ──────────────────────▶│       │ ──▶ transmit: bytes for the server
//!   the time ──────────────────── handle_timeout ────────────────▶│ Agent │ ──▶ step: an event; one packet at a time
//!   publish, subscribe, next, … ─────────────────────────────────▶│       │ ──▶ poll_wake: who waits and may go on
//!   the log is durable ────────── stored ────────────────────────▶└───────┘ ──▶ poll_timeout, take_log
//! ```
//!
//! After **every** call, in any order: do what [`poll_action`](Agent::poll_action) asks for, until it asks for nothing; write what [`transmit`](Agent::transmit) shows;
//! [`step`](Agent::step) once if [`is_runnable`](Agent::is_runnable), and begin again. When nothing is left to do, wake those whom [`poll_wake`](Agent::poll_wake) names,
//! and wait for bytes (if [`wants_input`](Agent::wants_input)), for room in the transport (if bytes wait), for a command, or until [`poll_timeout`](Agent::poll_timeout).
//!
//! Any order of calls is legal. Each input names the [`LinkId`] that it is about, so a late `closed` of the last socket can't kill the next link. `now` is a monotonic
//! clock in milliseconds; a time that goes back counts as no progress.
//!
//! A whole face, for a blocking socket:
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
//!     let seed = std::process::id().into(); // better: from the system's random numbers
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
//! /// Writes what waits, and reads what is there; waits a little for it if there is nothing else to do.
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
//! [`Options::servers`] are tried in order; the one that accepted a link last is tried first. A *round* tries each once, without pauses: a failed dial, a refused or
//! missing CONNACK and a server that is busy lead to the next at once, and while others are left a dial and CONNACK get 5 seconds each. Between rounds there is a
//! pause with full jitter: a random time up to a step that doubles from round to round. The first pause is random as well, so that the clients of a server that restarts
//! don't come back in one moment. Steps begin anew after a link that stood ([`Redial::Agent`]), and after our own DISCONNECT; not after Session taken over (0x8E), Quota
//! exceeded (0x97) and the like, nor after a link that ended as the one before without any progress. Ends that repeat themselves are told
//! ([`Event::SameEndAgain`]).
//!
//! 100,000 agents whose server restarts, by the tenth of the first window of 5 seconds in which they come back (`tests/dialling.rs` counts them):
//!
//! ```text
//! 0.0 s  ██████████  10,000, give or take 181, in each tenth
//! 0.5 s  ██████████
//! 1.0 s  ██████████
//!   …    ██████████
//! 4.5 s  ██████████
//! ```
//!
//! Refused credentials, an untrusted certificate and other failures that won't get better are retried at the longest pause, or not at all
//! ([`Options::retry_lasting`]). [`dialed`](Agent::dialed) takes credentials that were made for this one link. SRV records are asked for by [`Action::Resolve`]. A Server
//! Reference (§4.11) is followed to hosts that [`Redirects`] allows, so many times in a row, and credentials go to trusted hosts alone. With [`Redial::Host`] the
//! agent never dials by itself.
//!
//! ## Realms
//!
//! Servers of one [`Realm`] share sessions: the nodes of a cluster, say. A session never meets another realm: a packet identifier would mean one message here and
//! another there, and a QoS 2 message be lost without a word. The first link to another realm is a clean start, and what is unfinished goes on there as
//! `Limits::on_session_loss` says. The realm is part of the log.
//!
//! A cluster is a list of entries with one number in [`Server::cluster`], each with a realm of its own that is made of its address. The log names the realms of all its nodes, and a
//! session goes on with every list that has one of them. So nodes may be added, removed and put in another order, between two runs as well; if all addresses change, let one
//! run have the old and the new ones. While other nodes are left:
//!
//! * the nodes are tried in a random order that differs from client to client;
//! * a node that is silent is left within one and a half keep alives, and one that doesn't answer CONNECT after 2.5 seconds;
//! * a node that was silent, that ends links soon after it accepted them, or that says that it is busy, moved or shutting down, is left for another one;
//! * a node that has failed is passed over for a time that doubles with each failure, as the pauses do, unless no other node serves.
//!
//! ## The session
//!
//! [`CleanStart`] says when it begins anew. Before 5.0 a session that begins clean ends with its link, so that takes two links: one that clears, and one that stays. What
//! the server holds and this side doesn't know, the engine treats as `Limits::on_unknown_session` says.
//!
//! ## Subscriptions first
//!
//! On a new session PUBLISH is held until the last SUBSCRIBE has left, so that what was subscribed to before something was published comes back; for
//! [`Options::hold_timeout`] at most. On a resumed session nothing is held.
//!
//! After two links that died young with packets unanswered, the next one sends those under suspicion one at a time. A SUBSCRIBE at which the server hangs up is halved until
//! one filter is left, which is denied ([`Denied::HangsUp`]); a message is told ([`Event::Suspect`]), and given up after [`Options::max_attempts`].
//!
//! ## Who gets a message
//!
//! A [`Receiver`] is a queue, fed by filters. In 5.0 each filter has a Subscription Identifier, and a message goes to those whose identifiers it carries; otherwise
//! its topic decides. Before 5.0, and where the server knows no identifiers, the topic alone decides: a server that sends one copy for each of two overlapping filters is
//! passed on as it comes. Two receivers may want one filter; options that contradict are [`Refusal::Conflict`].
//!
//! Messages at QoS 1 and 2 wait without a bound for each receiver: Receive Maximum and [`Options::max_waiting`] bound them together, so that a slow receiver doesn't stop
//! the reading for the others before the bytes are full. QoS 0 has a bound for each receiver, beyond which messages are dropped and counted ([`Qos0Queue`]).
//! Acknowledgements leave in the order of arrival `[MQTT-4.6.0-2]`, so one message that is never acknowledged holds all behind it: [`Event::AcksHeld`] names the
//! receiver. What nobody wants goes to the default receiver, or is acknowledged and told. Over a reconnect queued messages stay; an [`AckToken`] of QoS 1 is stale
//! then, and the server sends the message again. One of QoS 2 lives as long as the session.
//!
//! ## What became of a publish
//!
//! A [`Ticket`] has milestones ([`Milestone`]) and exactly one [`End`]. [`flush`](Agent::flush) ends when all that was accepted before has ended;
//! [`withdraw`](Agent::withdraw) gives one message up and says what is risked; [`reclaim`](Agent::reclaim) hands all unfinished ones back. A number of the program's
//! own, [`Outgoing::tag`], comes back after a restart.
//!
//! ## Requests
//!
//! [`request`](Agent::request) adds Response Topic and Correlation Data, subscribes to the response topic and matches the reply; [`reply`](Agent::reply) is the other
//! side. Late and foreign replies are thrown away and counted.
//!
//! ## Longer than it may be
//!
//! Memory is taken as bytes come, not as a header claims. A message above `Limits::inline_max` (256 MiB) is thrown away in pieces, acknowledged and told, or ends the
//! link, as `Limits::on_too_long` says.
//!
//! ## Fairness
//!
//! [`step`](Agent::step) takes one packet. Between two, commands, deadlines and output get their turn: a handler of 20 ms and a burst of 1,500 messages cost neither the
//! keep alive, nor do they delay a `disconnect` by more than one handler. Bytes that wait count as a sign of life.
//!
//! ## Leaving
//!
//! [`disconnect`](Agent::disconnect) sends DISCONNECT at once and keeps everything for a later [`dial`](Agent::dial). [`shutdown`](Agent::shutdown) finishes what can be
//! finished first; by its deadline, and the farewell time of the engine, every ticket has its end, whatever the link does meanwhile. [`reconnect`](Agent::reconnect) replaces the
//! link and keeps the session.
//!
//! ## Durability
//!
//! With [`Options::durable`] the agent keeps a log. The face appends what [`take_log`](Agent::take_log) gives, makes it durable, and says so by
//! [`stored`](Agent::stored); [`recover`](Agent::recover) goes on after a restart. Only what depends on a record waits for it: QoS 0, PINGREQ and PUBACK never do. Beside
//! the session there are in it: the client identifier, the realm, tags, expiry by the wall clock, and the filters that are wanted. [`Action::Compact`] asks for a
//! [`snapshot`](Agent::snapshot) when the log is long.
//!
//! After a failed write nothing since the last good one counts as written. A whole snapshot to a new file heals that; if it fails too, [`Event::StoreFailed`] is told, the
//! link is given up, publishes at QoS 1 and 2 are refused, and the snapshot is tried again every 10 seconds; or the agent goes on without a log, if
//! [`OnStoreFailure`] says so.
//!
//! ## Seen from outside
//!
//! [`stats`](Agent::stats) counts, and the feature `log` writes a line for each dial and each end. A face that wants a line for each packet has it from
//! [`PacketLines`]. Payloads and passwords are in none of these.
//!
//! ## Nothing is quadratic
//!
//! 100,000 filters, 60,000 messages in flight, 10,000 open tickets: each command takes logarithmic time, and memory is given back after a burst.
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
