//! The line to the server: UART 0. An interrupt handler puts what comes into a ring, the program takes it out.

use core::cell::RefCell;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::asm;
use critical_section::Mutex;
use heapless::spsc::{Consumer, Producer, Queue};
use static_cell::ConstStaticCell;

use crate::tick;
use crate::uart::{RECEIVE, TRANSMIT, Uart};

const UART: Uart = Uart::new(0);

/// Room for what comes while the program is busy.
const RING: usize = 512;

static RING_MEMORY: ConstStaticCell<Queue<u8, RING>> = ConstStaticCell::new(Queue::new());
static RING_END: Mutex<RefCell<Option<Producer<'static, u8>>>> = Mutex::new(RefCell::new(None));
static OVERRUNS: AtomicU32 = AtomicU32::new(0);

/// The program's end of the line, for what comes.
pub struct Receiver {
    ring: Consumer<'static, u8>,
}

/// The program's end of the line, for what leaves.
pub struct Sender(());

/// Switches the line on. The firmware's handler of the interrupt `UART0` calls [`on_interrupt`].
///
/// # Panics
/// The second time.
pub fn open() -> (Receiver, Sender) {
    let (producer, consumer) = RING_MEMORY.take().split();
    critical_section::with(|section| RING_END.borrow_ref_mut(section).replace(producer));
    UART.start();
    UART.unmask(RECEIVE);
    // SAFETY: the handler takes part in no critical section by priority, only by masking all interrupts.
    unsafe { cortex_m::peripheral::NVIC::unmask(lm3s6965::Interrupt::UART0) };
    (Receiver { ring: consumer }, Sender(()))
}

/// Moves what has come into the ring. When that is full, what comes stays in the UART until the program has made room: with flow control
/// (RTS) the other side then waits, without it bytes are lost and [`overruns`] counts it.
pub fn on_interrupt() {
    critical_section::with(|section| {
        let mut end = RING_END.borrow_ref_mut(section);
        let Some(ring) = end.as_mut() else { return };
        while ring.ready() {
            let Some(incoming) = UART.read() else {
                // All is taken. Whoever waited for room to send is woken, and asks again if there is none.
                return UART.unmask(RECEIVE);
            };
            let _ = ring.enqueue(incoming.byte); // there is room
            OVERRUNS.fetch_add(u32::from(incoming.is_overrun), Ordering::Relaxed);
        }
        UART.unmask(0);
    });
}

impl Receiver {
    /// Takes what has come; the count of bytes.
    pub fn read(&mut self, room: &mut [u8]) -> usize {
        let mut count = 0;
        for (place, byte) in room.iter_mut().zip(core::iter::from_fn(|| self.ring.dequeue())) {
            *place = byte;
            count += 1;
        }
        if count > 0 {
            unmask(RECEIVE);
        }
        count
    }

    /// Throws away what comes for so many milliseconds: it belongs to a link that is over.
    pub fn keep_quiet(&mut self, millis: u32) {
        let start = tick::now();
        while tick::now().wrapping_sub(start) < millis {
            asm::wfi();
            while self.read(&mut [0; 16]) > 0 {}
        }
    }
}

impl Sender {
    /// Sends as many bytes as there is room for; their count.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        bytes.iter().take_while(|byte| UART.write(**byte)).count()
    }

    /// Asks for an interrupt when there is room to send.
    pub fn announce_room(&mut self) {
        unmask(TRANSMIT);
    }
}

/// How often bytes were lost since the reset.
pub fn overruns() -> u32 {
    OVERRUNS.load(Ordering::Relaxed)
}

fn unmask(more: u32) {
    critical_section::with(|_| UART.unmask(UART.unmasked() | more));
}
