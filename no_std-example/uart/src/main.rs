//! MQTT on a microcontroller in a plain loop: no allocator, no executor, the connection in a `static`.

#![no_std]
#![no_main]

use app::{App, FRESH, Mqtt, PACKET};
use board::console;
use board::line::{self, Receiver, Sender};
use board::tick;
use cortex_m::asm;
use cortex_m_rt::{entry, exception};
use lm3s6965::interrupt;
use pure_mqtt::{Clock32, Instant, RxBuffer};
use static_cell::ConstStaticCell;

/// All zeros: they lie in `.bss`, and take no flash.
static MQTT: ConstStaticCell<Mqtt> = ConstStaticCell::new(FRESH);
static RX: ConstStaticCell<RxBuffer<PACKET>> = ConstStaticCell::new(RxBuffer::new());

/// Milliseconds that the last bytes of a link get.
const FAREWELL: u64 = 500;

#[entry]
fn main() -> ! {
    if let Some(core) = cortex_m::Peripherals::take() {
        tick::start(core.SYST);
    }
    let (receiver, sender) = line::open();
    let mut board = Board { receiver, sender, clock: Clock32::new() };
    let mut app = App::new(MQTT.take(), RX.take(), console::tell);
    while !app.is_done() {
        run_link(&mut app, &mut board);
        let delay = app.close(board.now(), tick::now().wrapping_mul(0x9E37_79B9));
        if !app.is_done() {
            board.receiver.keep_quiet(delay);
        }
    }
    console::tell(format_args!("done, overruns={}", line::overruns()));
    console::finish()
}

struct Board {
    receiver: Receiver,
    sender: Sender,
    clock: Clock32,
}

impl Board {
    fn now(&mut self) -> Instant {
        self.clock.now(tick::now())
    }
}

/// One link, from CONNECT to its end.
fn run_link(app: &mut App<'_>, board: &mut Board) {
    app.open(board.now());
    while turn(app, board) {
        asm::wfi(); // a byte or the next millisecond ends it
    }
    // The link is over, but bytes may wait: a DISCONNECT that says why.
    let end = board.now().after_millis(FAREWELL);
    while send(app, board) && board.now() < end {
        asm::wfi();
    }
}

/// One turn: bytes in, work, bytes out. False when the link is over.
fn turn(app: &mut App<'_>, board: &mut Board) -> bool {
    loop {
        let count = board.receiver.read(app.room());
        app.received(count);
        let now = board.now();
        if !app.work(now) {
            return false;
        }
        send(app, board);
        if count == 0 {
            return true;
        }
    }
}

/// Sends what the UART takes at once. True if something is left.
fn send(app: &mut App<'_>, board: &mut Board) -> bool {
    let now = board.now();
    let mut transmit = app.transmit(now);
    while !transmit.chunk().is_empty() {
        match board.sender.write(transmit.chunk()) {
            0 => return true,
            count => transmit.advance(count),
        }
    }
    false
}

#[interrupt]
fn UART0() {
    line::on_interrupt();
}

#[exception]
fn SysTick() {
    tick::advance();
}
