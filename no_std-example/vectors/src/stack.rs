//! How much of the stack a call takes: what lies below is painted, and afterwards one looks how far the paint is gone.

use core::ptr;

use cortex_m::register::msp;
use hostile::Probe;

const PAINT: u32 = 0xA5C3_5A3C;
/// So far down is painted, in bytes. The stack is much deeper.
const DEPTH: u32 = 4096;

/// The worst that was seen of each call, in bytes.
#[derive(Default)]
pub struct Stack {
    calls: [(&'static str, u32); 16],
}

impl Stack {
    /// Each call with its worst.
    pub fn worst(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.calls.into_iter().filter(|(call, _)| !call.is_empty())
    }

    fn note(&mut self, call: &'static str, bytes: u32) {
        let place = self.calls.iter_mut().find(|(known, _)| known.is_empty() || *known == call);
        let (known, worst) = place.expect("there are fewer calls");
        *known = call;
        *worst = bytes.max(*worst);
    }
}

impl Probe for Stack {
    /// Nothing else may use the stack meanwhile: this firmware has no interrupts.
    #[inline(never)]
    fn around<R>(&mut self, name: &'static str, call: impl FnOnce() -> R) -> R {
        let top = msp::read();
        paint(top);
        let result = apart(call);
        self.note(name, used(top));
        result
    }
}

/// A frame of its own, below `top`, whatever the compiler would rather do.
#[inline(never)]
fn apart<R>(call: impl FnOnce() -> R) -> R {
    call()
}

#[inline(always)]
fn paint(top: u32) {
    for address in (top - DEPTH..top).step_by(4) {
        // SAFETY: memory of the stack below every frame: nothing is there yet. Inlined, so that there is no frame of its own.
        unsafe { ptr::write_volatile(address as *mut u32, PAINT) };
    }
}

/// Bytes from `top` down to the last that lost its paint.
#[inline(always)]
fn used(top: u32) -> u32 {
    let mut address = top - DEPTH;
    // SAFETY: as in `paint`, and reading only.
    while address < top && unsafe { ptr::read_volatile(address as *const u32) } == PAINT {
        address += 4;
    }
    top - address
}
