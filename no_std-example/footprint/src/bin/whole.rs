//! A program that calls the whole API: every method of the connection, with arguments that the compiler cannot foresee.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::ptr;

use pure_mqtt::{
    Ack, AckError, Auth, Backoff, ClientId, Clock32, Connect, Connection, Disconnect, Event, Fixed, Instant, Limits,
    Message, Property, Publish, QoS, ReasonCode, Received, RetainHandling, RxBuffer, Subscribe, Subscription,
    TopicFilter, TopicName, Unsubscribe, Version, Will,
};

type Mqtt = Connection<Fixed<1024, 8, 8, 256, 4, 32>>;

static mut MQTT: Mqtt = Mqtt::new(Fixed::new(), Limits::DEFAULT);
static mut RX: RxBuffer<256> = RxBuffer::new();

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    // SAFETY: the only references to the statics, in a function that runs once.
    let (mqtt, rx) = unsafe { (&mut *ptr::addr_of_mut!(MQTT), &mut *ptr::addr_of_mut!(RX)) };
    let mut clock = Clock32::new();
    let mut backoff = Backoff::new(black_box(1_000), black_box(60_000));
    loop {
        let now = clock.now(footprint::tick());
        open(mqtt, now);
        run(mqtt, rx, &mut clock);
        mqtt.handle_close(now);
        rx.clear();
        between_links(mqtt);
        black_box(backoff.next_delay(footprint::tick()));
        backoff.reset();
    }
}

/// A text that nobody foresees.
fn text() -> &'static str {
    black_box("board-7/text")
}

fn version() -> Version {
    [Version::V31, Version::V311, Version::V5][(footprint::tick() % 3) as usize % 3]
}

fn qos() -> QoS {
    QoS::from_bits((footprint::tick() & 3) as u8).unwrap_or_default()
}

fn open(mqtt: &mut Mqtt, now: Instant) {
    let identifier = ClientId::from_random(u128::from(footprint::tick()));
    let Ok(topic) = TopicName::new(text()) else { return };
    let properties = [Property::WillDelayInterval(footprint::tick()), Property::ContentType(text())];
    let will =
        Will::new(topic, text().as_bytes()).qos(qos()).retain(black_box(true)).properties(black_box(&properties[..]));
    let properties = [Property::SessionExpiryInterval(footprint::tick()), Property::AuthenticationMethod(text())];
    let connect = Connect::new(version(), identifier.as_str())
        .clean_start(black_box(false))
        .keep_alive(footprint::tick() as u16)
        .will(will)
        .user_name(text())
        .password(text().as_bytes())
        .bridge(black_box(false))
        .properties(black_box(&properties[..]));
    let _ = black_box(mqtt.open(now, &connect));
}

/// One link, from CONNECT to its end.
fn run(mqtt: &mut Mqtt, rx: &mut RxBuffer<256>, clock: &mut Clock32) {
    while !mqtt.should_close() {
        let now = clock.now(footprint::tick());
        let count = footprint::read(rx.room());
        rx.filled(count);
        loop {
            match mqtt.handle_input(now, rx.bytes()) {
                Ok(Received::Packet { consumed, event }) => {
                    if let Some(event) = event {
                        handle(mqtt, now, event);
                    }
                    rx.consume(consumed);
                }
                Ok(other) => {
                    let _ = black_box(other);
                    break;
                }
                Err(error) => {
                    black_box(error.reason());
                    break;
                }
            }
        }
        let _ = black_box(mqtt.handle_timeout(now));
        command(mqtt, now);
        let mut transmit = mqtt.transmit(now);
        black_box(transmit.remaining());
        let count = footprint::write(transmit.chunk());
        transmit.advance(count);
        while let Some(outcome) = mqtt.poll_outcome() {
            black_box(outcome);
        }
        look(mqtt);
    }
    black_box(mqtt.close_reason());
}

