//! The settings of a client.

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

/// What a client is to do, and how.
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
    /// Its host stands for SRV records.
    has_srv: bool,
    /// The number of the cluster that it is a node of.
    cluster: Option<u16>,
}

impl From<Server> for Listed {
    fn from(server: Server) -> Self {
        Self { server, has_srv: false, cluster: None }
    }
}

impl Options {
    /// A client with this identifier that speaks 5.0, begins its session anew with the first link and keeps it for a day, and has a keep alive of 60 seconds. 1,024 messages of 16
    /// MiB together may be unfinished; then [`publish`](crate::Client::publish) waits.
    pub fn new(client_id: impl Into<String>) -> Self {
        let mut agent = pure_mqtt_agent::Options::new(client_id, random());
        agent.limits = Limits { max_queued: 1_024, max_bytes: 16 << 20, ..agent.limits };
        let (servers, connector, credentials, resolver, folder, trace_context) = Default::default();
        Self { agent, servers, connector, credentials, resolver, folder, trace_context, coalesces: true }
    }

    /// Adds a server. Several are tried in their order, and know nothing of each other's sessions: with each change the session begins anew, what is unfinished is sent again, and
    /// subscriptions are made again. For servers that share their sessions there is [`cluster`](Self::cluster).
    pub fn server(mut self, server: Server) -> Self {
        self.servers.push(server.into());
        self
    }

    /// Adds the servers that the SRV records of a name list (RFC 2782): those of the lowest priority number are tried first, by weight within one. They share their sessions,
    /// as a cluster does.
    ///
    /// `server` says the name, and what is the same for all of them: TLS, WebSocket, credentials. For `mqtt://example.com` the records of `_mqtt._tcp.example.com` are looked
    /// up, with TLS those of `_secure-mqtt._tcp.example.com`, and for a host that begins with `_` those of the host itself. The port is never used.
    ///
    /// The feature `srv` brings a look-up by the name servers in `/etc/resolv.conf`; without it, or where there is no such file, a [`resolver`](Self::resolver) has to be
    /// given. A look-up that fails, has no record or takes longer than [`dial_timeout`](Self::dial_timeout) counts as a failed dial.
    ///
    /// **Whoever forges an answer of DNS chooses the host**, and TLS expects a certificate for that host. Where it matters, `TlsOptions::server_name` sets the one name that
    /// all servers have to prove.
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

    /// Has `resolve` look SRV records up, instead of the system's name servers: it gets the whole name, `_mqtt._tcp.example.com` for instance. Consul, Kubernetes or a file
    /// may be asked as well. It is called before a dial when the records known are too old, and its future is dropped when it takes too long.
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

    /// Adds the nodes of a cluster, which share their sessions. When a node fails, the session goes on at another one: no clean start, and unfinished messages are completed there.
    /// Each client tries the nodes in a random order of its own. A node that falls silent is left within 1.5 times the [keep alive](Self::keep_alive).
    ///
    /// With a [`store`](Self::store), nodes may be added, removed and put in another order between two runs, as long as one address stays. If all addresses change, let one run
    /// have the old and the new ones; otherwise the session begins anew.
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

    /// Speaks this version and no other.
    pub fn version(mut self, version: Version) -> Self {
        self.agent.version = version;
        self.agent.lowest_version = None;
        self
    }

    /// Falls back as far as to this version where a server refuses a higher one.
    pub fn fallback(mut self, lowest: Version) -> Self {
        self.agent.lowest_version = Some(lowest);
        self
    }

