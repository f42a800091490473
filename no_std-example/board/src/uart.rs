//! The registers of a PL011, as this chip has three of them.

use core::ptr;

const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
const LINE_CONTROL: usize = 0x2C;
const CONTROL: usize = 0x30;
const MASK: usize = 0x38;

const RECEIVE_EMPTY: u32 = 1 << 4;
const TRANSMIT_FULL: u32 = 1 << 5;
const OVERRUN: u32 = 1 << 11;

/// Eight bits, no parity, one stop bit, queues on.
const EIGHT_BITS_FIFO: u32 = 0b111_0000;
/// The UART, its transmitter and its receiver.
const ENABLE: u32 = 0x301;

/// Interrupts: bytes are there, bytes are there for a while, and there is room to send.
pub const RECEIVE: u32 = 1 << 4 | 1 << 6;
pub const TRANSMIT: u32 = 1 << 5;

/// The clock gates of the three UARTs.
const CLOCK_GATES: usize = 0x400F_E104;

/// One of the UARTs.
#[derive(Clone, Copy)]
pub struct Uart {
    base: usize,
}

/// What came: a byte, perhaps behind bytes that were lost.
pub struct Incoming {
    pub byte: u8,
    pub is_overrun: bool,
}

impl Uart {
    /// UART 0, 1 or 2.
    pub const fn new(number: usize) -> Self {
        assert!(number < 3);
        Self { base: 0x4000_C000 + number * 0x1000 }
    }

    /// Switches it on. The divisors of the baud rate stay as they are: QEMU doesn't look at them.
    pub fn start(self) {
        write(CLOCK_GATES, read(CLOCK_GATES) | 0b111);
        self.set(LINE_CONTROL, EIGHT_BITS_FIFO);
        self.set(CONTROL, ENABLE);
    }

    /// Lets these interrupts through, and no others.
    pub fn unmask(self, interrupts: u32) {
        self.set(MASK, interrupts);
    }

    /// The interrupts that are let through.
    pub fn unmasked(self) -> u32 {
        self.get(MASK)
    }

    /// The next byte, if there is one.
    pub fn read(self) -> Option<Incoming> {
        if self.get(FLAGS) & RECEIVE_EMPTY != 0 {
            return None;
        }
        let data = self.get(DATA);
        Some(Incoming { byte: data as u8, is_overrun: data & OVERRUN != 0 })
    }

    /// Sends a byte; false if there is no room for it.
    pub fn write(self, byte: u8) -> bool {
        let has_room = self.get(FLAGS) & TRANSMIT_FULL == 0;
        if has_room {
            self.set(DATA, byte.into());
        }
        has_room
    }

    fn get(self, register: usize) -> u32 {
        read(self.base + register)
    }

    fn set(self, register: usize, value: u32) {
        write(self.base + register, value);
    }
}

fn read(address: usize) -> u32 {
    // SAFETY: only called with the addresses of registers above, which are always there and have no other Rust object behind them.
    unsafe { ptr::read_volatile(address as *const u32) }
}

fn write(address: usize, value: u32) {
    // SAFETY: as in `read`.
    unsafe { ptr::write_volatile(address as *mut u32, value) }
}
