//! Bad input on the board: tells what comes of it, to be compared with the host, and how much of the stack each call took.

#![no_std]
#![no_main]

mod stack;

use board::console;
use cortex_m_rt::entry;
use hostile::{FRESH, Mqtt};
use static_cell::ConstStaticCell;

use crate::stack::Stack;

static MQTT: ConstStaticCell<Mqtt> = ConstStaticCell::new(FRESH);

#[entry]
fn main() -> ! {
    let mut stack = Stack::default();
    hostile::play_all(MQTT.take(), &mut stack, &mut console::tell);
    for (call, bytes) in stack.worst() {
        console::tell(format_args!("stack {bytes} {call}"));
    }
    console::finish()
}
