//! What receivers and futures hold on to: a client with parameters of the program's own.

use crate::mqtt::Mqtt;

/// A client: any [`Mqtt`], whatever its parameters. Receivers, deliveries and futures name it as their type parameter. Sealed.
pub trait Client: sealed::Access {}

impl<C: sealed::Access> Client for C {}

pub mod sealed {
    use pure_mqtt::{Instant, Storage};

    use super::Mqtt;
    use crate::clock::Clock;
    use crate::shared::Shared;
    use embassy_sync::blocking_mutex::raw::RawMutex;

    pub trait Access {
        type Storage: Storage;
        type Clock: Clock;

        fn clock(&self) -> &Self::Clock;

        /// Does something with what all tasks share, in a critical section. `None` from within another one: a message is being read.
        fn enter<R>(&self, work: impl FnOnce(&mut Shared<'_, Self::Storage>, Instant) -> R) -> Option<R>;
    }

    impl<M, C, S, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize> Access
        for Mqtt<M, C, S, RING, MESSAGES, RECEIVERS, TICKETS>
    where
        M: RawMutex,
        C: Clock,
        S: Storage,
    {
        type Storage = S;
        type Clock = C;

        fn clock(&self) -> &C {
            self.own_clock()
        }

        fn enter<R>(&self, work: impl FnOnce(&mut Shared<'_, S>, Instant) -> R) -> Option<R> {
            let now = self.own_clock().now();
            self.lock(|shared| {
                let done = work(shared, now);
                shared.wake_keeper();
                done
            })
        }
    }
}
