//! The time, and waiting for it.

use core::future::Future;

use pure_mqtt::Instant;

/// A monotonic clock in milliseconds that tasks can wait on.
///
/// With the feature `embassy-time` (on by default) use [`EmbassyClock`](crate::EmbassyClock). Without it, implement the trait:
///
/// ```
/// use pure_mqtt_embassy::{Clock, Instant};
///
/// struct Rtc;
///
/// impl Clock for Rtc {
///     fn now(&self) -> Instant {
///         Instant::from_millis(0) // read the counter here
///     }
///
///     async fn wait_until(&self, _at: Instant) {
///         // and wait for its alarm here
///     }
/// }
/// ```
pub trait Clock {
    /// Returns the time. If it goes back, the client goes on with the latest time it has seen.
    ///
    /// ```
    /// use pure_mqtt_embassy::{Clock, Instant};
    ///
    /// fn seconds_since(clock: &impl Clock, start: Instant) -> u64 {
    ///     clock.now().millis_since(start) / 1_000
    /// }
    /// ```
    fn now(&self) -> Instant;

    /// Waits until `at`. Returns at once if that time has passed. The future may be dropped at any poll.
    ///
    /// ```
    /// use pure_mqtt_embassy::Clock;
    ///
    /// async fn a_second(clock: &impl Clock) {
    ///     clock.wait_until(clock.now().after_millis(1_000)).await;
    /// }
    /// ```
    fn wait_until(&self, at: Instant) -> impl Future<Output = ()>;
}

/// The clock of embassy-time.
///
/// ```
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{Clock as _, EmbassyClock, Fixed, Instant, Mqtt};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// /// The time since the start, as the client sees it.
/// fn uptime() -> Instant {
///     EmbassyClock.now()
/// }
/// ```
#[cfg(feature = "embassy-time")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EmbassyClock;

#[cfg(feature = "embassy-time")]
impl Clock for EmbassyClock {
    fn now(&self) -> Instant {
        Instant::from_millis(embassy_time::Instant::now().as_millis())
    }

    async fn wait_until(&self, at: Instant) {
        embassy_time::Timer::at(embassy_time::Instant::from_millis(at.as_millis())).await;
    }
}
