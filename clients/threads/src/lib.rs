#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod ack_tokens;
mod bells;
mod callbacks;
mod client;
mod clock;
mod connack;
mod deliveries;
mod durable;
mod error;
mod intent;
mod kept;
mod lines;
mod looping;
mod message;
mod network;
mod notification;
mod once;
mod options;
mod owned_connect;
pub mod paho;
pub mod publish;
mod receiver;
mod replies;
mod requests;
mod shared;
mod state;
pub mod subscribe;
mod ticket;
mod transport;

pub use pure_mqtt;

pub use ack_tokens::AckToken;
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
pub use receiver::{Receiver, ReceiverOptions};
pub use replies::Request;
pub use requests::Subscribed;
pub use ticket::{MessageInfo, Mid};