    /// Sets the keep alive in seconds (§3.1.2.10); 0 turns it off.
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.agent.keep_alive = seconds;
        self
    }

    /// Sets when the session begins anew. Default: with the first link, unless a log says how it goes on.
    pub fn clean_start(mut self, clean_start: CleanStart) -> Self {
        self.agent.clean_start = clean_start;
        self
    }

    /// Sets for how many seconds a server keeps the session without a link (5.0); `u32::MAX` for ever. Default: a day.
    pub fn session_expiry(mut self, seconds: u32) -> Self {
        self.agent.session_expiry = seconds;
        self
    }

    /// Sets user name and password.
    pub fn login(mut self, user_name: impl Into<String>, password: impl AsRef<[u8]>) -> Self {
        self.agent.login.user_name = Some(user_name.into());
        self.agent.login.password = Some(pure_mqtt_agent::Bytes::copy_from_slice(password.as_ref()));
        self
    }

    /// Has `provide` make the credentials anew for each link: tokens that expire, say. An error counts as refused credentials: it is tried again at the longest pause.
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

    /// Sets the message that the server publishes when the link is lost.
    pub fn will(mut self, will: Will) -> Self {
        self.agent.will = Some(will);
        self
    }

    /// Sets how many QoS 1 and 2 messages are out at a time. Default: 100.
    pub fn max_inflight(mut self, messages: u16) -> Self {
        self.agent.limits.max_inflight = messages;
        self
    }

    /// Sets how many messages may be unfinished, and how many bytes they may take together. Default: 1,024, and 16 MiB.
    pub fn queue(mut self, messages: u32, bytes: u32) -> Self {
        (self.agent.limits.max_queued, self.agent.limits.max_bytes) = (messages, bytes);
        self
    }

    /// Sets on how many links a message may leave without an answer before it is given up, with [`End::AttemptsUsedUp`](crate::End::AttemptsUsedUp); 0 (the default) for any number. Some servers
    /// hang up at a message, and would on every link. After two links in a row that ended early the client sends one message at a time, so that only the one that links end at is given up.
    pub fn max_attempts(mut self, links: u8) -> Self {
        self.agent.max_attempts = links;
        self
    }

    /// Sets how long the client waits before it dials again: a random time of up to `min` at first, up to twice as long after each round of failures, up to `max` in the end. Default: 5
    /// seconds to 2 minutes.
    pub fn reconnect_delay(mut self, min: Duration, max: Duration) -> Self {
        let milliseconds = |duration| u32::try_from(millis(duration)).unwrap_or(u32::MAX);
        self.agent.redial = Redial::Agent { min: milliseconds(min), max: milliseconds(max), stands_after: 30_000 };
        self
    }

    /// Sets how long it may take to reach a server, with name, proxy, TLS and WebSocket. Default: 30 seconds; 5 while other servers are left to be tried, and 2.5 while other nodes of a cluster are.
    pub fn dial_timeout(mut self, timeout: Duration) -> Self {
        self.agent.dial_timeout = u32::try_from(millis(timeout)).unwrap_or(u32::MAX);
        self
    }

    /// Has `connect` open the byte stream to a server, instead of a TCP or Unix socket. What the [`Server`] wants above it (proxy, TLS, WebSocket) is added.
    ///
    /// Switch Nagle's algorithm off on a TCP socket: with it a message that follows another waits for up to 40 ms.
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

    /// Has `current` say the [trace context](crate::TraceContext) of each message and request that has no user property `traceparent`. It is called when a call to publish begins, in
    /// the task that makes it and, with the feature `tracing`, inside the span of that call. With `None` the message is sent as it is.
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
    /// The 70 bytes and more that a context takes count for `Maximum Packet Size`, and stay in the log of a [`store`](Self::store).
    #[cfg(feature = "trace-context")]
    pub fn trace_context(mut self, current: impl Fn() -> Option<crate::TraceContext> + Send + Sync + 'static) -> Self {
        self.trace_context = Source::new(current);
        self
    }

    /// Sets whether the driver coalesces packets under load: after input came it then pauses for a quarter of a millisecond, so that one read and one write move many packets. A message
    /// costs a fraction of the processor time, and may come or leave by this much later. The driver measures what the pauses bring, and makes none where they would reduce the throughput. On
    /// Linux the kernel's timer measures them. Elsewhere, and on streams of a [`connector`](Self::connector), a thread of the runtime's for blocking work sleeps; where none is free for that
    /// there are no pauses. Default: true.
    pub fn coalesce(mut self, coalesce: bool) -> Self {
        self.coalesces = coalesce;
        self
    }

    /// Keeps a log in `folder`, which is created if it is missing, and goes on where the log ends: messages at QoS 1 and 2 survive the end of the program and a loss of power, and QoS 2
    /// stays exactly once. One process at a time uses a folder.
    pub fn store(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self.agent.durable = true;
        self
    }

    /// Changes any setting of the [agent](pure_mqtt_agent::Options), redirects and bounds of memory for instance. Servers and limits of the queue are better set by the methods here.
    pub fn advanced(mut self, change: impl FnOnce(&mut pure_mqtt_agent::Options)) -> Self {
        change(&mut self.agent);
        self
    }

    /// The agent's own, with the servers.
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

/// Without the credentials.
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
