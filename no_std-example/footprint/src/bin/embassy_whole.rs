//! A program that calls the whole API of pure-mqtt-embassy, with arguments that the compiler cannot foresee.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::hint::black_box;
use core::net::{IpAddr, SocketAddr};
use core::pin::pin;
use core::ptr;

use embassy_futures::select::select;
use embedded_io_async::Read;
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use footprint::asynchronous::{Never, Uart, poll};
use footprint::flash::Chip;
use footprint::{OneThread, Tick, start};
use pure_mqtt_embassy::raw::NoopRawMutex;
use pure_mqtt_embassy::{
    Clock, Connect, Delivery, Event, Fixed, FlashJournal, Halves, Instant, JournalError, Journaled, Limits, LinkEnd,
    Message, Mqtt, NotDelivered, NotGranted, Options, Property, Publish, QoS, ReasonCode, Received, Receiver,
    ReceiverOptions, Requester, RunError, Runner, RxBuffer, Split, Subscription, TopicFilter, TopicName, Transport,
    Version, Will, nal,
};

type Client = Mqtt<NoopRawMutex, Tick, Journaled<Fixed<1024, 8, 8, 256>, 320>, 512, 8, 4, 6>;

static MQTT: OneThread<Client> = OneThread(Client::new(Tick, Journaled::new(Fixed::new())));
static mut RX: RxBuffer<256> = RxBuffer::new();

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut run = start!(run());
    let (mut keep, mut publish) = (start!(keep()), start!(publish()));
    let (mut receive, mut request) = (start!(receive()), start!(request()));
    loop {
        poll(&mut run);
        poll(&mut keep);
        poll(&mut publish);
        poll(&mut receive);
        poll(&mut request);
    }
}

/// A text that nobody foresees.
fn text() -> &'static str {
    black_box("board-7/text")
}

fn topic() -> TopicName<'static> {
    const NAME: TopicName<'_> = TopicName::from_static("a");
    TopicName::new(text()).unwrap_or(NAME)
}

fn filter() -> TopicFilter<'static> {
    const FILTER: TopicFilter<'_> = TopicFilter::from_static("a");
    TopicFilter::new(text()).unwrap_or(FILTER)
}

fn version() -> Version {
    [Version::V31, Version::V311, Version::V5][(footprint::tick() % 3) as usize % 3]
}

fn qos() -> QoS {
    QoS::from_bits((footprint::tick() & 3) as u8).unwrap_or_default()
}

fn flag() -> bool {
    footprint::tick() & 1 == 0
}

/// Runs the client over every kind of transport.
async fn run() -> Never {
    // SAFETY: the only reference to the static, in a task that is started once.
    let rx = unsafe { &mut *ptr::addr_of_mut!(RX) };
    let properties = [Property::SessionExpiryInterval(footprint::tick())];
    let connect = Connect::new(version(), text())
        .clean_start(flag())
        .keep_alive(footprint::tick() as u16)
        .will(Will::new(topic(), text().as_bytes()).qos(qos()).retain(flag()))
        .user_name(text())
        .password(text().as_bytes())
        .properties(black_box(&properties[..]));
    let limits = black_box(Limits { manual_acks: true, outbound_aliases: 4, ..Limits::DEFAULT });
    loop {
        let options = Options::new(connect)
            .lowest_version(version())
            .session_expiry(footprint::tick())
            .limits(limits)
            .backoff(footprint::tick(), footprint::tick())
            .dial_timeout(footprint::tick());
        black_box(MQTT.0.run(rx, &options, footprint::tick, async || Ok::<_, Infallible>(Uart)).await.is_ok());
        let dial = async || nal::dial(&Network, &Network, text(), footprint::tick() as u16).await;
        black_box(MQTT.0.run(rx, &options, footprint::tick, dial).await.is_ok());
        if let Ok(runner) = MQTT.0.runner(rx, &options) {
            black_box(links(runner).await.is_ok());
        }
    }
}

async fn links(mut runner: Runner<'_, Client, 256>) -> Result<(), RunError> {
    let halves = Halves::new(Uart, Uart);
    while !runner.is_done() {
        let dialed = runner.dial(&mut async || Err::<Uart, _>(footprint::tick())).await;
        black_box(dialed.is_some());
        look(link(&mut runner, Split { reader: Uart, writer: Uart }).await?);
        look(link(&mut runner, &halves).await?);
        look(link(&mut runner, Split { reader: &halves, writer: &halves }).await?);
        runner.pause(footprint::tick()).await;
    }
    let (mut reader, _) = halves.into_inner();
    let _ = reader.read(&mut [0]).await;
    Ok(())
}

