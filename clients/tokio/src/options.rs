//! Client settings.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pure_mqtt::{Limits, Version};
use pure_mqtt_agent::{CleanStart, Login, Realm, Redial, Server as AgentServer, Will};
use pure_mqtt_net::Server;

use crate::clock::{millis, random};
use crate::dial::{Boxed, Connector, Credentials, Transport};
use crate::resolve::{Resolver, SrvRecord};
use crate::trace_context::Source;

/// The settings of a client.
///
/// ```
/// use std::time::Duration;
///
/// use pure_mqtt_tokio::Options;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let options = Options::new("gateway-7")
///         .server("mqtt://localhost:1883".parse()?)
///         .keep_alive(30)
///         .reconnect_delay(Duration::from_millis(500), Duration::from_secs(60));
///     println!("{options:?}");
///     Ok(())
/// }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Options {
    pub(crate) agent: pure_mqtt_agent::Options,
    pub(crate) servers: Vec<Listed>,
    pub(crate) connector: Option<Connector>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) resolver: Option<Resolver>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) trace_context: Source,
    pub(crate) coalesces: bool,
}

/// A server of the list.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) server: Server,
    /// The host is a name with SRV records.
    has_srv: bool,
    /// The number of the cluster that the server is a node of.
    cluster: Option<u16>,
}

impl From<Server> for Listed {
    fn from(server: Server) -> Self {
        Self { server, has_srv: false, cluster: None }
    }
}

impl Options {
    /// Creates options with this client identifier and the defaults: MQTT 5.0; a clean start on the first link; the server keeps the session for a day; a keep alive of 60
    /// seconds; at most 1,024 unfinished messages of 16 MiB together, above which [`publish`](crate::Client::publish) waits.
    pub fn new(client_id: impl Into<String>) -> Self {
        let mut agent = pure_mqtt_agent::Options::new(client_id, random());
        agent.limits = Limits { max_queued: 1_024, max_bytes: 16 << 20, ..agent.limits };
        let (servers, connector, credentials, resolver, folder, trace_context) = Default::default();
        Self { agent, servers, connector, credentials, resolver, folder, trace_context, coalesces: true }
    }

    /// Adds a server. Several servers are tried in this order. They do not share sessions: on each change of server the client starts a new session, sends unfinished messages
    /// as new ones, and subscribes again. For servers that share their sessions, use [`cluster`](Self::cluster).
    ///
    /// The client stays at the second server as long as that one works. When it comes back to the first, it starts clean there: what that server has queued for it is thrown
    /// away. A QoS 2 message in flight at the change may arrive at both. For independent brokers that hold work for the client, use one [`Client`](crate::Client) for each.
    pub fn server(mut self, server: Server) -> Self {
        self.servers.push(server.into());
        self
    }

    /// Adds the servers in the SRV records of a name (RFC 2782). Those with the lowest priority number are tried first, and within a priority they are chosen by weight. They
    /// share their sessions, as a cluster does.
    ///
    /// `server` contains the name and the settings common to all servers: TLS, WebSocket, credentials. For `mqtt://example.com` the client looks up `_mqtt._tcp.example.com`,
    /// with TLS `_secure-mqtt._tcp.example.com`, and for a host that begins with `_` the host itself. The port is ignored.
    ///
    /// The feature `srv` adds a look-up by the name servers in `/etc/resolv.conf`. Without the feature, or without that file, set a [`resolver`](Self::resolver). A look-up that
    /// fails, returns no record or takes longer than [`dial_timeout`](Self::dial_timeout) counts as a failed dial.
    ///
    /// **A forged DNS answer chooses the host**, and TLS expects a certificate for that host. Where this matters, set `TlsOptions::server_name`, the one name that every server
    /// must prove.
    ///
    /// ```
    /// use pure_mqtt_tokio::Options;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let options = Options::new("gateway-7").srv("mqtt://example.com".parse()?);
    ///     println!("{options:?}");
    ///     Ok(())
    /// }
    /// ```
    pub fn srv(mut self, server: Server) -> Self {
        self.servers.push(Listed { has_srv: true, ..server.into() });
        self
    }

