//! The broker of the project's tests behind a TCP socket, for the client's examples and tests. The sources are those of the engine's own
//! tests and examples: nothing is written twice.

#[path = "../../../../tests/common/broker/mod.rs"]
pub mod broker;
#[path = "../../../../examples/quickstart/loopback.rs"]
mod loopback;

pub use loopback::Loopback;
