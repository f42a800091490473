//! Connections of four sizes, to be measured by their symbols; and the formula for any other, which holds or this doesn't compile.

#![no_std]
#![no_main]

use footprint as _; // what a panic does
use pure_mqtt::{Connection, Fixed, Limits};

/// Bytes of a connection on a 32-bit machine.
const fn ram(arena: usize, send: usize, recv: usize, control: usize, aliases: usize, name: usize) -> usize {
    let buffers = arena + 32 * send + 16 * recv + control + aliases * 2 * (8 + name);
    (STATE + buffers).next_multiple_of(8)
}

/// What every connection has beyond its buffers.
const STATE: usize = 416;

macro_rules! connections {
    ($($name:ident <$($size:literal),+>;)+) => {
        $(
            #[used]
            static mut $name: Connection<Fixed<$($size),+>> = Connection::new(Fixed::new(), Limits::DEFAULT);
            const _: () = assert!(size_of::<Connection<Fixed<$($size),+>>>() == ram($($size),+));
        )+
    };
}

connections! {
    SENSOR<256, 4, 4, 64, 0, 0>;
    BOARD<1024, 8, 8, 128, 0, 0>;
    PANEL<4096, 32, 32, 256, 8, 32>;
    GATEWAY<16384, 64, 64, 512, 16, 64>;
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        core::hint::spin_loop();
    }
}
