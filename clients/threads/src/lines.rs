//! Lines for the log: to the program's callback, and to the facades that were chosen.

use crate::callbacks::{Callbacks, LogLevel};
use crate::client::Client;

/// What the lines are about, for the filters of the facades.
#[cfg(any(feature = "log", feature = "tracing"))]
const TARGET: &str = "pure_mqtt_client";

/// Tells a line to everybody who listens. No lock is held.
pub(crate) fn tell(client: &Client, level: LogLevel, line: &str) {
    #[cfg(feature = "log")]
    log::log!(target: TARGET, log_level(level), "{line}");
    #[cfg(feature = "tracing")]
    match level {
        LogLevel::Debug => tracing::debug!(target: TARGET, "{line}"),
        LogLevel::Info => tracing::info!(target: TARGET, "{line}"),
        LogLevel::Warning => tracing::warn!(target: TARGET, "{line}"),
        LogLevel::Error => tracing::error!(target: TARGET, "{line}"),
    }
    client.shared.callbacks.on_log(client, level, line);
}

/// Whether anybody wants a line for each packet.
pub(crate) fn are_packets_wanted(callbacks: &Callbacks, lowest: LogLevel) -> bool {
    if lowest > LogLevel::Debug {
        return false;
    }
    #[cfg(feature = "log")]
    if log::log_enabled!(target: TARGET, log::Level::Debug) {
        return true;
    }
    #[cfg(feature = "tracing")]
    if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        return true;
    }
    callbacks.has_log()
}

#[cfg(feature = "log")]
const fn log_level(level: LogLevel) -> log::Level {
    match level {
        LogLevel::Debug => log::Level::Debug,
        LogLevel::Info => log::Level::Info,
        LogLevel::Warning => log::Level::Warn,
        LogLevel::Error => log::Level::Error,
    }
}