async fn link(runner: &mut Runner<'_, Client, 256>, transport: impl Transport) -> Result<LinkEnd, RunError> {
    runner.link(transport).await
}

fn look<T>(value: T) {
    black_box(value);
}

/// Keeps the session in flash, whatever is found there.
async fn keep() -> Never {
    loop {
        let Ok(mut journal) = FlashJournal::<_, 2_000>::new(Chip, 0..footprint::tick()) else { continue };
        match MQTT.0.keep(&mut journal).await {
            Err(JournalError::Foreign | JournalError::Damaged { .. }) => look(journal.erase().await.is_ok()),
            Err(error) => look(error),
        }
        look(journal.into_flash());
        MQTT.0.stored().await;
    }
}

async fn publish() -> Never {
    loop {
        let properties = [Property::MessageExpiryInterval(footprint::tick()), Property::UserProperty((text(), text()))];
        let message =
            Publish::new(topic(), text().as_bytes()).qos(qos()).retain(flag()).properties(black_box(&properties[..]));
        if let Ok(mut delivery) = MQTT.0.publish(&message).await {
            delivery.stored().await;
            look(end_of(&mut delivery).await);
        }
        let mut flush = pin!(MQTT.0.flush());
        select(flush.as_mut(), Tick.wait_until(Instant::from_millis(footprint::tick().into()))).await;
        flush.await;
        watch().await;
    }
}

async fn end_of(delivery: &mut Delivery<'_, Client>) -> Result<(), NotDelivered> {
    delivery.confirmed().await
}

async fn watch() {
    match MQTT.0.event().await {
        Event::Connected(session) => look(session),
        Event::Disconnected(end) => look(end),
        other => look(other),
    }
    look((MQTT.0.is_connected(), MQTT.0.stats()));
    if flag() {
        MQTT.0.disconnect();
    }
}

async fn receive() -> Never {
    loop {
        let subscription = Subscription::new(filter(), qos())
            .no_local(flag())
            .retain_as_published(flag())
            .retain_handling(black_box(pure_mqtt_embassy::pure_mqtt::RetainHandling::default()));
        let options =
            ReceiverOptions::new().manual_acks(flag()).share(footprint::tick()).drop_oldest(flag()).lossy(flag());
        let Ok(mut all) = MQTT.0.subscribe_with(subscription, options) else { continue };
        let Ok(mut some) = MQTT.0.subscribe(filter(), qos()) else { continue };
        look(granted(&mut all).await);
        look(all.filter());
        while flag() {
            take(all.recv().await).await;
            take(some.recv().await).await;
        }
    }
}

async fn granted(receiver: &mut Receiver<'_, Client>) -> Result<QoS, NotGranted> {
    receiver.granted().await
}

async fn take(received: Received<'_, Client>) {
    let mut buffer = [0; 64];
    look(received.copy_payload(&mut buffer));
    look(received.read(look_at));
    if let Ok(Some(mut delivery)) = MQTT.0.reply(&received, &buffer).await {
        look(end_of(&mut delivery).await);
    }
    match footprint::tick() % 3 {
        0 => received.ack(),
        1 => received.reject(ReasonCode(footprint::tick() as u8)),
        _ => drop(received),
    }
}

fn look_at(message: &Message<'_>) -> bool {
    look((message.topic.as_str(), message.payload, message.text()));
    look((message.qos, message.retain, message.dup));
    for property in message.properties.iter() {
        look(property);
    }
    filter().matches(message.topic)
}

async fn request() -> Never {
    loop {
        let Ok(mut requester) = MQTT.0.requester(filter(), qos()) else { continue };
        look(requester.granted().await);
        while flag() {
            ask(&mut requester).await;
        }
    }
}

async fn ask(requester: &mut Requester<'_, Client>) {
    if let Ok(reply) = requester.request(topic(), text().as_bytes(), qos()).await {
        look(reply.read(look_at));
    }
}

/// A network on which everything is the UART.
struct Network;

impl TcpConnect for Network {
    type Error = Infallible;
    type Connection<'a> = Uart;

    async fn connect(&self, address: SocketAddr) -> Result<Uart, Infallible> {
        look(address);
        Ok(Uart)
    }
}

impl Dns for Network {
    type Error = Infallible;

    async fn get_host_by_name(&self, host: &str, kind: AddrType) -> Result<IpAddr, Infallible> {
        look((host, kind as u8));
        Ok(black_box(IpAddr::from([127, 0, 0, 1])))
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}
