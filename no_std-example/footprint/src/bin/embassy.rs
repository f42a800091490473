//! The standard program with pure-mqtt-embassy.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::future::poll_fn;
use core::hint::black_box;
use core::task::Poll;

use embassy_futures::join::join;
use footprint::asynchronous::{Uart, block_on};
use heapless::Vec;
use pure_mqtt_embassy::raw::NoopRawMutex;
use pure_mqtt_embassy::{
    Clock, Connect, Fixed, Instant, Mqtt, Options, Publish, QoS, RxBuffer, TopicFilter, TopicName, Version,
};

type Client = Mqtt<NoopRawMutex, Tick, Fixed<1024, 8, 8, 128>, 512, 8, 1, 2>;

const COMMAND: TopicFilter<'_> = TopicFilter::from_static("board-7/command");
const ANSWER: TopicName<'_> = TopicName::from_static("board-7/answer");
const VERSION: Version = if cfg!(feature = "v5") { Version::V5 } else { Version::V311 };

struct Tick;

impl Clock for Tick {
    fn now(&self) -> Instant {
        Instant::from_millis(footprint::tick().into())
    }

    /// Everything is polled all the time.
    async fn wait_until(&self, at: Instant) {
        poll_fn(|_| if self.now() < at { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let client = Client::new(Tick, Fixed::new());
    let mut rx = RxBuffer::<256>::new();
    let options = Options::new(Connect::new(black_box(VERSION), "board-7"));
    loop {
        block_on(async {
            let dial = async || Ok::<_, Infallible>(Uart);
            let _ = join(client.run(&mut rx, &options, footprint::tick, dial), answer(&client)).await;
        });
    }
}

async fn answer(client: &Client) {
    let Ok(mut commands) = client.subscribe(COMMAND, QoS::ExactlyOnce) else { return };
    loop {
        let command = commands.recv().await;
        let text = command.read(|message| Vec::<u8, 64>::from_slice(message.payload).unwrap_or_default());
        let text = text.unwrap_or_default();
        let answer = Publish::new(ANSWER, &text[..]).qos(QoS::ExactlyOnce);
        let _ = client.publish(&answer).await;
    }
}
