//! Futures of what is on its way to flash.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;
use pure_mqtt::Storage;

use crate::client::Client;
use crate::clock::Clock;
use crate::mqtt::Mqtt;
use crate::publish::{Delivery, Place, again};

impl<M, C, S, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize>
    Mqtt<M, C, S, RING, MESSAGES, RECEIVERS, TICKETS>
where
    M: RawMutex,
    C: Clock,
    S: Storage,
{
    /// Waits until everything that has happened to the session is in flash: accepted messages, and acknowledgements. Returns at once if the storage keeps no
    /// journal. The future may be dropped; call the method again then.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Journaled, Mqtt};
    ///
    /// type Storage = Journaled<Fixed<1024, 8, 8, 128>, 320>;
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Storage, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Journaled::new(Fixed::new()));
    ///
    /// /// Before the power is switched off.
    /// async fn switch_off(switch: impl FnOnce()) {
    ///     MQTT.stored().await;
    ///     switch();
    /// }
    /// ```
    pub const fn stored(&self) -> Stored<'_, Self> {
        Stored { place: Place { mqtt: self, ticket: None } }
    }
}

impl<'m, Q: Client> Delivery<'m, Q> {
    /// Waits until the message is in flash, where it survives a loss of power, or its result is known. Returns at once at QoS 0: such messages are not kept. The
    /// future may be dropped; call the method again then.
    ///
    /// ```
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, Journaled, Mqtt, Publish, PublishError, QoS, TopicName};
    ///
    /// type Storage = Journaled<Fixed<1024, 8, 8, 128>, 320>;
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Storage, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Journaled::new(Fixed::new()));
    ///
    /// /// Returns once no loss of power can lose the message.
    /// async fn report(reading: &[u8]) -> Result<(), PublishError> {
    ///     let topic = TopicName::from_static("plant/boiler/temperature");
    ///     let mut delivery = MQTT.publish(&Publish::new(topic, reading).qos(QoS::ExactlyOnce)).await?;
    ///     delivery.stored().await;
    ///     Ok(())
    /// }
    /// ```
    pub const fn stored(&mut self) -> DeliveryStored<'_, 'm, Q> {
        DeliveryStored { place: &mut self.place }
    }
}

/// The future of [`Mqtt::stored`].
///
/// ```
/// use pure_mqtt_embassy::{Client, Stored};
///
/// async fn before_reset(stored: Stored<'_, impl Client>, reset: impl FnOnce()) {
///     stored.await;
///     reset();
/// }
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct Stored<'m, Q: Client> {
    place: Place<'m, Q>,
}

impl<Q: Client> Future for Stored<'_, Q> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Place { mqtt, ticket } = &mut self.get_mut().place;
        let polled = mqtt.enter(|shared, _| {
            if ticket.is_none() {
                if shared.is_stored() {
                    return Poll::Ready(());
                }
                *ticket = shared.tickets.store(context);
            }
            let Some(ticket) = *ticket else { return Poll::Pending };
            shared.tickets.poll_end(ticket, context).map(|_| ())
        });
        polled.unwrap_or_else(|| again(context))
    }
}

/// The future of [`Delivery::stored`].
///
/// ```
/// use pure_mqtt_embassy::{Client, Delivery, DeliveryStored};
///
/// fn in_flash<'d, 'm, Q: Client>(delivery: &'d mut Delivery<'m, Q>) -> DeliveryStored<'d, 'm, Q> {
///     delivery.stored()
/// }
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct DeliveryStored<'d, 'm, Q: Client> {
    place: &'d mut Place<'m, Q>,
}

impl<Q: Client> Future for DeliveryStored<'_, '_, Q> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Place { mqtt, ticket } = &*self.get_mut().place;
        let Some(ticket) = *ticket else { return Poll::Ready(()) };
        let polled = mqtt.enter(|shared, _| {
            let Some(message) = shared.tickets.message(ticket) else { return Poll::Ready(()) };
            if shared.connection.is_durable(message) && !shared.common.is_held {
                return Poll::Ready(());
            }
            shared.tickets.register(ticket, context);
            Poll::Pending
        });
        polled.unwrap_or_else(|| again(context))
    }
}
