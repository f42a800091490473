//! TCP connections and host names over a network stack of `embedded-nal-async` (feature `nal`).

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use embedded_nal_async::{AddrType, Dns, TcpConnect};

/// Connects to a server by TCP. `host` is an IP address, or a name that `dns` resolves. If the connection to the name's first address fails, the first address
/// of the other family (IPv4 or IPv6) is tried.
///
/// ```
/// use embedded_nal_async::{Dns, TcpConnect};
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{Connect, EmbassyClock, Fixed, Mqtt, Options, RunError, RxBuffer, Version, nal};
///
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Fixed::new());
///
/// /// `TcpClient` and `DnsSocket` of embassy-net are such a `tcp` and `dns`.
/// async fn connection(tcp: &impl TcpConnect, dns: &impl Dns, random: impl FnMut() -> u32) -> Result<(), RunError> {
///     let options = Options::new(Connect::new(Version::V5, "boiler-1"));
///     let mut rx = RxBuffer::<256>::new();
///     MQTT.run(&mut rx, &options, random, async || nal::dial(tcp, dns, "broker.example", 1883).await).await
/// }
/// ```
///
/// # Errors
/// [`DialError`]
pub async fn dial<'t, T: TcpConnect, D: Dns>(
    tcp: &'t T,
    dns: &D,
    host: &str,
    port: u16,
) -> Result<T::Connection<'t>, DialError<T::Error, D::Error>> {
    if let Some(address) = ip_address(host) {
        return tcp.connect(SocketAddr::new(address, port)).await.map_err(DialError::Connect);
    }
    let first = dns.get_host_by_name(host, AddrType::Either).await.map_err(DialError::Name)?;
    let failed = match tcp.connect(SocketAddr::new(first, port)).await {
        Ok(connection) => return Ok(connection),
        Err(failed) => DialError::Connect(failed),
    };
    let other = if first.is_ipv4() { AddrType::IPv6 } else { AddrType::IPv4 };
    match dns.get_host_by_name(host, other).await {
        Ok(second) if second != first => tcp.connect(SocketAddr::new(second, port)).await.map_err(DialError::Connect),
        _ => Err(failed),
    }
}

/// A function of its own, since it is the only one with a panic: the standard library's parser has some that never happen.
#[inline(never)]
fn ip_address(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

/// Why [`dial`] failed, with the error of the network stack.
///
/// ```
/// use pure_mqtt_embassy::nal::DialError;
///
/// /// Whether another attempt may go better.
/// fn is_passing<C, N>(error: &DialError<C, N>) -> bool {
///     matches!(error, DialError::Connect(_))
/// }
///
/// fn main() {
///     let error: DialError<(), &str> = DialError::Name("no such host");
///     assert!(!is_passing(&error));
///     assert_eq!(error.to_string(), r#"the server's name has no address: "no such host""#);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DialError<C, N> {
    /// The name could not be resolved.
    Name(N),
    /// The connection failed.
    Connect(C),
}

impl<C: fmt::Debug, N: fmt::Debug> fmt::Display for DialError<C, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => write!(f, "the server's name has no address: {error:?}"),
            Self::Connect(error) => write!(f, "the server can't be reached: {error:?}"),
        }
    }
}

impl<C: fmt::Debug, N: fmt::Debug> core::error::Error for DialError<C, N> {}
