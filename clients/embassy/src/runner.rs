//! Link after link.

use core::future::poll_fn;
use core::task::Poll;

use embassy_futures::select::{Either, Either3, select, select3};
use pure_mqtt::{Backoff, ConnectionError, Instant, Limits, OpenError, RxBuffer, State, Storage};

use crate::client::Client;
use crate::clock::Clock;
use crate::error::RunError;
use crate::event::{Event, LinkEnd};
use crate::link::Wire;
use crate::maybe::Maybe;
use crate::options::Options;
use crate::publish::again;
use crate::shared::Shared;
use crate::transport::Transport;

/// Runs the client, link by link. [`Mqtt::run`](crate::Mqtt::run) uses it. Use it yourself where a transport borrows what the next one needs too:
///
/// ```no_run
/// use embedded_io_async::{Read, Write};
/// use pure_mqtt_embassy::{Client, RunError, Runner, Split};
///
/// async fn links<R: Read, W: Write>(
///     mut runner: Runner<'_, impl Client, 256>,
///     (reader, writer): (&mut R, &mut W),
///     random: impl Fn() -> u32,
/// ) -> Result<(), RunError> {
///     while !runner.is_done() {
///         // bring the transport up here
///         runner.link(Split { reader: &mut *reader, writer: &mut *writer }).await?;
///         runner.pause(random()).await;
///     }
///     Ok(())
/// }
/// ```
pub struct Runner<'r, Q: Client, const PACKET: usize> {
    mqtt: &'r Q,
    rx: &'r mut RxBuffer<PACKET>,
    options: &'r Options<'r>,
    backoff: Backoff,
}

impl<'r, Q: Client, const PACKET: usize> Runner<'r, Q, PACKET> {
    pub(crate) fn new(
        mqtt: &'r Q,
        rx: &'r mut RxBuffer<PACKET>,
        options: &'r Options<'r>,
        (ring, messages): (usize, usize),
    ) -> Result<Self, RunError> {
        let longest = if ring == 0 { PACKET } else { PACKET.min(ring) };
        let most = u16::try_from(messages).unwrap_or(u16::MAX).max(1);
        let limits = Limits {
            version: options.connect.version,
            inline_max: u32::try_from(longest).unwrap_or(u32::MAX),
            manual_acks: true,
            receive_maximum: options.limits.receive_maximum.min(most),
            topic_alias_maximum: 0,
            ..options.limits
        };
        let begun = mqtt.enter(|shared, _| shared.begin(limits, options)).unwrap_or(false);
        let (min, max) = options.backoff;
        if begun {
            Ok(Self { mqtt, rx, options, backoff: Backoff::new(min, max) })
        } else {
            Err(RunError::AlreadyRunning)
        }
    }

    /// Returns whether [`disconnect`](crate::Mqtt::disconnect) was called: then the loop should end.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, Runner};
    ///
    /// async fn pauses(runner: &mut Runner<'_, impl Client, 256>, random: impl Fn() -> u32) {
    ///     while !runner.is_done() {
    ///         runner.pause(random()).await;
    ///     }
    /// }
    /// ```
    pub fn is_done(&self) -> bool {
        self.mqtt.enter(|shared, _| shared.common.is_leaving).unwrap_or(false)
    }

