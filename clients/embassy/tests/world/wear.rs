//! How much is written and erased.

use pure_mqtt_embassy::Version;

use crate::life::{Habits, World};

/// For five hundred messages each way, half of them at QoS 2.
#[test]
fn wear() {
    fn measure<const UNIT: usize, const PAGE: usize, const LOG: usize>(pages: usize) {
        const MESSAGES: u32 = 500;
        fastrand::seed(1);
        let world = World::<UNIT, PAGE>::new(Habits::calm(Version::V5, MESSAGES), pages);
        assert!(world.live::<LOG>());
        let counts = world.chip.counts();
        let per_message = |number: u64| number as f64 / f64::from(MESSAGES);
        println!(
            "units of {UNIT}, {pages} pages of {PAGE}, LOG {LOG}: {:.0} bytes written and {:.4} pages erased a message each way",
            per_message(counts.written),
            per_message(counts.erased)
        );
        assert!(counts.erased * PAGE as u64 <= counts.written * 3 + 2 * PAGE as u64, "{counts:?}");
    }
    measure::<4, 4096, 4000>(2);
    measure::<4, 4096, 1200>(2);
    measure::<8, 2048, 1900>(4);
    measure::<32, 131_072, 4000>(2);
    measure::<1, 4096, 4000>(16);
}
