//! SysTick as the clock of embassy-time.

use core::cell::RefCell;
use core::task::Waker;

use board::tick;
use critical_section::Mutex;
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;
use pure_mqtt_embassy::pure_mqtt::Clock32;

struct SysTick(Mutex<RefCell<State>>);

struct State {
    clock: Clock32,
    /// Tasks that wait for a time.
    queue: Queue,
}

embassy_time_driver::time_driver_impl!(static CLOCK: SysTick = SysTick(Mutex::new(RefCell::new(State {
    clock: Clock32::new(),
    queue: Queue::new(),
}))));

impl Driver for SysTick {
    fn now(&self) -> u64 {
        critical_section::with(|section| self.0.borrow_ref_mut(section).clock.now(tick::now()).as_millis())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| self.0.borrow_ref_mut(section).queue.schedule_wake(at, waker));
    }
}

/// A millisecond has passed.
pub fn on_tick() {
    tick::advance();
    let now = CLOCK.now();
    critical_section::with(|section| CLOCK.0.borrow_ref_mut(section).queue.next_expiration(now));
}