fn handle(mqtt: &mut Mqtt, now: Instant, event: Event<'_>) {
    match event {
        Event::ConnAck(answer) => {
            black_box((answer.reason, answer.code, answer.session));
            black_box(answer.properties.assigned_client_identifier());
            black_box(answer.properties.server_keep_alive());
        }
        Event::Message(message) => on_message(mqtt, now, message),
        Event::PubAck(done) | Event::PubRec(done) | Event::PubComp(done) => {
            black_box((done.handle, done.id, done.reason, done.properties.reason_string()));
        }
        Event::SubAck(answer) | Event::UnsubAck(answer) => {
            answer.reasons().for_each(|reason| {
                black_box(reason.is_error());
            });
        }
        Event::Auth(step) => {
            black_box(step.properties.authentication_data());
            let properties = [Property::AuthenticationMethod(text()), Property::AuthenticationData(text().as_bytes())];
            let _ = black_box(mqtt.authenticate(now, &Auth::continue_with(black_box(&properties[..]))));
        }
        Event::Disconnect(farewell) => {
            black_box((farewell.reason, farewell.properties.server_reference()));
        }
        _ => {}
    }
}

fn on_message(mqtt: &mut Mqtt, now: Instant, message: Message<'_>) {
    if let (Some(topic), Ok(filter)) = (mqtt.topic(&message.topic), TopicFilter::new(text())) {
        black_box((filter.matches(topic), filter.share(), filter.has_wildcard()));
    }
    for property in message.properties.iter() {
        black_box((property, property.id()));
    }
    for pair in message.properties.user_properties() {
        black_box(pair);
    }
    if let Some(answer) = Publish::reply_to(&message, message.payload) {
        let _ = black_box(mqtt.publish(now, &answer));
    }
    let properties = [Property::ReasonString(text())];
    let ack = Ack::new(ReasonCode(footprint::tick() as u8)).properties(black_box(&properties[..]));
    if let Some(pending) = message.ack
        && let Err(AckError { error, pending }) = mqtt.acknowledge(now, pending, &ack)
    {
        black_box(error);
        let _ = black_box(mqtt.acknowledge(now, pending, &Ack::SUCCESS));
    }
}

fn command(mqtt: &mut Mqtt, now: Instant) {
    let Ok(topic) = TopicName::new(text()) else { return };
    let Ok(filter) = TopicFilter::new(text()) else { return };
    let properties = [Property::MessageExpiryInterval(footprint::tick()), Property::UserProperty((text(), text()))];
    let properties = black_box(&properties[..]);
    let publish = Publish::new(topic, text().as_bytes()).qos(qos()).retain(black_box(true)).properties(properties);
    if let Ok(delivery) = mqtt.publish(now, &publish) {
        black_box(delivery.dropped);
        black_box(mqtt.cancel(delivery.handle));
    }
    let subscription = Subscription::new(filter, qos())
        .no_local(black_box(true))
        .retain_as_published(black_box(true))
        .retain_handling(black_box(RetainHandling::default()));
    let properties = [Property::SubscriptionIdentifier(footprint::tick())];
    let filters = [subscription, subscription];
    let _ = black_box(mqtt.subscribe(now, &Subscribe::new(black_box(&filters)).properties(black_box(&properties[..]))));
    let filters = [filter, filter];
    let properties = [Property::UserProperty((text(), text()))];
    let unsubscribe = Unsubscribe::new(black_box(&filters)).properties(black_box(&properties[..]));
    let _ = black_box(mqtt.unsubscribe(now, &unsubscribe));
    if footprint::tick() == 7 {
        let properties = [Property::SessionExpiryInterval(footprint::tick())];
        let disconnect = Disconnect::new(ReasonCode(footprint::tick() as u8)).properties(black_box(&properties[..]));
        let _ = black_box(mqtt.disconnect(now, &disconnect));
        let properties = [Property::AuthenticationMethod(text())];
        let _ = black_box(mqtt.authenticate(now, &Auth::re_authenticate(black_box(&properties[..]))));
    }
}

fn look(mqtt: &Mqtt) {
    black_box((mqtt.poll_timeout(), mqtt.next_timer(), mqtt.state(), mqtt.is_connected(), mqtt.is_idle()));
    black_box((mqtt.pending(), mqtt.send_quota(), mqtt.last_sent_qos0(), mqtt.version(), mqtt.keep_alive()));
    black_box((mqtt.limits(), mqtt.stats()));
}

fn between_links(mqtt: &mut Mqtt) {
    black_box(mqtt.discard_session());
    black_box(mqtt.adopt_session());
    black_box(mqtt.set_limits(black_box(Limits { manual_acks: true, outbound_aliases: 4, ..Limits::DEFAULT })));
    mqtt.shrink();
}
