//! What a broker keeps across a restart.

/// What [`Broker::stop`](crate::Broker::stop) and [`Broker::restart`](crate::Broker::restart) keep of sessions and retained messages.
///
/// ```
/// use pure_mqtt_test_broker::{Broker, Keep};
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     broker.restart(Keep::Nothing)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Keep {
    /// Sessions that outlive their connection are kept with their queues, and so are retained messages.
    Sessions,
    /// Sessions and retained messages are lost.
    Nothing,
}
