#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod client;
mod clock;
mod delivery;
mod dial;
#[cfg(feature = "srv")]
mod dns;
mod driver;
mod error;
pub mod guide;
mod link;
mod message;
mod options;
mod pauses;
mod request;
mod resolve;
mod room;
mod shared;
#[cfg_attr(not(feature = "tracing"), path = "no_spans.rs")]
mod spans;
mod state;
mod storage;
mod stream;
mod subscription;
mod timer;
#[cfg_attr(not(feature = "trace-context"), path = "no_trace_context.rs")]
mod trace_context;

pub use pure_mqtt;

pub use client::Client;
pub use delivery::Delivery;
pub use dial::Transport;
pub use driver::Driver;
pub use error::{NotDelivered, NotGranted, OpenError, PublishError, RequestError, SubscribeError};
pub use message::Message;
pub use options::Options;
pub use pure_mqtt::{QoS, ReasonCode, Risk, Version};
pub use pure_mqtt_agent::{
    AckMode, AckResult, Bytes, CleanStart, Denied, End, Event, FilterOptions, LinkEnd, Login, Milestone,
    OnStoreFailure, Outgoing, Qos0Queue, RecoverError, Redirects, Refusal, SessionFate, Stats, Ticket, Will,
    encode_properties,
};
#[cfg(feature = "proxy")]
pub use pure_mqtt_net::Proxy;
pub use pure_mqtt_net::store::StoreError;
pub use pure_mqtt_net::{Endpoint, Server, ServerError};
#[cfg(feature = "tls")]
pub use pure_mqtt_net::{PemSource, Tls, TlsError, TlsOptions, rustls};
pub use resolve::SrvRecord;
pub use subscription::{Subscription, SubscriptionOptions};
#[cfg(feature = "trace-context")]
pub use trace_context::{TraceContext, TraceParentError};
