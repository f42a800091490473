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
/// The number of packets that are handled before output and deadlines are served.
const AT_A_TIME: usize = 32;
/// The time for dialling, and for closing in order.
const DIAL: Duration = Duration::from_secs(10);
const FAREWELL: Duration = Duration::from_secs(1);

/// A message that another task wants to publish.
pub struct Command {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: QoS,
}

/// The program's handlers. They may call any method of the connection.
pub trait App {
    fn event(&mut self, mqtt: &mut Connection<Heap>, now: Instant, event: Event<'_>);
    fn outcome(&mut self, outcome: Outcome);
    /// Handles the end of a link.
    fn ended(&mut self, reason: ConnectionError);
}

/// A connection, and the state of its task that outlives a link.
pub struct Host {
    mqtt: Connection<Heap>,
    rx: RxBuffer<PACKET>,
    commands: mpsc::Receiver<Command>,
    /// The command that waits for room in the queue. Until there is room, no other command is received, so senders
    /// wait.
    waiting: Option<Command>,
    backoff: Backoff,
    clock: Clock,
    accepted_at: Option<Instant>,
    must_start_clean: bool,
    /// Whether all senders of commands were dropped: finish what is unfinished, then end.
    is_ending: bool,
}

/// Counts from its creation. It stands still while the machine is suspended: see "What hosts get wrong".
#[derive(Clone, Copy)]
struct Clock(tokio::time::Instant);

impl Clock {
    fn now(self) -> Instant {
        Instant::from_millis(self.0.elapsed().as_millis() as u64)
    }
}

/// The transport is closed or has failed.
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

    /// Runs one link after the other, until all senders of commands were dropped and nothing is unfinished.
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

    /// Runs one link, from CONNECT to its end.
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
        // Close in order: a socket that is closed with unread bytes is reset, and the last writes are lost.
        let _ = timeout(FAREWELL, async {
            writer.shutdown().await?; // flushes too
            tokio::io::copy(reader, &mut tokio::io::sink()).await
        })
        .await;
        self.close(app);
        Ok(())
    }

    /// Handles input, deadlines and outcomes. Returns whether more packets can be handled at once.
    fn turn(&mut self, app: &mut impl App) -> bool {
        let has_more = self.take(app);
        let unread = if has_more { self.rx.bytes().len() } else { 0 };
        self.mqtt.report_unread(self.clock.now(), unread); // an answer among them does not count as missing
        let _ = self.mqtt.handle_timeout(self.clock.now()); // after an error `should_close` is true
        while let Some(outcome) = self.mqtt.poll_outcome() {
            app.outcome(outcome);
        }
        self.publish();
        if self.is_ending && self.waiting.is_none() && self.mqtt.is_idle() && self.mqtt.is_connected() {
            let _ = self.mqtt.disconnect(self.clock.now(), &Default::default());
        }
        has_more
    }

    /// Handles a limited number of packets. A blocked packet is offered again in each turn.
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

    /// Publishes the waiting command. While the queue is full, the command keeps waiting.
    fn publish(&mut self) {
        let Some(Command { topic, payload, qos }) = &self.waiting else { return };
        let Ok(topic) = TopicName::new(topic) else { return self.waiting = None }; // or tell the sender
        let message = Publish::new(topic, payload).qos(*qos);
        if self.mqtt.publish(self.clock.now(), &message) != Err(PublishError::Full) {
            self.waiting = None; // accepted; or refused for good: tell the sender
        }
    }

    /// Writes, reads, receives a command, or waits for the next deadline, whichever completes first. Dropping the
    /// others loses nothing: bytes that were not read are still in the socket, and bytes that were not confirmed by
    /// `advance` are still in `transmit`.
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
        let wants_bytes = !room.is_empty(); // a read into an empty slice looks like end of stream
        let takes_commands = self.waiting.is_none() && !self.is_ending;
        let write = async {
            match transmit.chunk() {
                [] => writer.flush().await.map(|()| 0), // a TLS stream buffers bytes
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

    /// Ends the link.
    fn close(&mut self, app: &mut impl App) {
        let (now, reason) = (self.clock.now(), self.mqtt.close_reason()); // `handle_close` resets it
        self.must_start_clean |= reason == ConnectionError::Protocol(Violation::UnknownSession);
        self.mqtt.handle_close(now);
        self.rx.clear(); // a partial packet of the old link
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
