//! The link that all commands share: a client, its servers, and what happens to it.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, never, select, unbounded};
use pure_mqtt_client::pure_mqtt::{ConnectionError, ReasonCode};
use pure_mqtt_client::{Client, ConnectError, LinkEnd, LogLevel, NotPublished, Server, Subscribed};

use crate::args::Broker;
use crate::failure::Failure;
use crate::remedy::in_options;
use crate::session::FIRST_PAUSE;
use crate::{report, servers, stop};

/// The timeout of a wait without a limit.
const A_LONG_TIME: Duration = Duration::from_secs(u32::MAX as u64);

/// What the client reports, and other causes to act.
pub enum News {
    /// Nothing that a command must handle.
    Nothing,
    /// The server has accepted the link.
    Connected,
    /// An attempt to connect has ended.
    Dialled(Result<(), ConnectError>),
    /// A link has ended.
    Ended(LinkEnd),
    Published(Result<(), NotPublished>),
    Subscribed(Subscribed),
    /// The command's work is done.
    Done,
    Failed(Failure),
    /// Ctrl-C.
    Stop,
}

pub struct Link {
    pub client: Client,
    news: Receiver<News>,
    sender: Sender<News>,
    signals: Receiver<()>,
    deadline: Receiver<Instant>,
    servers: Vec<Server>,
    is_cluster: bool,
    /// The longest delay between attempts to establish the first link.
    longest_pause: Duration,
    /// Whether to reconnect after a lost link.
    pub survives: bool,
    /// The server has accepted a link before.
    was_connected: bool,
    /// Whether to retry if the first link fails.
    pub retries_first: bool,
    refusals: usize,
}

impl Link {
    /// Creates a link that is not connected.
    pub fn new(client: Client, broker: &Broker, timeout: Option<Duration>) -> Result<Self, Failure> {
        report::set_quiet(broker.session.quiet);
        let (sender, news) = unbounded();
        let link = Self {
            servers: servers::servers(broker)?,
            is_cluster: broker.server.cluster,
            longest_pause: broker.server.reconnect_delay,
            signals: stop::watch()?,
            deadline: timeout.map_or_else(never, after),
            survives: true,
            was_connected: false,
            retries_first: false,
            refusals: 0,
            client,
            news,
            sender,
        };
        link.listen(broker.session.debug);
        Ok(link)
    }

    /// Returns the sender by which threads of a command report.
    pub fn sender(&self) -> Sender<News> {
        self.sender.clone()
    }

    fn listen(&self, is_debug: bool) {
        let tell = |sender: &Sender<News>| {
            let sender = sender.clone();
            move |news| drop(sender.send(news)) // the receiver is gone at the end of the run
        };
        let note = tell(&self.sender);
        self.client
            .on_connect(move |_, connack| note(if connack.is_accepted() { News::Connected } else { News::Nothing }));
        let note = tell(&self.sender);
        self.client.on_connect_fail(move |_, error| note(News::Dialled(Err(error.clone()))));
        let note = tell(&self.sender);
        self.client.on_disconnect(move |_, end| note(News::Ended(end.clone())));
        let note = tell(&self.sender);
        self.client.on_publish(move |_, published| note(News::Published(published.result)));
        let note = tell(&self.sender);
        self.client.on_subscribe(move |_, answer| note(News::Subscribed(answer.clone())));
        if is_debug {
            self.client.on_log(|_, level, line| report::debug(level == LogLevel::Error, line));
        }
    }

    /// Starts to connect; [`next`](Self::next) returns the result.
    pub fn dial(&self) -> Result<(), Failure> {
        self.client.loop_start().map_err(Failure::Loop)?;
        let (client, servers, is_cluster) = (self.client.clone(), self.servers.clone(), self.is_cluster);
        let (sender, retries, longest) = (self.sender(), self.retries_first, self.longest_pause);
        thread::spawn(move || {
            let mut pause = FIRST_PAUSE.min(longest);
            loop {
                let servers = servers.clone();
                let result = if is_cluster { client.connect_to_cluster(servers) } else { client.connect_to(servers) };
                let is_over =
                    !retries || matches!(result, Ok(()) | Err(ConnectError::GivenUp | ConnectError::Options(_)));
                if sender.send(News::Dialled(result)).is_err() || is_over {
                    return;
                }
                thread::sleep(pause);
                pause = (pause * 2).min(longest);
            }
        });
        Ok(())
    }

