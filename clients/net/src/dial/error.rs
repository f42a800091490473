//! Why no address was connected.

use std::fmt;
use std::net::SocketAddr;

use crate::failure::FailureClass;

/// Why a [`DialPlan`](crate::DialPlan) failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DialError<E> {
    /// The plan has no address.
    NoAddress,
    /// All addresses failed.
    AllFailed {
        /// The address that failed first, and why.
        first: (SocketAddr, E),
        /// The address that failed last, and why; the same one if there is only one.
        last: (SocketAddr, E),
        /// The number of addresses.
        count: usize,
    },
    /// The deadline has passed.
    TimedOut {
        /// The address that failed last before, and why.
        last: Option<(SocketAddr, E)>,
    },
}

impl<E> DialError<E> {
    /// Returns [`FailureClass::Passing`]: networks recover.
    pub const fn class(&self) -> FailureClass {
        FailureClass::Passing
    }
}

impl<E: fmt::Display> fmt::Display for DialError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => {
                f.write_str("the server's name has no address: check its spelling, and the network's name server")
            }
            Self::AllFailed { first: (address, why), count: 1, .. } => write!(f, "{address} cannot be reached: {why}"),
            Self::AllFailed { first, last, count } => write!(
                f,
                "none of {count} addresses can be reached: first {} ({}), last {} ({})",
                first.0, first.1, last.0, last.1
            ),
            Self::TimedOut { last: None } => f.write_str("no address of the server answered in time"),
            Self::TimedOut { last: Some((address, why)) } => {
                write!(f, "no address of the server answered in time; {address} failed before: {why}")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for DialError<E> {}
