//! What goes wrong with TLS on the way.

use std::fmt;

use rustls::{AlertDescription, CertificateError, Error, OtherError, PeerIncompatible};

use super::FailureClass;
use crate::tls::CertificateProblem;

/// Why TLS failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The server's certificate is invalid for another reason.
    Certificate(CertificateError),
    /// The server's certificate is self-signed, of X.509 version 1, an authority's own, or not the pinned one.
    Problem(CertificateProblem),
    /// The server's certificate is signed by an authority that is not trusted.
    UnknownIssuer,
    /// The server's certificate is valid for other names only.
    WrongName {
        /// The name that was expected.
        expected: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// The server's certificate has expired.
    Expired {
        /// Its end, in seconds since 1970.
        since: u64,
        /// This machine's clock, in seconds since 1970.
        clock: u64,
    },
    /// The server's certificate is not valid yet.
    NotYetValid {
        /// Its start, in seconds since 1970.
        from: u64,
        /// This machine's clock, in seconds since 1970.
        clock: u64,
    },
    /// The server requires a client certificate, or refused the one it received.
    ClientCertificate(AlertDescription),
    /// The server's data is not TLS.
    NotTls,
    /// Client and server have no TLS version, cipher suite or group in common.
    NothingInCommon,
    /// The server supports none of the protocols offered with ALPN.
    NoProtocol,
    /// The server does not know the name sent to it (SNI).
    UnknownName,
    /// The server sent another alert.
    Alert(AlertDescription),
    /// Another error of rustls.
    Other(Error),
}

impl TlsFailure {
    /// What an error of rustls means.
    pub(crate) fn new(error: Error) -> Self {
        match error {
            Error::InvalidCertificate(reason) => Self::of_certificate(reason),
            Error::AlertReceived(alert) => Self::of_alert(alert),
            Error::InvalidMessage(_) => Self::NotTls,
            Error::PeerIncompatible(PeerIncompatible::ServerSentHelloRetryRequestWithUnknownExtension) => {
                Self::Other(error)
            }
            Error::PeerIncompatible(_) => Self::NothingInCommon,
            Error::NoApplicationProtocol => Self::NoProtocol,
            other => Self::Other(other),
        }
    }

    fn of_certificate(reason: CertificateError) -> Self {
        match &reason {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForNameContext { expected, presented } => Self::WrongName {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| plain_name(name)).collect(),
            },
            CertificateError::ExpiredContext { time, not_after } => {
                Self::Expired { since: not_after.as_secs(), clock: time.as_secs() }
            }
            CertificateError::NotValidYetContext { time, not_before } => {
                Self::NotYetValid { from: not_before.as_secs(), clock: time.as_secs() }
            }
            CertificateError::Other(OtherError(other)) => match (other.downcast_ref(), other.downcast_ref()) {
                (Some(problem), _) => Self::Problem(*problem),
                // By the verifier of a configuration that was not built here.
                (None, Some(webpki::Error::UnsupportedCertVersion)) => Self::Problem(CertificateProblem::Version1),
                (None, _) => Self::Certificate(reason),
            },
            _ => Self::Certificate(reason),
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        use AlertDescription as A;
        match alert {
            A::CertificateRequired | A::AccessDenied | A::UnknownCA => Self::ClientCertificate(alert),
            A::BadCertificate | A::UnsupportedCertificate | A::NoCertificate => Self::ClientCertificate(alert),
            A::CertificateRevoked | A::CertificateExpired | A::CertificateUnknown => Self::ClientCertificate(alert),
            A::ProtocolVersion | A::HandshakeFailure | A::InsufficientSecurity => Self::NothingInCommon,
            A::NoApplicationProtocol => Self::NoProtocol,
            A::UnrecognisedName => Self::UnknownName,
            _ => Self::Alert(alert),
        }
    }

    pub(super) const fn class(&self) -> FailureClass {
        match self {
            Self::Certificate(_) | Self::Problem(_) | Self::UnknownIssuer | Self::WrongName { .. } => {
                FailureClass::Certificate
            }
            Self::Expired { .. } | Self::NotYetValid { .. } => FailureClass::Certificate,
            Self::ClientCertificate(_) => FailureClass::Credentials,
            Self::NotTls | Self::NothingInCommon | Self::NoProtocol | Self::UnknownName => FailureClass::Lasting,
            Self::Alert(_) | Self::Other(_) => FailureClass::Passing,
        }
    }
}

/// `DnsName("a")` without what surrounds the name.
fn plain_name(debugged: &str) -> String {
    debugged.split('"').nth(1).map_or_else(|| debugged.to_owned(), str::to_owned)
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(reason) => {
                let why = Error::InvalidCertificate(reason.clone());
                write!(f, "the server's certificate is refused: {why}")
            }
            Self::Problem(problem) => problem.fmt(f),
            Self::UnknownIssuer => f.write_str(UNKNOWN_ISSUER),
            Self::WrongName { expected, presented } => wrong_name(f, expected, presented),
            Self::Expired { since, clock } => write!(
                f,
                "the server's certificate expired on {}, and this machine's clock says {}: renew the certificate, or set \
                 the clock",
                Day(*since),
                Day(*clock)
            ),
            Self::NotYetValid { from, clock } => write!(
                f,
                "the server's certificate is not valid before {}, and this machine's clock says {}: set the clock",
                Day(*from),
                Day(*clock)
            ),
            Self::ClientCertificate(AlertDescription::CertificateRequired) => f.write_str(CERTIFICATE_REQUIRED),
            Self::ClientCertificate(alert) => write!(
                f,
                "the server does not accept the client's certificate ({alert:?}): set one that it trusts with \
                 `client_certificate`"
            ),
            Self::NotTls => f.write_str(NOT_TLS),
            Self::NothingInCommon => f.write_str(NOTHING_IN_COMMON),
            Self::NoProtocol => f.write_str("the server knows none of the protocols offered by ALPN: check `alpn`"),
            Self::UnknownName => f.write_str(UNKNOWN_NAME),
            Self::Alert(alert) => write!(f, "the server ended TLS: {alert:?}"),
            Self::Other(error) => write!(f, "TLS broke: {error}"),
        }
    }
}

const UNKNOWN_ISSUER: &str = "the server's certificate is signed by an authority that is not trusted: name the authority's \
    certificate with `ca_file`, and have the server send all intermediate certificates";
const CERTIFICATE_REQUIRED: &str = "the server wants a certificate of the client: set one with `client_certificate`";
const NOT_TLS: &str =
    "what the server sent is not TLS: does this port speak TLS? MQTT without TLS is mqtt://, usually port 1883";
const NOTHING_IN_COMMON: &str = "server and client have no version or cipher of TLS in common, or the server wants a client \
    certificate: the server has to offer TLS 1.2 or 1.3";
const UNKNOWN_NAME: &str =
    "the server does not know the name by which it was called: dial it by a name that it has, or set `server_name`";

fn wrong_name(f: &mut fmt::Formatter<'_>, expected: &str, presented: &[String]) -> fmt::Result {
    if presented.is_empty() {
        return write!(
            f,
            "the server's certificate names no host, as a subject alternative name would: make one for {expected} \
             (`-addext subjectAltName=DNS:{expected}`, or `IP:` for an address)"
        );
    }
    write!(
        f,
        "the server's certificate is for {}, not for {expected}: dial the server by such a name, or set `server_name`",
        presented.join(", ")
    )
}

/// A day of the Gregorian calendar, from seconds since 1970.
struct Day(u64);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The years are counted from 1 March of year 0 on, so that a leap day is the last of its year.
        let days = self.0 / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(Day(seconds).to_string(), day);
        }
    }
}
