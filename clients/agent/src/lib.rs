//! A sans-IO MQTT client.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod agent;
mod dialling;
mod durable;
mod event;
mod ids;
mod inbox;
mod message;
mod options;
mod properties;
mod receiving;
mod sending;
mod stats;
mod ticket;

pub use bytes::Bytes;
pub use pure_mqtt::{Instant, QoS, ReasonCode, Risk, Transmit, Version};

pub use self::agent::{AckResult, Agent};
pub use self::dialling::SrvTarget;
pub use self::durable::RecoverError;
pub use self::event::{Action, Event, FailureClass, Host, LinkEnd, SessionFate, Wake};
pub use self::ids::{AckToken, LinkId, Realm, Receiver, ServerId, Ticket};
pub use self::message::{Incoming, Outgoing};
pub use self::options::{CleanStart, Login, OnStoreFailure, Options, Redial, Redirects, Server, Will};
pub use self::receiving::{AckMode, FilterOptions, Qos0Queue, Undelivered};
pub use self::stats::Stats;
pub use self::ticket::{Accepted, Denied, End, Milestone, PublishLimit, Refusal, Rejected};
