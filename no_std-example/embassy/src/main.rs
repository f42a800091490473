//! MQTT on a microcontroller with an async executor. Reads and writes are dropped all the time, and nothing is lost.

#![no_std]
#![no_main]

mod clock;
/// As the guide shows it, on the page about async hosts.
#[path = "../../../src/guide/hosts/embassy.rs"]
mod exchange;
mod ports;

use app::{App, FRESH, Mqtt, PACKET};
use board::{console, line, tick};
use cortex_m_rt::exception;
use embassy_executor::Spawner;
use embassy_futures::select::select;
use embassy_time::Timer;
use embedded_io_async::{Read, Write};
use lm3s6965::interrupt;
use pure_mqtt::RxBuffer;
use static_cell::ConstStaticCell;

use crate::exchange::{Gone, exchange};
use crate::ports::{Reader, Writer};

/// All zeros: they lie in `.bss`, and take no flash.
static MQTT: ConstStaticCell<Mqtt> = ConstStaticCell::new(FRESH);
static RX: ConstStaticCell<RxBuffer<PACKET>> = ConstStaticCell::new(RxBuffer::new());

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    if let Some(core) = cortex_m::Peripherals::take() {
        tick::start(core.SYST);
    }
    let (receiver, sender) = line::open();
    let mut wire = Wire { reader: Reader::new(receiver), writer: Writer::new(sender) };
    let mut app = App::new(MQTT.take(), RX.take(), console::tell);
    while !app.is_done() {
        run_link(&mut app, &mut wire).await;
        let delay = app.close(clock::now(), tick::now().wrapping_mul(0x9E37_79B9));
        if !app.is_done() {
            let quiet = Timer::after_millis(delay.into());
            select(quiet, throw_away(&mut wire.reader)).await;
        }
    }
    console::tell(format_args!("dropped reads={} writes={}", wire.reader.dropped, wire.writer.dropped));
    console::tell(format_args!("done, overruns={}", line::overruns()));
    console::finish()
}

/// Both directions of the line; any UART, modem or socket with these traits would do.
struct Wire<R, W> {
    reader: R,
    writer: W,
}

/// One link, from CONNECT to its end.
async fn run_link<R: Read, W: Write>(app: &mut App<'_>, wire: &mut Wire<R, W>) {
    let mut is_flushed = true;
    app.open(clock::now());
    while app.work(clock::now()) {
        let until = app.wakes_at();
        let (room, transmit) = app.ports(clock::now());
        match exchange(&mut wire.reader, &mut wire.writer, room, transmit, &mut is_flushed, until).await {
            Ok(count) => app.received(count),
            Err(Gone) => return, // a UART has no end; a socket has
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
