use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Backoff, Connect, Connection, ConnectionError, Event, Heap, Instant, Limits, OpenError, Outcome, Publish,
    PublishError, QoS, Received, RxBuffer, SessionState, Subscribe, Subscription, TopicFilter, TopicName, Version,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// The longest packet from the server.
const PACKET: usize = 16 * 1024;
/// So many packets are handled before output and deadlines have their turn.
const AT_A_TIME: usize = 32;
/// How long dialling, and closing in order, may take.
const DIAL: Duration = Duration::from_secs(10);
const FAREWELL: Duration = Duration::from_secs(1);

/// A message that another task wants to publish.
pub struct Command {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: QoS,
}

/// What the program does with what happens. It may call any method of the connection.
pub trait App {
    fn event(&mut self, mqtt: &mut Connection<Heap>, now: Instant, event: Event<'_>);
    fn outcome(&mut self, outcome: Outcome);
    /// A link is over, for this reason.
    fn ended(&mut self, reason: ConnectionError);
}

/// A connection, and what its one task keeps from link to link.
pub struct Host {
    mqtt: Connection<Heap>,
    rx: RxBuffer<PACKET>,
    commands: mpsc::Receiver<Command>,
    /// The command that waits for room in the queue. Until it has some, no other is taken: senders wait.
    waiting: Option<Command>,
    backoff: Backoff,
    clock: Clock,
    accepted_at: Option<Instant>,
    must_start_clean: bool,
    /// All senders of commands are gone: finish what is unfinished, then end.
    is_ending: bool,
}

/// Counts from its start. It stands still while the machine is suspended: see "What hosts get wrong".
#[derive(Clone, Copy)]
struct Clock(tokio::time::Instant);

impl Clock {
    fn now(self) -> Instant {
        Instant::from_millis(self.0.elapsed().as_millis() as u64)
    }
}

/// The transport is gone, or broken.
struct Gone;

impl Host {
    pub fn new(commands: mpsc::Receiver<Command>) -> Self {
        let limits = Limits { inline_max: PACKET as u32, ..Limits::DEFAULT };
        Self {
            mqtt: Connection::new(Heap::new(), limits),
            rx: RxBuffer::new(),
            commands,
            waiting: None,
            backoff: Backoff::default(),
            clock: Clock(tokio::time::Instant::now()),
            accepted_at: None,
            must_start_clean: false,
            is_ending: false,
        }
    }

    /// One link after the other, until all senders of commands are gone and nothing is unfinished.
    pub async fn run(&mut self, address: &str, connect: &Connect<'_>, app: &mut impl App) -> Result<(), OpenError> {
        loop {
            if let Ok(Ok(stream)) = timeout(DIAL, TcpStream::connect(address)).await {
                let _ = stream.set_nodelay(true);
                let (mut reader, mut writer) = stream.into_split();
                self.link(&mut reader, &mut writer, connect, app).await?;
            }
            if self.is_ending && self.mqtt.is_idle() {
                return Ok(());
            }
            let random = RandomState::new().hash_one(self.clock.now().as_millis()) as u32;
            sleep(Duration::from_millis(self.backoff.next_delay(random).into())).await;
        }
    }

    /// One link, from CONNECT to its end.
    pub async fn link<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        connect: &Connect<'_>,
        app: &mut impl App,
    ) -> Result<(), OpenError> {
        let is_clean = connect.clean_start || self.must_start_clean;
        self.mqtt.open(self.clock.now(), &connect.clean_start(is_clean))?;
        let mut is_flushed = true;
        loop {
            let has_more = self.turn(app);
            if self.mqtt.should_close() || self.exchange(reader, writer, has_more, &mut is_flushed).await.is_err() {
                break;
            }
        }
        // In order: a socket that is closed over unread bytes is reset, and what was written last is lost.
        let _ = timeout(FAREWELL, async {
            writer.shutdown().await?; // it flushes, too
            tokio::io::copy(reader, &mut tokio::io::sink()).await
        })
        .await;
        self.close(app);
        Ok(())
    }

    /// Takes what was read, and does what is due. Returns whether packets are left that could be taken at once.
    fn turn(&mut self, app: &mut impl App) -> bool {
        let has_more = self.take(app);
        let unread = if has_more { self.rx.bytes().len() } else { 0 };
        self.mqtt.report_unread(self.clock.now(), unread); // an answer that is among them is not missed
        let _ = self.mqtt.handle_timeout(self.clock.now()); // an error shows in `should_close`
        while let Some(outcome) = self.mqtt.poll_outcome() {
            app.outcome(outcome);
        }
        self.publish();
        if self.is_ending && self.waiting.is_none() && self.mqtt.is_idle() && self.mqtt.is_connected() {
            let _ = self.mqtt.disconnect(self.clock.now(), &Default::default());
        }
        has_more
    }

