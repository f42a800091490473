//! One receiver in the table of receivers.

use embassy_sync::waitqueue::WakerRegistration;
use pure_mqtt::{QoS, RetainHandling, Subscription, TopicFilter};

use crate::options::ReceiverOptions;

/// One place in the table.
pub struct Place {
    /// `None` for a free place, which is all zeros.
    pub filter: Option<TopicFilter<'static>>,
    qos: QoS,
    no_local: bool,
    retain_as_published: bool,
    retain_handling: RetainHandling,
    pub options: ReceiverOptions,
    /// The receiver holds the oldest of its messages.
    pub is_reading: bool,
    pub waker: WakerRegistration,
}

impl Place {
    pub const FREE: Self = Self {
        filter: None,
        qos: QoS::AtMostOnce,
        no_local: false,
        retain_as_published: false,
        retain_handling: RetainHandling::Send,
        options: ReceiverOptions::new(),
        is_reading: false,
        waker: WakerRegistration::new(),
    };

    pub const fn new(subscription: &Subscription<'static>, options: ReceiverOptions) -> Self {
        let Subscription { filter, qos, no_local, retain_as_published, retain_handling, .. } = *subscription;
        let waker = WakerRegistration::new();
        let (filter, is_reading) = (Some(filter), false);
        Self { filter, qos, no_local, retain_as_published, retain_handling, options, is_reading, waker }
    }

    pub fn subscription(&self) -> Option<Subscription<'static>> {
        let subscription = Subscription::new(self.filter?, self.qos)
            .no_local(self.no_local)
            .retain_as_published(self.retain_as_published)
            .retain_handling(self.retain_handling);
        Some(subscription)
    }
}

/// The bit that stands for a receiver.
pub const fn bit(place: usize) -> u32 {
    1 << (place & 31)
}
