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
    /// Connects, and connects again whenever the link ends, until [`disconnect`](Self::disconnect). Exactly one task does this.
    ///
    /// `dial` brings a transport up. `random` gives the numbers that spread the pauses between links. Bytes from the server lie in `rx` until their packet
    /// is complete: longer messages are discarded (see [`Options::limits`]).
    ///
    /// Where a transport borrows what is needed for the next one, write the loop yourself with a [`Runner`].
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
    /// [`RunError`]; links that fail are no errors, but events.
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

    /// What [`run`](Self::run) is made of, for programs that write the loop themselves.
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

    /// Ends the link with DISCONNECT, at once, and then [`run`](Self::run). What is unfinished stays, for the next `run`. To leave gracefully wait for
    /// [`flush`](Self::flush) first. Does nothing while nobody runs the client.
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

    /// Waits for the next event. At most four wait to be fetched; the oldest gives way.
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

    /// Whether the server has accepted a link, and it is up.
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
    ///     assert!(!MQTT.is_connected()); // nobody runs it
    /// }
    /// ```
    pub fn is_connected(&self) -> bool {
        self.enter(|shared, _| shared.connection.is_connected()).unwrap_or(false)
    }

    /// What was counted so far.
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
