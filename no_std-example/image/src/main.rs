//! Messages that are larger than the memory: an image of a megabyte comes through a buffer of 512 bytes, and a log that lies nowhere
//! leaves piece by piece.

#![no_std]
#![no_main]

mod program;

use board::console;
use board::line::{self, Receiver, Sender};
use board::tick;
use cortex_m::asm;
use cortex_m_rt::{entry, exception};
use lm3s6965::interrupt;
use pure_mqtt::{Backoff, Clock32, RxBuffer};
use static_cell::ConstStaticCell;

use crate::program::{BUFFER, FRESH, Mqtt, Program};

static MQTT: ConstStaticCell<Mqtt> = ConstStaticCell::new(FRESH);
static RX: ConstStaticCell<RxBuffer<BUFFER>> = ConstStaticCell::new(RxBuffer::new());

#[entry]
fn main() -> ! {
    if let Some(core) = cortex_m::Peripherals::take() {
        tick::start(core.SYST);
    }
    let (mut receiver, mut sender) = line::open();
    let (mut clock, mut backoff) = (Clock32::new(), Backoff::new(2_400, 10_000));
    let mut program = Program::new(MQTT.take(), RX.take());
    loop {
        run_link(&mut program, &mut receiver, &mut sender, &mut clock);
        program.close(clock.now(tick::now()));
        if program.is_done() {
            console::finish();
        }
        receiver.keep_quiet(backoff.next_delay(tick::now().wrapping_mul(0x9E37_79B9)));
    }
}

/// One link, from CONNECT to its end. A byte or the next millisecond ends each wait.
fn run_link(program: &mut Program, receiver: &mut Receiver, sender: &mut Sender, clock: &mut Clock32) {
    program.open(clock.now(tick::now()));
    loop {
        let count = receiver.read(program.rx.room());
        program.rx.filled(count);
        let now = clock.now(tick::now());
        program.work(now);
        let left = program.send(now, &mut |bytes| sender.write(bytes));
        if !left && program.is_over() {
            return;
        }
        if count == 0 {
            asm::wfi();
        }
    }
}

#[interrupt]
fn UART0() {
    line::on_interrupt();
}

#[exception]
fn SysTick() {
    tick::advance();
}
