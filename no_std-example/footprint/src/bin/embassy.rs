//! The standard program with pure-mqtt-embassy; with the feature `embassy-flash` its session is kept in flash.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::ptr;

use footprint::asynchronous::{Never, Uart, poll};
use footprint::{OneThread, Tick, start};
use heapless::Vec;
use pure_mqtt_embassy::raw::NoopRawMutex;
use pure_mqtt_embassy::{Connect, Mqtt, Options, Publish, QoS, RxBuffer, TopicFilter, TopicName, Version};

#[cfg(feature = "embassy-flash")]
mod kept {
    use footprint::asynchronous::Never;
    use footprint::flash::Chip;
    use pure_mqtt_embassy::{Fixed, FlashJournal, Journaled};

    pub type Storage = Journaled<Fixed<1024, 8, 8, 128>, 320>;

    pub const STORAGE: Storage = Journaled::new(Fixed::new());

    pub async fn keep() -> Never {
        loop {
            let Ok(mut journal) = FlashJournal::<_, 2_000>::new(Chip, 0x1F_0000..0x1F_4000) else { continue };
            let _ = super::MQTT.0.keep(&mut journal).await;
        }
    }
}

#[cfg(not(feature = "embassy-flash"))]
mod kept {
    use pure_mqtt_embassy::Fixed;

    pub type Storage = Fixed<1024, 8, 8, 128>;

    pub const STORAGE: Storage = Fixed::new();
}

type Client = Mqtt<NoopRawMutex, Tick, kept::Storage, 512, 8, 1, 2>;

static MQTT: OneThread<Client> = OneThread(Client::new(Tick, kept::STORAGE));
static mut RX: RxBuffer<256> = RxBuffer::new();

const COMMAND: TopicFilter<'_> = TopicFilter::from_static("board-7/command");
const ANSWER: TopicName<'_> = TopicName::from_static("board-7/answer");
const VERSION: Version = if cfg!(feature = "v5") { Version::V5 } else { Version::V311 };
const OPTIONS: Options<'_> = Options::new(Connect::new(VERSION, "board-7")).lowest_version(Version::V311);

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let (mut run, mut answer) = (start!(run()), start!(answer()));
    #[cfg(feature = "embassy-flash")]
    let mut keep = {
        use kept::keep;
        start!(keep())
    };
    loop {
        #[cfg(feature = "embassy-flash")]
        poll(&mut keep);
        poll(&mut run);
        poll(&mut answer);
    }
}

async fn run() -> Never {
    // SAFETY: the only reference to the static, in a task that is started once.
    let rx = unsafe { &mut *ptr::addr_of_mut!(RX) };
    loop {
        let dial = async || Ok::<_, Infallible>(Uart);
        let _ = MQTT.0.run(rx, &OPTIONS, footprint::tick, dial).await;
    }
}

async fn answer() -> Never {
    loop {
        let Ok(mut commands) = MQTT.0.subscribe(COMMAND, QoS::ExactlyOnce) else { continue };
        loop {
            let command = commands.recv().await;
            let text = command.read(|message| Vec::<u8, 64>::from_slice(message.payload).unwrap_or_default());
            let text = text.unwrap_or_default();
            let answer = Publish::new(ANSWER, &text[..]).qos(QoS::ExactlyOnce);
            let _ = MQTT.0.publish(&answer).await;
        }
    }
}