    /// Looks SRV records up with `resolve` instead of the system's name servers. Its argument is the whole name, for example `_mqtt._tcp.example.com`. The records may come from
    /// Consul, Kubernetes or a file as well. It is called before a dial when the known records have expired, and its future is dropped after
    /// [`dial_timeout`](Self::dial_timeout).
    ///
    /// ```
    /// use pure_mqtt_tokio::{Options, SrvRecord};
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let options = Options::new("gateway-7").srv("mqtt://example.com".parse()?).resolver(|name| async move {
    ///         println!("{name} is looked up");
    ///         let spare = SrvRecord { priority: 1, ..SrvRecord::new("b.example.com", 1883) };
    ///         Ok(vec![SrvRecord::new("a.example.com", 1883), spare])
    ///     });
    ///     println!("{options:?}");
    ///     Ok(())
    /// }
    /// ```
    pub fn resolver<F>(mut self, resolve: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<SrvRecord>>> + Send + 'static,
    {
        self.resolver = Some(Arc::new(move |name| Box::pin(resolve(name))));
        self
    }

    /// Adds the nodes of a cluster, which share their sessions. When a node fails, the client continues the session on another node: no clean start, and unfinished messages are
    /// completed there. Each client tries the nodes in its own random order. It leaves a node that stops responding within 1.5 times the [keep alive](Self::keep_alive).
    ///
    /// With a [`store`](Self::store), you may add, remove and reorder nodes between two runs, as long as one address stays. If all addresses change, pass the old and the new
    /// ones in one run; otherwise a new session starts.
    ///
    /// Not every cluster keeps a session when a node is lost: `docs/clusters.md` in the repository has measurements.
    ///
    /// ```
    /// use pure_mqtt_tokio::Options;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let nodes = ["mqtt://a.example.com", "mqtt://b.example.com", "mqtt://c.example.com"];
    ///     let nodes = nodes.into_iter().map(str::parse).collect::<Result<Vec<_>, _>>()?;
    ///     let options = Options::new("gateway-7").cluster(nodes);
    ///     println!("{options:?}");
    ///     Ok(())
    /// }
    /// ```
    pub fn cluster(mut self, nodes: impl IntoIterator<Item = Server>) -> Self {
        let number = self.servers.iter().filter_map(|listed| listed.cluster).max().map_or(0, |latest| latest + 1);
        self.servers.extend(nodes.into_iter().map(|server| Listed { cluster: Some(number), ..server.into() }));
        self
    }

    /// Uses only this version, without fallback.
    pub fn version(mut self, version: Version) -> Self {
        self.agent.version = version;
        self.agent.lowest_version = None;
        self
    }

    /// Allows fallback to lower versions, down to `lowest`, on servers that refuse a higher one.
    pub fn fallback(mut self, lowest: Version) -> Self {
        self.agent.lowest_version = Some(lowest);
        self
    }

    /// Sets the keep alive in seconds (§3.1.2.10); 0 turns it off.
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.agent.keep_alive = seconds;
        self
    }

    /// Sets when a new session is started. Default: on the first link, unless a log continues the session.
    ///
    /// With the default a program that starts again throws away what the server kept for it, unless it has a [`store`](Self::store). For
    /// [manual acknowledgements](crate::SubscriptionOptions::manual_acks) that outlive the program use [`CleanStart::Never`]. mosquitto 2.0 does not keep a session that began
    /// with Clean Start over a SIGKILL.
    pub fn clean_start(mut self, clean_start: CleanStart) -> Self {
        self.agent.clean_start = clean_start;
        self
    }

    /// Sets for how many seconds the server keeps the session without a link (5.0, §3.1.2.11.2); `u32::MAX`: until it is discarded. Default: 86,400, a day.
    pub fn session_expiry(mut self, seconds: u32) -> Self {
        self.agent.session_expiry = seconds;
        self
    }

    /// Sets the user name and password.
    pub fn login(mut self, user_name: impl Into<String>, password: impl AsRef<[u8]>) -> Self {
        self.agent.login.user_name = Some(user_name.into());
        self.agent.login.password = Some(pure_mqtt_agent::Bytes::copy_from_slice(password.as_ref()));
        self
    }

    /// Calls `provide` for the credentials of each link, for example tokens that expire. An error counts as refused credentials: the client retries after the longest reconnect
    /// delay.
    ///
    /// ```
    /// use pure_mqtt_tokio::{Login, Options};
    ///
    /// async fn fresh_token() -> std::io::Result<String> {
    ///     Ok("a token".into()) // from a service
    /// }
    ///
    /// fn main() {
    ///     let options = Options::new("gateway-7").credentials(|_server| async {
    ///         let token = fresh_token().await?;
    ///         Ok(Login { user_name: Some("gateway-7".into()), password: Some(token.into()), method: None })
    ///     });
    ///     println!("{options:?}");
    /// }
    /// ```
    pub fn credentials<F>(mut self, provide: impl Fn(Server) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Login>> + Send + 'static,
    {
        self.credentials = Some(Arc::new(move |server| Box::pin(provide(server))));
        self
    }

    /// Sets the message that the server publishes when the link is lost. It does not publish the will after [`shutdown`](crate::Client::shutdown): publish your own farewell
    /// first.
    pub fn will(mut self, will: Will) -> Self {
        self.agent.will = Some(will);
        self
    }

    /// Sets the maximum number of QoS 1 and 2 messages in flight. Default: 100.
    pub fn max_inflight(mut self, messages: u16) -> Self {
        self.agent.limits.max_inflight = messages;
        self
    }

    /// Sets the Receive Maximum (5.0, §3.1.2.11.3): how many QoS 1 and 2 messages the server may send before they are acknowledged, so with manual acknowledgements how many
    /// jobs the client holds. 3.1 and 3.1.1 have no such limit, and some servers exceed it: mosquitto 2.0.11 sends more with each PUBACK while many messages are queued.
    /// [`max_waiting`](pure_mqtt_agent::Options::max_waiting) bounds the memory of messages that wait for the program. Default: 256.
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.agent.limits.receive_maximum = messages;
        self
    }

    /// Sets the maximum number of unfinished messages, and of bytes that they take together. Default: 1,024 messages, 16 MiB.
    pub fn queue(mut self, messages: u32, bytes: u32) -> Self {
        (self.agent.limits.max_queued, self.agent.limits.max_bytes) = (messages, bytes);
        self
    }

    /// Sets on how many links a message may be sent without an acknowledgement before it ends with [`End::AttemptsUsedUp`](crate::End::AttemptsUsedUp); 0 (the default): any
    /// number. Some servers close the link on a particular message, on every link. After two links in a row that ended early the client sends one message at a time, so that
    /// only the message that ends the links is given up.
    pub fn max_attempts(mut self, links: u8) -> Self {
        self.agent.max_attempts = links;
        self
    }

    /// Sets the reconnect delay. The first dial is at once; after a failure the client waits a random time of 0 to `min`, after the next one of 0 to twice `min`, and so on up to
    /// `max`. Once a link has stood for 30 s, it begins with `min` again. Default: `min` is 5 s, and `max` 120 s: 0 to 5 s, 0 to 10 s, 0 to 20 s, up to 0 to 120 s. A
    /// failure is a lost link, or a round in which each server was dialled once.
    pub fn reconnect_delay(mut self, min: Duration, max: Duration) -> Self {
        let milliseconds = |duration| u32::try_from(millis(duration)).unwrap_or(u32::MAX);
        self.agent.redial = Redial::Agent { min: milliseconds(min), max: milliseconds(max), stands_after: 30_000 };
        self
    }

    /// Sets the time-out for reaching a server, including name look-up, proxy, TLS and WebSocket. Default: 30 seconds; 5 seconds while other servers remain to be tried, 2.5
    /// seconds while other nodes of a cluster do.
    pub fn dial_timeout(mut self, timeout: Duration) -> Self {
        self.agent.dial_timeout = u32::try_from(millis(timeout)).unwrap_or(u32::MAX);
        self
    }

    /// Opens the byte stream to a server with `connect`, instead of a TCP or Unix socket. The layers that the [`Server`] needs above the stream (proxy, TLS, WebSocket) are added.
    ///
    /// On a TCP socket, switch Nagle's algorithm off: it delays a message that follows another by up to 40 ms.
    ///
    /// ```
    /// use pure_mqtt_tokio::{Endpoint, Options};
    /// use tokio::net::TcpStream;
    ///
    /// fn main() {
    ///     let options = Options::new("sensor-7").connector(|server| async move {
    ///         let Endpoint::Tcp { host, port } = server.endpoint() else {
    ///             return Err(std::io::ErrorKind::Unsupported.into());
    ///         };
    ///         let stream = TcpStream::connect((host.as_str(), *port)).await?;
    ///         stream.set_nodelay(true)?;
    ///         Ok(stream)
    ///     });
    ///     drop(options);
    /// }
    /// ```
    pub fn connector<F, T>(mut self, connect: impl Fn(Server) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Transport + 'static,
    {
        self.connector = Some(Arc::new(move |server| {
            let connecting = connect(server);
            Box::pin(async move { Ok(Box::new(connecting.await?) as Boxed) })
        }));
        self
    }

    /// Calls `current` for the [trace context](crate::TraceContext) of each message and request that has no user property `traceparent`. It is called at the start of the
    /// publishing call, in the caller's task and, with the feature `tracing`, inside the span of that call. If it returns `None`, the message is sent unchanged.
    ///
    /// With OpenTelemetry, `current` reads `tracing::Span::current()`:
    ///
    /// ```text
    /// .trace_context(|| {
    ///     let context = tracing::Span::current().context(); // of tracing_opentelemetry::OpenTelemetrySpanExt
    ///     let span = context.span().span_context().clone(); // of opentelemetry::trace::TraceContextExt
    ///     let trace_id = u128::from_be_bytes(span.trace_id().to_bytes());
    ///     let span_id = u64::from_be_bytes(span.span_id().to_bytes());
    ///     TraceContext::new(trace_id, span_id, span.trace_flags().to_u8())?.state(&span.trace_state().header())
    /// })
    /// ```
    ///
    /// A context takes at least 70 bytes, which count towards `Maximum Packet Size` and are kept in the log of a [`store`](Self::store).
    #[cfg(feature = "trace-context")]
    pub fn trace_context(mut self, current: impl Fn() -> Option<crate::TraceContext> + Send + Sync + 'static) -> Self {
        self.trace_context = Source::new(current);
        self
    }

    /// Sets whether the driver coalesces packets under load. After input it then pauses for 250 µs, so that one read and one write move many packets. A message takes a fraction
    /// of the processor time, and is received or sent up to 250 µs later. The driver measures the effect of the pauses, and makes none where they would reduce the throughput.
    /// Pauses use the kernel's timer on Linux. Elsewhere, and on streams of a [`connector`](Self::connector), they use a thread of the runtime's blocking pool; if no thread is
    /// free, there are no pauses. Default: true.
    pub fn coalesce(mut self, coalesce: bool) -> Self {
        self.coalesces = coalesce;
        self
    }

    /// Keeps a log in `folder`, which is created if it is missing, and continues from the log that is there. Messages at QoS 1 and 2 survive the end of the program and a power
    /// failure, and QoS 2 messages are still delivered exactly once. Only one process at a time can use a folder.
    pub fn store(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self.agent.durable = true;
        self
    }

    /// Changes any setting of the [agent](pure_mqtt_agent::Options), for example redirects and memory limits. Set servers and queue limits with the methods here.
    pub fn advanced(mut self, change: impl FnOnce(&mut pure_mqtt_agent::Options)) -> Self {
        change(&mut self.agent);
        self
    }

    /// Returns the agent's options, with the servers.
    pub(crate) fn for_agent(&self) -> pure_mqtt_agent::Options {
        let for_agent = |Listed { server, has_srv, cluster }: &Listed| AgentServer {
            realm: Some(Realm(server.site())),
            cluster: *cluster,
            has_srv: *has_srv,
            is_secure: server.is_private(),
        };
        pure_mqtt_agent::Options { servers: self.servers.iter().map(for_agent).collect(), ..self.agent.clone() }
    }
}

/// Hides the credentials.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.servers.iter().map(|listed| listed.server.to_string()).collect();
        f.debug_struct("Options")
            .field("client_id", &self.agent.client_id)
            .field("servers", &servers)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_a_cluster_stand_beside_servers_of_their_own() {
        let server = |name: &str| Server::tcp(name, 1883);
        let cluster = |names: [&str; 2]| names.map(server);
        let options = Options::new("me").server(server("a")).cluster(cluster(["b", "c"]));
        let options = options.cluster(cluster(["d", "e"])).server(server("f")).srv(server("g"));
        let servers = options.for_agent().servers;
        let clusters: Vec<_> = servers.iter().map(|server| server.cluster).collect();
        assert_eq!(clusters, [None, Some(0), Some(0), Some(1), Some(1), None, None]);
        let realms: Vec<_> = servers.iter().map(|server| server.realm).collect();
        let sites: Vec<_> = "abcdefg".chars().map(|name| Some(Realm(server(&name.to_string()).site()))).collect();
        assert_eq!(realms, sites, "each is known by its address, wherever it stands");
    }
}
