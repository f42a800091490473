//! The standard program with mqttrust.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::net::{Ipv4Addr, SocketAddr};
use core::ptr;
use core::task::Waker;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_time_driver::Driver;
use embedded_nal_async::TcpConnect;
use footprint::asynchronous::{Never, Uart, poll};
use footprint::start;
use mqttrust::transport::embedded_nal::NalTransport;
use mqttrust::{Config, IpBroker, MqttClient, MqttStack, Publish, QoS, State, Subscribe, SubscribeTopic};

struct Clock;

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

impl Driver for Clock {
    fn now(&self) -> u64 {
        footprint::tick().into()
    }

    fn schedule_wake(&self, _: u64, _: &Waker) {} // everything is polled all the time
}

/// Whatever address is asked for.
struct Line;

impl TcpConnect for Line {
    type Error = Infallible;
    type Connection<'a> = Uart;

    async fn connect(&self, _: SocketAddr) -> Result<Uart, Infallible> {
        Ok(Uart)
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    // SAFETY: the only reference to the static, in a function that runs once.
    let state = unsafe { &mut *ptr::addr_of_mut!(STATE) };
    let Ok(client_id) = "board-7".try_into() else { loop {} };
    let (stack, client) = mqttrust::new(state, Config::builder().client_id(client_id).build());
    let (mut run, mut answer) = (start!(run(stack)), start!(answer(client)));
    loop {
        poll(&mut run);
        poll(&mut answer);
    }
}

static mut STATE: State<NoopRawMutex, 1024, 512> = State::new();

async fn run(mut stack: MqttStack<'static, NoopRawMutex>) -> Never {
    let mut line = NalTransport::new(&Line, IpBroker::new(Ipv4Addr::LOCALHOST, 1883));
    loop {
        stack.run(&mut line).await;
    }
}

async fn answer(client: MqttClient<'static, NoopRawMutex>) -> Never {
    loop {
        answer_all(&client).await;
    }
}

async fn answer_all(client: &MqttClient<'_, NoopRawMutex>) {
    let topics = [SubscribeTopic::builder().topic_path("board-7/command").maximum_qos(QoS::ExactlyOnce).build()];
    let Ok(mut commands) = client.subscribe::<1>(Subscribe::builder().topics(&topics).build()).await else { return };
    while let Some(command) = commands.next_message().await {
        let mut text = [0; 64];
        let length = command.payload().len().min(text.len());
        text[..length].copy_from_slice(&command.payload()[..length]);
        drop(command);
        let answer = Publish::builder().topic_name("board-7/answer").payload(&text[..length]).qos(QoS::ExactlyOnce);
        let _ = client.publish(answer.build()).await;
    }
}
