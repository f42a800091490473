//! Lines for the `log` facade. Without the feature they cost nothing, and are checked all the same.

/// What happens to links, once each.
macro_rules! info {
    ($($part:tt)*) => {
        #[cfg(feature = "log")]
        log::info!(target: "pure_mqtt_agent", $($part)*);
        #[cfg(not(feature = "log"))]
        if false {
            let _ = core::format_args!($($part)*);
        }
    };
}

pub(crate) use info;
