//! An allocator that counts.
#![allow(dead_code)]
#![allow(unsafe_code)] // an allocator cannot be written without; this one only counts

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator; counts the calls that ask for memory, and the bytes that are held, in each thread by itself.
struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    pub static HELD: Cell<i64> = const { Cell::new(0) };
}

fn hold(change: i64) {
    HELD.set(HELD.get() + change);
}

fn count_call() {
    CALLS.set(CALLS.get() + 1);
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_call();
        hold(layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        hold(-(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_call();
        hold(size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` asked for memory.
pub fn allocations(work: impl FnOnce()) -> usize {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}
