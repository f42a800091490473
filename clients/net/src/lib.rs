#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod coalescing;
mod dial;
mod failure;
mod secret;
mod server;
mod stack;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "tls")]
mod tls;

pub use bytes;
#[cfg(feature = "tls")]
pub use rustls;

pub use dial::{DialError, DialPlan, DialStep};
#[cfg(feature = "tls")]
pub use failure::TlsFailure;
pub use failure::{Failure, FailureClass, Stage};
#[cfg(feature = "websocket")]
pub use failure::{FrameProblem, WebSocketFailure};
#[cfg(any(feature = "proxy", feature = "websocket"))]
pub use failure::{HttpProblem, HttpStatus};
#[cfg(feature = "proxy")]
pub use failure::{ProxyFailure, SocksReply};
#[cfg(feature = "proxy")]
pub use server::Proxy;
pub use server::{Credentials, Endpoint, Server, ServerError};
pub use stack::{Closed, Stack};
#[cfg(feature = "tls")]
pub use tls::{CertificateProblem, Fingerprint, PemSource, Tls, TlsError, TlsOptions};
