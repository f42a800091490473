//! Servers listed in SRV records (RFC 2782).

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use pure_mqtt_agent::{FailureClass, SrvTarget};
use pure_mqtt_net::{Endpoint, Server};
use tokio::time::{Instant, timeout_at};

use crate::dial::DialFailure;
#[cfg(feature = "srv")]
use crate::dns::look_up;

/// An SRV record (RFC 2782): one server of a service.
///
/// ```
/// use pure_mqtt_tokio::SrvRecord;
///
/// fn main() {
///     let spare = SrvRecord { priority: 20, ..SrvRecord::new("spare.example.com", 1883) };
///     assert_eq!((spare.weight, spare.ttl.as_secs()), (0, 60));
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrvRecord {
    /// The host, a name or an address. Records whose host contains other characters than letters, digits and `-._:` are ignored; so are records with the host `.`, which means
    /// that the service does not exist.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Records with a lower number are tried first.
    pub priority: u16,
    /// Among records of one priority, those with a greater weight are more likely to come first.
    pub weight: u16,
    /// How long the record is valid. When the shortest of all records has passed, the records are looked up again before the next dial.
    pub ttl: Duration,
}

impl SrvRecord {
    /// Creates a record with priority 0, weight 0 and a TTL of 60 seconds.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, priority: 0, weight: 0, ttl: Duration::from_secs(60) }
    }

    /// Returns whether the host is one that can be dialled.
    fn has_host(&self) -> bool {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        self.host.bytes().all(is_allowed) && self.host.bytes().any(|byte| byte != b'.')
    }

    pub(crate) fn target(&self) -> SrvTarget<'_> {
        let host = self.host.strip_suffix('.').unwrap_or(&self.host);
        SrvTarget { host, port: self.port, priority: self.priority, weight: self.weight }
    }
}

type Records = Pin<Box<dyn Future<Output = io::Result<Vec<SrvRecord>>> + Send>>;
pub(crate) type Resolver = Arc<dyn Fn(String) -> Records + Send + Sync>;

/// Returns the records of a server.
///
/// # Errors
/// There are no records, or the look-up did not complete by `deadline`.
pub(crate) async fn resolve(
    server: Server,
    resolver: Option<Resolver>,
    deadline: Option<Instant>,
) -> Result<Vec<SrvRecord>, DialFailure> {
    let name = name_of(&server).ok_or_else(|| lasting("a Unix socket has no SRV records"))?;
    let asking = async {
        match resolver {
            Some(resolver) => resolver(name.clone()).await,
            None => look_up(name.clone()).await,
        }
    };
    let answer = match deadline {
        Some(deadline) => timeout_at(deadline, asking).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())),
        None => asking.await,
    };
    let records = answer.map_err(|error| {
        let class = if error.kind() == ErrorKind::Unsupported { FailureClass::Lasting } else { FailureClass::Passing };
        let why = format!("the SRV records of {name} could not be looked up: {error}");
        DialFailure { class, why, retry_after: None }
    })?;
    let records: Vec<_> = records.into_iter().filter(SrvRecord::has_host).collect();
    match records.is_empty() {
        true => Err(DialFailure::passing(&format!("{name} has no SRV records of a server"))),
        false => Ok(records),
    }
}

/// Returns for how many seconds the records are valid.
pub(crate) fn ttl(records: &[SrvRecord]) -> u32 {
    let shortest = records.iter().map(|record| record.ttl.as_secs()).min().unwrap_or_default();
    u32::try_from(shortest).unwrap_or(u32::MAX)
}

/// Returns the name to look up: the service's name, or the host itself if it is such a name already.
fn name_of(server: &Server) -> Option<String> {
    match server.endpoint() {
        Endpoint::Tcp { host, .. } if host.starts_with('_') => Some(host.clone()),
        Endpoint::Tcp { host, .. } if server.is_private() => Some(format!("_secure-mqtt._tcp.{host}")),
        Endpoint::Tcp { host, .. } => Some(format!("_mqtt._tcp.{host}")),
        Endpoint::Unix(_) => None,
    }
}

fn lasting(why: &str) -> DialFailure {
    DialFailure { class: FailureClass::Lasting, why: why.into(), retry_after: None }
}

#[cfg(not(feature = "srv"))]
async fn look_up(_: String) -> io::Result<Vec<SrvRecord>> {
    let why =
        "this program has no resolver: enable the feature `srv` of pure-mqtt-tokio, or set one with Options::resolver";
    Err(io::Error::new(ErrorKind::Unsupported, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        url.parse().unwrap()
    }

    #[test]
    fn the_name_says_the_service_and_a_name_of_a_service_stays() {
        assert_eq!(name_of(&server("mqtt://example.com")).unwrap(), "_mqtt._tcp.example.com");
        #[cfg(feature = "tls")]
        assert_eq!(name_of(&server("mqtts://example.com")).unwrap(), "_secure-mqtt._tcp.example.com");
        assert_eq!(name_of(&server("mqtt://_my._tcp.example.com")).unwrap(), "_my._tcp.example.com");
        assert_eq!(name_of(&server("unix:/run/mqtt")), None);
    }

    async fn resolved(hosts: &'static [&str]) -> Result<Vec<SrvRecord>, DialFailure> {
        let resolver: Resolver =
            Arc::new(|_| Box::pin(async { Ok(hosts.iter().map(|host| SrvRecord::new(*host, 1)).collect()) }));
        resolve(server("mqtt://example.com"), Some(resolver), None).await
    }

    #[tokio::test]
    async fn hosts_that_are_none_are_left_out() {
        let records = resolved(&["a.example.com.", ".", "", "a\r\nHost: b", "::1", "a/b@c"]).await.ok().unwrap();
        let hosts: Vec<_> = records.iter().map(|record| record.target().host).collect();
        assert_eq!(hosts, ["a.example.com", "::1"]);
        let none = resolved(&["."]).await.err().unwrap();
        assert_eq!(none.why, "_mqtt._tcp.example.com has no SRV records of a server");
    }

    #[cfg(not(feature = "srv"))]
    #[tokio::test]
    async fn without_a_resolver_the_remedy_is_told() {
        let failure = resolve(server("mqtt://example.com"), None, None).await.err().unwrap();
        assert_eq!(failure.class, FailureClass::Lasting);
        assert!(failure.why.contains("Options::resolver"), "{}", failure.why);
    }

    #[test]
    fn the_shortest_ttl_counts() {
        let short = SrvRecord { ttl: Duration::from_millis(3_999), ..SrvRecord::new("a", 1) };
        assert_eq!(ttl(&[SrvRecord::new("b", 1), short]), 3);
        assert_eq!(ttl(&[SrvRecord { ttl: Duration::MAX, ..SrvRecord::new("a", 1) }]), u32::MAX);
    }
}
