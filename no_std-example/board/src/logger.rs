//! defmt's frames leave through UART 1; the host knows the texts.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use critical_section::RestoreState;

use crate::tick;
use crate::uart::Uart;

const UART: Uart = Uart::new(1);

defmt::timestamp!("{=u32:ms}", tick::now());

#[defmt::global_logger]
struct Logger;

/// What a log line that is being written needs. Only touched between `acquire` and `release`.
struct Writing {
    is_started: AtomicBool,
    state: UnsafeCell<RestoreState>,
    encoder: UnsafeCell<defmt::Encoder>,
}

// SAFETY: both cells are only used inside the critical section that `acquire` begins and `release` ends.
unsafe impl Sync for Writing {}

static WRITING: Writing = Writing {
    is_started: AtomicBool::new(false),
    state: UnsafeCell::new(RestoreState::invalid()),
    encoder: UnsafeCell::new(defmt::Encoder::new()),
};

// SAFETY: `acquire` and `release` are a critical section, so lines don't mix.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: `release` ends this section, and defmt calls them in pairs.
        let state = unsafe { critical_section::acquire() };
        if !WRITING.is_started.swap(true, Ordering::Relaxed) {
            UART.start();
        }
        // SAFETY: nobody else is here, as said at `Writing`.
        unsafe {
            *WRITING.state.get() = state;
            (*WRITING.encoder.get()).start_frame(send);
        }
    }

    unsafe fn flush() {} // `send` waits until all is out

    unsafe fn release() {
        // SAFETY: called after `acquire`, inside its critical section, which ends here.
        unsafe {
            (*WRITING.encoder.get()).end_frame(send);
            critical_section::release(*WRITING.state.get());
        }
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: called between `acquire` and `release`.
        unsafe { (*WRITING.encoder.get()).write(bytes, send) }
    }
}

fn send(bytes: &[u8]) {
    for byte in bytes {
        while !UART.write(*byte) {}
    }
}
