//! The client, and the task that keeps it connected.

use core::sync::atomic::{AtomicBool, Ordering};

use board::{console, tick};
use embassy_futures::select::select;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::Timer;
use embedded_io_async::Read;
use pure_mqtt_embassy::{Connect, EmbassyClock, Fixed, Limits, Mqtt, Options, RunError, RxBuffer, Split, Version};

use crate::ports::{Reader, Writer};

/// 2 kB for what is on its way to the server, in up to 16 packets; 128 messages from the server, in 8 kB, since mosquitto sends more at a time than is announced to it; three receivers, eight
/// futures that wait.
pub type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 128, 128>, 8192, 128, 3, 8>;

/// All zeros: it lies in `.bss`, and takes no flash.
pub static MQTT: Client = Client::new(EmbassyClock, Fixed::new());

/// The last link is over.
static IS_DONE: AtomicBool = AtomicBool::new(false);

const VERSION: Version = if cfg!(feature = "v5") { Version::V5 } else { Version::V311 };

/// The longest packet from the server.
const PACKET: usize = 256;

/// What comes for so many milliseconds before a link belongs to an earlier one.
const SILENCE: u64 = 1_500;

/// What a serial line needs: nothing tells the board that the line is cut, so silence must be noticed soon.
const KEEP_ALIVE: u16 = 2;
const PATIENCE: Limits = Limits { connack_timeout: 3_000, pingresp_timeout: 1_000, ..Limits::DEFAULT };

/// Keeps the client connected.
#[embassy_executor::task]
pub async fn run(mut wire: (Reader, Writer)) {
    if let Err(error) = run_links(&mut wire).await {
        console::tell(format_args!("no link can be opened: {error}"));
    }
    IS_DONE.store(true, Ordering::Relaxed);
}

/// Whether the last link is over.
pub fn is_done() -> bool {
    IS_DONE.load(Ordering::Relaxed)
}

async fn run_links((reader, writer): &mut (Reader, Writer)) -> Result<(), RunError> {
    let connect = Connect::new(VERSION, "board-7").clean_start(false).keep_alive(KEEP_ALIVE);
    let options = Options::new(connect).limits(PATIENCE).backoff(100, 2_000);
    let mut rx = RxBuffer::<PACKET>::new();
    let mut runner = MQTT.runner(&mut rx, &options)?;
    while !runner.is_done() {
        let throw_away = async { while reader.read(&mut [0; 16]).await.is_ok() {} };
        select(Timer::after_millis(SILENCE), throw_away).await;
        runner.link(Split { reader: &mut *reader, writer: &mut *writer }).await?;
        runner.pause(tick::now().wrapping_mul(0x9E37_79B9)).await;
    }
    Ok(())
}
