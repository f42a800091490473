//! The only file that logs: through defmt, through log, or not at all. Without either the arguments are still
//! type-checked.

/// Logs a detail, at level debug.
macro_rules! debug {
    ($($argument:expr),+ $(,)?) => {
        crate::fmt::line!(debug, $($argument),+)
    };
}

/// Logs an event that deserves attention.
macro_rules! alert {
    ($($argument:expr),+ $(,)?) => {
        crate::fmt::line!(warn, $($argument),+)
    };
}

#[cfg(feature = "defmt")]
macro_rules! line {
    ($level:ident, $format:literal $(, $argument:expr)*) => {
        defmt::$level!($format $(, $argument)*)
    };
}

#[cfg(all(feature = "log", not(feature = "defmt")))]
macro_rules! line {
    ($level:ident, $format:literal $(, $argument:expr)*) => {
        log::$level!($format $(, crate::fmt::Shown(&$argument))*)
    };
}

#[cfg(not(any(feature = "log", feature = "defmt")))]
macro_rules! line {
    ($level:ident, $format:literal $(, $argument:expr)*) => {
        { $(let _ = &$argument;)* }
    };
}

pub(crate) use {alert, debug, line};

/// Formats a value by `Debug` where a log line has a plain `{}`.
#[cfg(all(feature = "log", not(feature = "defmt")))]
pub(crate) struct Shown<'a, T>(pub(crate) &'a T);

#[cfg(all(feature = "log", not(feature = "defmt")))]
impl<T: core::fmt::Debug> core::fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}
