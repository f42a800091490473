//! MQTT on a microcontroller with an async executor. Reads and writes are dropped all the time, and nothing is lost.

#![no_std]
#![no_main]

mod clock;
mod ports;

use core::future::{Future, pending};

use app::{App, FRESH, Mqtt, PACKET};
use board::{console, line, tick};
use cortex_m_rt::exception;
use embassy_executor::Spawner;
use embassy_futures::select::{Either3, select, select3};
use embassy_futures::yield_now;
use embassy_time::Timer;
use embedded_io_async::{Read, Write};
use lm3s6965::interrupt;
use pure_mqtt::RxBuffer;
use static_cell::ConstStaticCell;

use crate::ports::{Reader, Writer};

/// All zeros: they lie in `.bss`, and take no flash.
static MQTT: ConstStaticCell<Mqtt> = ConstStaticCell::new(FRESH);
static RX: ConstStaticCell<RxBuffer<PACKET>> = ConstStaticCell::new(RxBuffer::new());

/// Milliseconds that the last bytes of a link get.
const FAREWELL: u64 = 500;

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    if let Some(core) = cortex_m::Peripherals::take() {
        tick::start(core.SYST);
    }
    let (receiver, sender) = line::open();
    let mut wire = Wire { reader: Reader(receiver), writer: Writer(sender), dropped_reads: 0, dropped_writes: 0 };
    let mut app = App::new(MQTT.take(), RX.take(), console::tell);
    while !app.is_done() {
        run_link(&mut app, &mut wire).await;
        let delay = app.close(clock::now(), tick::now().wrapping_mul(0x9E37_79B9));
        if !app.is_done() {
            let quiet = Timer::after_millis(delay.into());
            select(quiet, throw_away(&mut wire.reader)).await;
        }
    }
    console::tell(format_args!("dropped reads={} writes={}", wire.dropped_reads, wire.dropped_writes));
    console::tell(format_args!("done, overruns={}", line::overruns()));
    console::finish()
}

/// Both directions of the line; any UART, modem or socket with these traits would do.
struct Wire<R, W> {
    reader: R,
    writer: W,
    /// How often a read or a write was dropped while it waited.
    dropped_reads: u32,
    dropped_writes: u32,
}

/// One link, from CONNECT to its end.
async fn run_link<R: Read, W: Write>(app: &mut App<'_>, wire: &mut Wire<R, W>) {
    app.open(clock::now());
    while app.work(clock::now()) {
        let wakes_at = clock::at(app.wakes_at());
        let received = exchange(app, wire, Timer::at(wakes_at)).await;
        app.received(received);
    }
    // The link is over, but bytes may wait: a DISCONNECT that says why.
    select(Timer::after_millis(FAREWELL), send_all(app, &mut wire.writer)).await;
}

/// Reads, writes or waits, whichever is done first; the two others are dropped. The count of bytes that were read.
async fn exchange<R: Read, W: Write>(app: &mut App<'_>, wire: &mut Wire<R, W>, timer: Timer) -> usize {
    let (room, mut transmit) = app.ports(clock::now());
    let is_writing = !transmit.chunk().is_empty();
    let read = when(!room.is_empty(), wire.reader.read(room));
    let write = when(is_writing, hesitate(wire.writer.write(transmit.chunk())));
    let first = select3(read, write, timer).await;
    wire.dropped_reads += u32::from(!matches!(first, Either3::First(_)));
    wire.dropped_writes += u32::from(is_writing && !matches!(first, Either3::Second(_)));
    match first {
        Either3::First(Ok(count)) => return count,
        Either3::Second(Ok(count)) => transmit.advance(count),
        Either3::First(Err(_)) | Either3::Second(Err(_)) | Either3::Third(()) => {} // silence ends the link in time
    }
    0
}

/// A future that is never done unless `is_wanted`.
async fn when<T>(is_wanted: bool, future: impl Future<Output = T>) -> T {
    if is_wanted { future.await } else { pending().await }
}

/// Lets others go first, as a UART with a full queue does. The emulated one is never full, so nothing would ever be dropped.
async fn hesitate<T>(future: impl Future<Output = T>) -> T {
    yield_now().await;
    future.await
}

/// Sends all that waits.
async fn send_all<W: Write>(app: &mut App<'_>, writer: &mut W) {
    let mut transmit = app.transmit(clock::now());
    while let chunk @ [_, ..] = transmit.chunk() {
        match writer.write(chunk).await {
            Ok(count) => transmit.advance(count),
            Err(_) => return,
        }
    }
}

/// What comes between two links belongs to neither.
async fn throw_away<R: Read>(reader: &mut R) {
    while reader.read(&mut [0; 16]).await.is_ok() {}
}

#[interrupt]
fn UART0() {
    ports::on_interrupt();
}

#[exception]
fn SysTick() {
    clock::on_tick();
}
