#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod client;
mod clock;
mod copying;
mod error;
mod event;
#[cfg(feature = "flash")]
mod flash;
mod halves;

mod crowd;
mod desired;
mod inbox;
mod incoming;
#[cfg(feature = "flash")]
mod keep;
mod link;
mod maybe;
mod message;
mod mqtt;
#[cfg(feature = "nal")]
pub mod nal;
mod options;
mod outgoing;
mod place;
mod publish;
pub mod ram;
mod receiver;
mod receivers;
mod request;
mod runner;
mod shared;
#[cfg(feature = "flash")]
mod stored;
mod tickets;
mod transport;
mod waiting;

pub use pure_mqtt;

pub use client::Client;
pub use clock::Clock;
#[cfg(feature = "embassy-time")]
pub use clock::EmbassyClock;
pub use embassy_sync::blocking_mutex::raw;
pub use error::{NotDelivered, NotGranted, NotReplied, RunError, SubscribeError};
pub use event::{Event, LinkEnd, Stats};
pub use halves::Halves;

#[cfg(feature = "flash")]
pub use flash::{FlashJournal, JournalError};
pub use message::{Message, Received};
pub use mqtt::Mqtt;
pub use options::{Options, ReceiverOptions};
pub use publish::{Confirmed, Delivery, Flush, Publishing};
#[cfg(feature = "flash")]
pub use pure_mqtt::storage::Journaled;
pub use pure_mqtt::{
    Connect, Fixed, Instant, Limits, Property, Publish, PublishError, QoS, ReasonCode, RxBuffer, Subscription,
    TopicFilter, TopicName, Version, VersionFallback, Will,
};
pub use receiver::{Granted, Receiver, Recv};
pub use request::{Replying, Requester};
pub use runner::Runner;
#[cfg(feature = "flash")]
pub use stored::{DeliveryStored, Stored};
pub use transport::{Split, Transport};
