//! What a broker keeps when it is restarted.

/// What [`Broker::stop`](crate::Broker::stop) and [`Broker::restart`](crate::Broker::restart) leave of the sessions.
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
    /// Sessions that outlive their connection stay, with their queues, and so do retained messages.
    Sessions,
    /// Sessions and retained messages are lost.
    Nothing,
}
