//! What receivers and futures hold on to: a client with parameters of the program's own.

/// Any [`Mqtt`](crate::Mqtt), whatever its parameters. It is the type parameter of receivers, deliveries and futures. Sealed.
///
/// ```
/// use pure_mqtt_embassy::{Client, Receiver};
///
/// /// Works with a client of any size.
/// async fn next_number(receiver: &mut Receiver<'_, impl Client>) -> Option<i32> {
///     let message = receiver.recv().await;
///     message.read(|message| message.text()?.parse().ok()).flatten()
/// }
/// ```
pub trait Client: sealed::Access {}

impl<C: sealed::Access> Client for C {}

pub mod sealed {
    use pure_mqtt::{Instant, Storage};

    use crate::clock::Clock;
    use crate::shared::Shared;
    use embassy_sync::blocking_mutex::raw::RawMutex;

    pub trait Access {
        type Mutex: RawMutex;
        type Storage: Storage;
        type Clock: Clock;

        fn clock(&self) -> &Self::Clock;

        /// Does something with what all tasks share, in a critical section. `None` from within another one: a message is being read.
        fn enter<R>(&self, work: impl FnOnce(&mut Shared<'_, Self::Storage>, Instant) -> R) -> Option<R>;
    }
}
