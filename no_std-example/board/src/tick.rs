//! The clock: SysTick counts milliseconds in 32 bits, and wraps after 49 days.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// Cycles in a millisecond: the board runs at 12.5 MHz after a reset, as QEMU has it.
const CYCLES: u32 = 12_500;

static TICKS: AtomicU32 = AtomicU32::new(0);

/// Starts the clock. The firmware's handler of the exception `SysTick` calls [`advance`].
pub fn start(mut timer: SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(CYCLES - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

/// A millisecond has passed.
pub fn advance() {
    TICKS.store(TICKS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed); // only this handler stores
}

/// The milliseconds since [`start`].
pub fn now() -> u32 {
    TICKS.load(Ordering::Relaxed)
}
