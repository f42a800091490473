//! Running the client: its links, and what it tells about them.

use core::future::Future;

use embassy_sync::blocking_mutex::raw::RawMutex;
use pure_mqtt::{Disconnect, RxBuffer, Storage};

use super::Mqtt;
use crate::client::sealed::Access;
use crate::clock::Clock;
use crate::error::RunError;
use crate::event::{Event, Stats};
use crate::options::Options;
use crate::runner::Runner;
use crate::transport::Transport;

impl<M, C, S, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize>
    Mqtt<M, C, S, RING, MESSAGES, RECEIVERS, TICKETS>
where
    M: RawMutex,
    C: Clock,
    S: Storage,
{
    /// Connects, and reconnects whenever the link ends, until [`disconnect`](Self::disconnect). Exactly one task calls it.
    ///
    /// `dial` connects a transport. `random` returns random numbers, which spread the delays between links. Bytes from the server stay in `rx` until their packet is
    /// complete; messages that are longer are discarded (see [`Options::limits`]).
    ///
    /// The client counts as running from this call on, until the future is dropped or ready. With constant options, code for limits that they do not use is not
    /// linked.
    ///
    /// If a transport borrows what the next one needs, write the loop yourself with a [`Runner`].
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{Connect, EmbassyClock, Fixed, Mqtt, Options, RunError, RxBuffer, Transport, Version};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// /// The task that keeps the client connected.
    /// async fn connection<T: Transport, E>(
    ///     dial: impl AsyncFnMut() -> Result<T, E>,
    ///     random: impl FnMut() -> u32,
    /// ) -> Result<(), RunError> {
    ///     let options = Options::new(Connect::new(Version::V5, "boiler-1"));
    ///     MQTT.run(&mut RxBuffer::<256>::new(), &options, random, dial).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`RunError`]. A link that fails is not an error but an event.
    pub fn run<'r, const PACKET: usize, T: Transport, E>(
        &'r self,
        rx: &'r mut RxBuffer<PACKET>,
        options: &'r Options<'r>,
        mut random: impl FnMut() -> u32,
        mut dial: impl AsyncFnMut() -> Result<T, E>,
    ) -> impl Future<Output = Result<(), RunError>> {
        // Outside of the future constant options are still constants: what they leave out of the engine is not linked.
        let runner = self.runner(rx, options);
        async move {
            let mut runner = runner?;
            while !runner.is_done() {
                if let Some(transport) = runner.dial(&mut dial).await {
                    runner.link(transport).await?;
                }
                runner.pause(random()).await;
            }
            Ok(())
        }
    }

    /// Returns a [`Runner`], for programs that write the loop of [`run`](Self::run) themselves.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{Connect, EmbassyClock, Fixed, Mqtt, Options, RunError, RxBuffer, Version};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// fn main() {
    ///     let (mut rx, mut other) = (RxBuffer::<256>::new(), RxBuffer::<256>::new());
    ///     let options = Options::new(Connect::new(Version::V5, "boiler-1"));
    ///     let runner = MQTT.runner(&mut rx, &options);
    ///     assert!(runner.is_ok());
    ///     assert_eq!(MQTT.runner(&mut other, &options).err(), Some(RunError::AlreadyRunning));
    /// }
    /// ```
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

    /// Sends DISCONNECT at once and ends the link; then [`run`](Self::run) returns. Unfinished messages stay for the next `run`. To deliver them first, wait for
    /// [`flush`](Self::flush). Does nothing while no task runs the client.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// /// For the handler of a switch: it does not wait.
    /// fn switched_off() {
    ///     MQTT.disconnect();
    /// }
    ///
    /// fn main() {
    ///     switched_off();
    /// }
    /// ```
    pub fn disconnect(&self) {
        self.enter(|shared, now| {
            shared.common.is_leaving = shared.common.is_running;
            let _ = shared.connection.disconnect(now, &Disconnect::default()); // without properties there is nothing to refuse
            shared.common.nudge();
        });
    }

    /// Waits for the next event. At most four events are kept; then the oldest is dropped.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Event, Fixed, Mqtt};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// /// Waits for the server.
    /// async fn connected() {
    ///     while !matches!(MQTT.event().await, Event::Connected(_)) {}
    /// }
    /// ```
    pub async fn event(&self) -> Event {
        core::future::poll_fn(|context| {
            let polled = self.enter(|shared, _| shared.common.poll_event(context));
            polled.unwrap_or_else(|| crate::publish::again(context))
        })
        .await
    }

    /// Returns whether there is a link that the server has accepted.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// fn main() {
    ///     assert!(!MQTT.is_connected()); // no task runs it
    /// }
    /// ```
    pub fn is_connected(&self) -> bool {
        self.enter(|shared, _| shared.connection.is_connected()).unwrap_or(false)
    }

    /// Returns the counters.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt};
    ///
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
    ///
    /// fn main() {
    ///     assert_eq!(MQTT.stats().links, 0);
    /// }
    /// ```
    pub fn stats(&self) -> Stats {
        self.enter(|shared, _| shared.common.stats).unwrap_or_default()
    }
}
