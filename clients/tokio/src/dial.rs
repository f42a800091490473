//! A dial: credentials, addresses, and the handshakes before MQTT begins.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use pure_mqtt_agent::{Bytes, FailureClass, Login};
use pure_mqtt_net::{DialPlan, DialStep, Endpoint, Failure, Server, Stack};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::link::Link;
use crate::stream::Stream;

/// A byte stream to a server.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

pub(crate) type Boxed = Box<dyn Transport>;
type Future<T> = Pin<Box<dyn std::future::Future<Output = io::Result<T>> + Send>>;
pub(crate) type Connector = Arc<dyn Fn(Server) -> Future<Boxed> + Send + Sync>;
pub(crate) type Credentials = Arc<dyn Fn(Server) -> Future<Login> + Send + Sync>;

/// What to dial, and how.
pub(crate) struct Dial {
    pub(crate) server: Server,
    pub(crate) connector: Option<Connector>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) deadline: Option<Instant>,
}

/// Why a dial failed, for the agent.
pub(crate) struct DialFailure {
    pub(crate) class: FailureClass,
    pub(crate) why: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Dial {
    /// Dials; returns the link with all its layers, and the credentials for it.
    pub(crate) async fn run(self) -> Result<(Link, Login), DialFailure> {
        let far = Instant::now() + Duration::from_secs(86_400 * 365);
        match timeout_at(self.deadline.unwrap_or(far), self.connect()).await {
            Ok(result) => result,
            Err(_) => Err(DialFailure::passing("the server could not be reached in time")),
        }
    }

    async fn connect(&self) -> Result<(Link, Login), DialFailure> {
        let login = match &self.credentials {
            Some(provide) => provide(self.server.clone()).await.map_err(|error| {
                let why = format!("there are no credentials: {error}");
                DialFailure { class: FailureClass::Credentials, why, retry_after: None }
            })?,
            None => login_of(&self.server),
        };
        let stack = Stack::new(&self.server)?;
        let transport = match &self.connector {
            Some(connect) => Stream::Other(connect(self.server.clone()).await?),
            None => open(&self.server.dial_target()).await?,
        };
        let mut link = Link::new(transport, stack);
        link.handshake().await?;
        Ok((link, login))
    }
}

/// Returns the credentials in the server's URL. The options supply the rest.
fn login_of(server: &Server) -> Login {
    let credentials = server.credentials();
    Login {
        user_name: credentials.user_name.map(Into::into),
        password: credentials.password.map(Bytes::copy_from_slice),
        method: None,
    }
}

/// Opens a TCP or Unix socket.
async fn open(target: &Endpoint) -> Result<Stream, DialFailure> {
    match target {
        Endpoint::Tcp { host, port } => tcp(host, *port).await,
        #[cfg(unix)]
        Endpoint::Unix(path) => Ok(Stream::Other(Box::new(tokio::net::UnixStream::connect(path).await?))),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
    }
}

/// Dials the addresses of a name, the next one after 250 ms or as soon as one fails, until one is connected.
async fn tcp(host: &str, port: u16) -> Result<Stream, DialFailure> {
    let mut plan = DialPlan::<Arc<io::Error>>::new(tokio::net::lookup_host((host, port)).await?, None);
    let mut attempts = Vec::new();
    loop {
        let until = match plan.next(Instant::now().into_std()) {
            DialStep::Connect(address) => {
                attempts.push((address, Box::pin(TcpStream::connect(address))));
                continue;
            }
            DialStep::Wait(until) => until,
            DialStep::Failed(error) => return Err(DialFailure::passing(&error.to_string())),
            DialStep::Done => return Err(DialFailure::passing("the attempt is over")),
        };
        let first = std::future::poll_fn(|cx| {
            for place in 0..attempts.len() {
                let Some((address, attempt)) = attempts.get_mut(place) else { continue };
                if let Poll::Ready(result) = attempt.as_mut().poll(cx) {
                    let address = *address;
                    drop(attempts.remove(place));
                    return Poll::Ready((address, result));
                }
            }
            Poll::Pending
        });
        let ended = match until {
            Some(until) => timeout_at(Instant::from_std(until), first).await.ok(),
            None => Some(first.await),
        };
        match ended {
            Some((_, Ok(stream))) => {
                let _ = stream.set_nodelay(true); // an error costs only latency
                return Ok(Stream::Tcp(stream));
            }
            Some((address, Err(error))) => plan.failed(address, error),
            None => {}
        }
    }
}

impl DialFailure {
    pub(crate) fn passing(why: &str) -> Self {
        Self { class: FailureClass::Passing, why: why.into(), retry_after: None }
    }
}

impl From<io::Error> for DialFailure {
    fn from(error: io::Error) -> Self {
        DialFailure::passing(&format!("the server cannot be reached: {error}"))
    }
}

impl From<Failure> for DialFailure {
    fn from(failure: Failure) -> Self {
        let class = match failure.class() {
            pure_mqtt_net::FailureClass::Passing => FailureClass::Passing,
            pure_mqtt_net::FailureClass::Credentials => FailureClass::Credentials,
            pure_mqtt_net::FailureClass::Certificate => FailureClass::Certificate,
            pure_mqtt_net::FailureClass::Lasting => FailureClass::Lasting,
        };
        Self { class, why: failure.to_string(), retry_after: failure.retry_after() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // `localhost` has two addresses on many machines, of which one has a listener.
        assert!(tcp("localhost", port).await.is_ok());
        drop(listener);
        let failure = tcp("127.0.0.1", port).await.err().unwrap();
        assert!(failure.why.contains("cannot be reached"), "{}", failure.why);
    }

    #[cfg(feature = "tls")]
    #[tokio::test]
    async fn a_reset_in_the_handshake_of_tls_asks_whether_the_port_speaks_tls() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let closes = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            stream.readable().await.unwrap(); // closed over what is not read, it is reset
        });
        let certified = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
        let tls = pure_mqtt_net::TlsOptions::new().ca_pem(certified.cert.pem()).build().unwrap();
        let server = format!("mqtts://127.0.0.1:{port}").parse::<Server>().unwrap().tls(tls);
        let failure = Dial { server, connector: None, credentials: None, deadline: None }.run().await.err().unwrap();
        assert!(failure.why.contains("does this port speak TLS?"), "{}", failure.why);
        closes.await.unwrap();
    }
}