    /// Connects, and waits until the server has accepted.
    pub fn connect(&mut self) -> Result<(), Failure> {
        self.dial()?;
        while !self.was_connected {
            if let News::Stop = self.next()? {
                return Err(Failure::Stopped);
            }
        }
        Ok(())
    }

    /// Waits for the next news. Handles those that concern only the link.
    pub fn next(&mut self) -> Result<News, Failure> {
        match self.next_within(&never::<()>(), None)? {
            Heard::News(news) => Ok(news),
            Heard::Other(()) | Heard::End => Ok(News::Nothing),
        }
    }

    /// Waits for news or for a value from `other`; `News::Nothing` after `patience`.
    pub fn next_within<T>(&mut self, other: &Receiver<T>, patience: Option<Duration>) -> Result<Heard<T>, Failure> {
        let news = select! {
            recv(self.news) -> news => news.unwrap_or(News::Nothing),
            recv(self.signals) -> _ => News::Stop,
            default(patience.unwrap_or(A_LONG_TIME)) => News::Nothing,
            recv(self.deadline) -> _ => return Err(Failure::TimeOut),
            recv(other) -> item => return Ok(item.map_or(Heard::End, Heard::Other)),
        };
        self.handle(news).map(Heard::News)
    }

    fn handle(&mut self, news: News) -> Result<News, Failure> {
        match news {
            News::Connected => self.was_connected = true,
            News::Dialled(Err(error)) => {
                self.dial_failed(error)?;
                return Ok(News::Nothing);
            }
            News::Ended(end) => {
                self.link_ended(&end)?;
                return Ok(News::Ended(end));
            }
            News::Failed(failure) => return Err(failure),
            _ => {}
        }
        Ok(news)
    }

    fn dial_failed(&self, error: ConnectError) -> Result<(), Failure> {
        if self.was_connected || self.retries_first && !matches!(error, ConnectError::Options(_)) {
            report::warn(&format!("{}; connecting again", in_options(&error)));
            return Ok(());
        }
        let servers: Vec<_> = self.servers.iter().map(ToString::to_string).collect();
        Err(Failure::Connect { servers: servers.join(", "), error })
    }

    /// Handles the end of a link; the client reconnects if that may help.
    fn link_ended(&mut self, end: &LinkEnd) -> Result<(), Failure> {
        if matches!(end, LinkEnd::Disconnected | LinkEnd::Replaced) {
            return Ok(());
        }
        self.refusals += usize::from(!self.was_connected);
        let is_last = !self.was_connected && self.refusals >= self.servers.len() && !self.retries_first;
        if is_last || !is_passing(end) && self.servers.len() < 2 || self.was_connected && !self.survives {
            return Err(Failure::Link(end.clone()));
        }
        report::warn(&format!("{}; connecting again", in_options(end)));
        Ok(())
    }

    /// Returns whether there was a link. Without one nothing was received, and an attempt to connect may last until the program ends.
    pub fn was_connected(&self) -> bool {
        self.was_connected
    }

    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// Sends DISCONNECT and closes the link, in order if possible.
    pub fn leave(&self) {
        self.client.disconnect();
        self.client.loop_stop();
    }
}

/// Returns whether another attempt may succeed.
fn is_passing(end: &LinkEnd) -> bool {
    match end {
        LinkEnd::Mqtt(ConnectionError::Refused(reason)) => matches!(
            *reason,
            ReasonCode::SERVER_UNAVAILABLE | ReasonCode::SERVER_BUSY | ReasonCode::CONNECTION_RATE_EXCEEDED
        ),
        LinkEnd::ServerDisconnect { reason, .. } => *reason != ReasonCode::SESSION_TAKEN_OVER,
        _ => true,
    }
}

/// What a command waits for besides the client's news.
pub enum Heard<T> {
    News(News),
    Other(T),
    /// The sender is gone.
    End,
}
