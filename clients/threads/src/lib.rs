#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bells;
mod callbacks;
mod client;
mod clock;
mod connack;
mod deliveries;
mod durable;
mod error;
mod introduction;
mod kept;
mod lines;
mod looping;
mod message;
mod network;
mod notice;
mod once;
mod options;
pub mod paho;
pub mod publish;
mod receipts;
mod receiver;
mod replies;
mod requests;
mod shared;
mod state;
pub mod subscribe;
mod ticket;
mod transport;
mod wishes;

pub use pure_mqtt;

pub use callbacks::LogLevel;
pub use client::Client;
pub use connack::ConnAck;
pub use deliveries::Published;
pub use durable::StorageError;
pub use error::{
    ConnectError, LinkEnd, LoopError, NotPublished, PublishError, ReceiveError, SubscribeError, WaitError,
};
pub use message::{Message, OwnedMessage, Received};
pub use once::HelperError;
pub use options::{CleanStart, Options};
pub use pure_mqtt_agent::{Bytes, Qos0Queue, RecoverError, Stats};
#[cfg(feature = "proxy")]
pub use pure_mqtt_net::Proxy;
pub use pure_mqtt_net::store::{Files, Folder, LogFile, StoreError};
pub use pure_mqtt_net::{Failure, Server, ServerError};
#[cfg(feature = "tls")]
pub use pure_mqtt_net::{PemSource, Tls, TlsError, TlsOptions, rustls};
pub use receipts::Receipt;
pub use receiver::{Receiver, ReceiverOptions};
pub use replies::Request;
pub use requests::Subscribed;
pub use ticket::{MessageInfo, Mid};
