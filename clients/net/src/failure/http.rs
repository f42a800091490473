//! Answers of HTTP that are not the one hoped for.

use std::fmt;
use std::time::Duration;

use super::FailureClass;

/// Why an HTTP response cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpProblem {
    /// The response is not HTTP/1.
    NotHttp,
    /// The head is longer than 16 KiB, or has more than 64 headers.
    TooLong,
}

/// An HTTP response with an unexpected status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpStatus {
    /// The status code, from 100 to 999.
    pub code: u16,
    /// The `Location` header without parameters, at most 200 characters.
    pub location: Option<String>,
    /// The `Retry-After` header, if it is in seconds.
    pub retry_after: Option<Duration>,
}

impl HttpStatus {
    /// Returns the class of failure that the code stands for.
    pub(super) const fn class(&self) -> FailureClass {
        match self.code {
            401 | 403 | 407 => FailureClass::Credentials,
            408 | 425 | 429 | 500.. => FailureClass::Passing,
            _ => FailureClass::Lasting,
        }
    }
}

impl fmt::Display for HttpProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "an answer that is not HTTP",
            Self::TooLong => "an answer with more than 16 KiB or 64 lines of headers",
        })
    }
}