    /// Offers what is there to the connection, a number of packets at a time. A packet that is blocked is offered again in each turn.
    fn take(&mut self, app: &mut impl App) -> bool {
        for _ in 0..AT_A_TIME {
            match self.mqtt.handle_input(self.clock.now(), self.rx.bytes()) {
                Ok(Received::Packet { consumed, event }) => {
                    if let Some(event) = event {
                        let now = self.clock.now();
                        if matches!(&event, Event::ConnAck(connack) if connack.is_accepted()) {
                            (self.accepted_at, self.must_start_clean) = (Some(now), false);
                        }
                        app.event(&mut self.mqtt, now, event);
                    }
                    self.rx.consume(consumed);
                }
                Ok(Received::Partial { .. } | Received::Blocked) | Err(_) => return false,
            }
        }
        true
    }

    /// Publishes the command that waits. While the queue is full it goes on waiting.
    fn publish(&mut self) {
        let Some(Command { topic, payload, qos }) = &self.waiting else { return };
        let Ok(topic) = TopicName::new(topic) else { return self.waiting = None }; // or tell the sender
        let message = Publish::new(topic, payload).qos(*qos);
        if self.mqtt.publish(self.clock.now(), &message) != Err(PublishError::Full) {
            self.waiting = None; // accepted; or refused for good: tell the sender
        }
    }

    /// Writes, reads, takes a command, or waits for the next deadline, whichever comes first. The others are dropped, and nothing is lost by that: what was
    /// not read is still with the socket, and what was not confirmed by `advance` is still in `transmit`.
    async fn exchange<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        has_more: bool,
        is_flushed: &mut bool,
    ) -> Result<(), Gone> {
        let now = self.clock.now();
        let is_writing = !self.mqtt.transmit(now).chunk().is_empty();
        let due = self.mqtt.poll_timeout().map_or(60_000, |at| at.millis_since(now));
        let patience = Duration::from_millis(if has_more { 0 } else { due });
        let mut transmit = self.mqtt.transmit(now);
        let room = self.rx.room();
        let wants_bytes = !room.is_empty(); // a read into nothing looks like the end
        let takes_commands = self.waiting.is_none() && !self.is_ending;
        let write = async {
            match transmit.chunk() {
                [] => writer.flush().await.map(|()| 0), // a TLS stream keeps bytes back
                chunk => writer.write(chunk).await,
            }
        };
        select! {
            count = write, if is_writing || !*is_flushed => match count {
                Ok(0) if is_writing => return Err(Gone),
                Ok(count) => {
                    transmit.advance(count);
                    *is_flushed = !is_writing;
                }
                Err(_) => return Err(Gone),
            },
            count = reader.read(room), if wants_bytes => match count {
                Ok(0) | Err(_) => return Err(Gone),
                Ok(count) => self.rx.filled(count),
            },
            command = self.commands.recv(), if takes_commands => {
                self.is_ending = command.is_none();
                self.waiting = command;
            }
            () = sleep(patience) => {}
        }
        Ok(())
    }

    /// The link is over.
    fn close(&mut self, app: &mut impl App) {
        let (now, reason) = (self.clock.now(), self.mqtt.close_reason()); // `handle_close` forgets it
        self.must_start_clean |= reason == ConnectionError::Protocol(Violation::UnknownSession);
        self.mqtt.handle_close(now);
        self.rx.clear(); // half a packet belonged to that link
        self.backoff.ended(self.accepted_at.take().map_or(0, |at| now.millis_since(at)));
        app.ended(reason);
        while let Some(outcome) = self.mqtt.poll_outcome() {
            app.outcome(outcome);
        }
    }
}

/// Prints what arrives.
struct Printer;

impl App for Printer {
    fn event(&mut self, mqtt: &mut Connection<Heap>, now: Instant, event: Event<'_>) {
        match event {
            Event::ConnAck(connack) if !matches!(connack.session, SessionState::Resumed) => {
                let filters = [Subscription::new(TopicFilter::from_static("plant/#"), QoS::AtLeastOnce)];
                let _ = mqtt.subscribe(now, &Subscribe::new(&filters)); // a new session has no subscriptions
            }
            Event::Message(message) => {
                let topic = mqtt.topic(&message.topic).map_or("?", |topic| topic.as_str());
                println!("{topic}: {}", String::from_utf8_lossy(message.payload));
            }
            _ => {}
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        println!("{outcome:?}");
    }

    fn ended(&mut self, reason: ConnectionError) {
        println!("{reason}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), OpenError> {
    let (sender, commands) = mpsc::channel(16);
    tokio::spawn(async move {
        for number in 0..10 {
            let payload = number.to_string().into_bytes();
            let _ = sender.send(Command { topic: "plant/boiler".into(), payload, qos: QoS::ExactlyOnce }).await;
            sleep(Duration::from_millis(100)).await;
        }
    });
    let connect = Connect::new(Version::V311, "async-1").clean_start(false);
    Host::new(commands).run("localhost:1883", &connect, &mut Printer).await
}
