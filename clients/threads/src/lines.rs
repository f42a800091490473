//! Log lines: for the program's callback, and for the facades of the features `log` and `tracing`.

use crate::callbacks::{Callbacks, LogLevel};
use crate::client::Client;

/// The target of the lines, for the filters of the facades.
#[cfg(any(feature = "log", feature = "tracing"))]
const TARGET: &str = "pure_mqtt_client";

/// Reports a line to all of them. No lock is held.
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

/// Returns whether lines for packets are needed.
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