    /// Calls `dial`, and returns the transport. Returns `None` if that failed or took longer than [`Options::dial_timeout`], or if
    /// [`disconnect`](crate::Mqtt::disconnect) was called.
    ///
    /// ```
    /// use embedded_io_async::{Read, Write};
    /// use pure_mqtt_embassy::{Client, RunError, Runner};
    ///
    /// /// Uses one socket for all links, one after the other.
    /// async fn link<S: Read + Write, E>(
    ///     runner: &mut Runner<'_, impl Client, 256>,
    ///     socket: &mut S,
    ///     connect: impl AsyncFn(&mut S) -> Result<(), E>,
    /// ) -> Result<(), RunError> {
    ///     if runner.dial(&mut async || connect(socket).await).await.is_some() {
    ///         runner.link(socket).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn dial<T, E>(&mut self, dial: &mut impl AsyncFnMut() -> Result<T, E>) -> Option<T> {
        select(self.ready(), self.leaving()).await;
        let now = self.mqtt.clock().now();
        let too_late = self.mqtt.clock().wait_until(now.after_millis(self.options.dial_timeout.into()));
        let dialed = match select3(dial(), too_late, self.leaving()).await {
            Either3::First(Ok(transport)) => Some(transport),
            _ => None,
        };
        if dialed.is_none() {
            self.mqtt.enter(|shared, _| shared.common.tell(Event::Disconnected(LinkEnd::NotDialed)));
        }
        dialed
    }

    /// Runs one link, from CONNECT to its end. If the future is dropped earlier, the link counts as lost.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, LinkEnd, RunError, Runner, Transport};
    ///
    /// async fn is_refused(
    ///     runner: &mut Runner<'_, impl Client, 256>,
    ///     transport: impl Transport,
    /// ) -> Result<bool, RunError> {
    ///     Ok(matches!(runner.link(transport).await?, LinkEnd::Connection(_)))
    /// }
    /// ```
    ///
    /// # Errors
    /// [`RunError::Open`]
    pub async fn link(&mut self, transport: impl Transport) -> Result<LinkEnd, RunError> {
        let (mqtt, options) = (self.mqtt, self.options);
        if matches!(select(self.ready(), self.leaving()).await, Either::Second(())) {
            return Ok(LinkEnd::Transport);
        }
        self.rx.clear();
        let opened = mqtt.enter(|shared, now| {
            shared.close(now, true);
            shared.open(now, options)
        });
        opened.unwrap_or(Ok(())).map_err(RunError::Open)?;
        let closing = Closing(mqtt);
        let wire = Wire::new(mqtt, self.rx);
        select(wire.work(), transport.carry(&wire)).await; // in this order: what falls due is sent at the same poll
        wire.take_packets(); // what came before the transport ended
        let ended = mqtt.enter(|shared, now| shared.close(now, false)).flatten();
        drop(closing);
        let (end, lasted) = ended.unwrap_or((LinkEnd::Transport, 0));
        self.backoff.ended(lasted);
        Ok(end)
    }

    /// Waits before the next link: a random part of a back-off that grows with each link that did not last. Returns at once if
    /// [`disconnect`](crate::Mqtt::disconnect) was called.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Client, Runner};
    ///
    /// async fn pause(runner: &mut Runner<'_, impl Client, 256>, random: impl FnOnce() -> u32) {
    ///     runner.pause(random()).await;
    /// }
    /// ```
    pub async fn pause(&mut self, random: u32) {
        let skips = self.mqtt.enter(|shared, _| core::mem::take(&mut shared.common.skips_pause));
        if skips == Some(true) {
            return;
        }
        let until = self.mqtt.clock().now().after_millis(self.backoff.next_delay(random).into());
        select(self.mqtt.clock().wait_until(until), self.leaving()).await;
    }

    /// Waits until no link is wanted any more.
    async fn leaving(&self) {
        self.until(|shared| shared.common.is_leaving).await;
    }

    /// Waits until the session was read from a journal, if there is one.
    async fn ready(&self) {
        self.until(|shared| shared.is_ready()).await;
    }

    async fn until(&self, is_true: impl Fn(&Shared<'_, Q::Storage>) -> bool) {
        poll_fn(|context| {
            let polled = self.mqtt.enter(|shared, _| match is_true(shared) {
                true => Poll::Ready(()),
                false => {
                    shared.common.watch(context);
                    Poll::Pending
                }
            });
            polled.unwrap_or_else(|| again(context))
        })
        .await;
    }
}

impl<Q: Client, const PACKET: usize> Drop for Runner<'_, Q, PACKET> {
    fn drop(&mut self) {
        self.mqtt.enter(|shared, _| shared.common.is_running = false);
    }
}

/// Closes the link, if it is still open, however the future ends.
struct Closing<'m, Q: Client>(&'m Q);

impl<Q: Client> Drop for Closing<'_, Q> {
    fn drop(&mut self) {
        self.0.enter(|shared, now| shared.close(now, true));
    }
}

impl<S: Storage> Shared<'_, S> {
    /// A runner begins. False if there is one.
    fn begin(&mut self, limits: Limits, options: &Options<'_>) -> bool {
        if self.common.is_running {
            return false;
        }
        self.connection.set_limits(limits);
        self.common.is_running = true;
        self.common.is_leaving = false;
        self.common.starts_clean = options.connect.clean_start;
        self.common.fallback = options.fallback().into();
        true
    }

    fn open(&mut self, now: Instant, options: &Options<'_>) -> Result<(), OpenError> {
        self.common.accepted_at = None;
        self.common.waiting.begin(options.blocked_timeout);
        self.tickets.unblock();
        let is_clean = self.common.starts_clean && !self.common.has_begun;
        let properties = options.expiry_property();
        let version = match &self.common.fallback {
            Maybe::Some(fallback) => fallback.version(),
            Maybe::None => options.connect.version,
        };
        self.connection.open(now, &options.connect_with(version, &properties, is_clean))
    }

    /// The transport is gone. Says why, and for how many milliseconds the link stood; `None` if there was no link. One that the program has `dropped` is told
    /// as lost.
    fn close(&mut self, now: Instant, dropped: bool) -> Option<(LinkEnd, u64)> {
        let end = match self.connection.state() {
            State::Closed => return None,
            State::Closing if !dropped => LinkEnd::Connection(self.connection.close_reason()),
            _ => LinkEnd::Transport,
        };
        let is_refused = matches!(self.connection.close_reason(), ConnectionError::Refused(_));
        let lasted = self.common.accepted_at.map(|at| now.millis_since(at));
        if lasted.is_none() && !is_refused {
            self.desired.assume_session_lost();
        }
        let tells_version = lasted.is_some() || !dropped;
        match &mut self.common.fallback {
            Maybe::Some(fallback) if tells_version => {
                self.common.skips_pause |= fallback.link_ended(self.connection.close_reason());
            }
            _ => {}
        }
        self.connection.handle_close(now);
        self.common.tell(Event::Disconnected(end));
        Some((end, lasted.unwrap_or(0)))
    }
}
