//! Nanoseconds per match among few and many filters, and bytes that they take: the best of several rounds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant as Clock;

use pure_mqtt::router::Router;
use pure_mqtt::{TopicFilter, TopicName};

const MATCHES: usize = 200_000;
const ROUNDS: u32 = 7;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator; counts the bytes that are held.
struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// `count` filters of three levels, a few that match everything, and topics that match one of the many.
fn measure(count: usize) {
    let names: Vec<_> = (0..count).map(|number| format!("plant/device-{number}/temperature")).collect();
    let before = HELD.load(Relaxed);
    let started = Clock::now();
    let mut router = Router::new();
    for (number, name) in names.iter().enumerate() {
        router.insert(TopicFilter::new(name).expect("a filter"), number);
    }
    router.insert(TopicFilter::new("plant/+/temperature").expect("a filter"), 0);
    let built = started.elapsed().as_secs_f64() * 1e9 / count as f64;
    let bytes = (HELD.load(Relaxed) - before) / count;

    // In an order that no cache foresees.
    let topics: Vec<_> =
        (0..MATCHES).map(|turn| TopicName::new(&names[turn * 7_919 % count]).expect("a topic")).collect();
    let best = (0..ROUNDS).map(|_| {
        let started = Clock::now();
        let found: usize = topics.iter().map(|topic| black_box(&router).matches(*topic).count()).sum();
        assert_eq!(found, 2 * MATCHES);
        started.elapsed().as_secs_f64() * 1e9 / MATCHES as f64
    });
    let best = best.fold(f64::MAX, f64::min);
    println!("{count:>7} filters: {best:>6.1} ns per match, {built:>6.0} ns and {bytes:>4} bytes per filter");
}

fn main() {
    for count in [10, 1_000, 100_000] {
        measure(count);
    }
}
