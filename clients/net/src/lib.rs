#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod secret;
mod server;
#[cfg(feature = "tls")]
mod tls;

#[cfg(feature = "proxy")]
pub use server::Proxy;
pub use server::{Credentials, Endpoint, Server, ServerError};
#[cfg(feature = "tls")]
pub use tls::Tls;
