//! The pause before the next link grows while links don't last, whether or not the server accepted them.

use pure_mqtt::Backoff;

/// Two programs with one identifier, or an access rule that strikes after CONNACK: accepted and thrown out at once, again and again.
#[test]
fn links_that_end_at_once_are_made_more_and_more_seldom() {
    let mut backoff = Backoff::new(1_000, 120_000);
    let (mut links, mut now) = (0, 0_u64);
    while now < 3_600_000 {
        links += 1;
        now += 50; // accepted, thrown out
        backoff.ended(50);
        now += u64::from(backoff.next_delay(u32::MAX / 2));
    }
    assert!(links < 60, "{links} links in an hour");
}

/// A link that has lasted was a good one: the next is made soon. One that lasted less than the pause before it was not.
#[test]
fn after_a_link_that_lasted_the_pause_is_short_again() {
    let mut backoff = Backoff::new(1_000, 120_000);
    for _ in 0..10 {
        backoff.ended(50);
        backoff.next_delay(u32::MAX);
    }
    assert_eq!(backoff.next_delay(u32::MAX), 120_000);
    backoff.ended(60_000);
    assert_eq!(backoff.next_delay(u32::MAX), 120_000, "shorter than the pause");
    backoff.ended(3_600_000);
    assert_eq!(backoff.next_delay(u32::MAX), 1_000);
}

/// A link that was never accepted lasted 0.
#[test]
fn a_link_that_was_never_made_counts_as_one_that_ended_at_once() {
    let mut backoff = Backoff::default();
    let delays = [(); 4].map(|()| {
        backoff.ended(0);
        backoff.next_delay(u32::MAX)
    });
    assert_eq!(delays, [1_000, 2_000, 4_000, 8_000]);
}

/// A link that lasted just as long as the next delay was no longer than it.
#[test]
fn a_link_that_lasts_as_long_as_the_next_delay_changes_nothing() {
    for (lasted, expected) in [(79_999, 80_000), (80_000, 80_000), (80_001, 40_000)] {
        let mut backoff = Backoff::new(40_000, 1_000_000);
        assert_eq!(backoff.next_delay(u32::MAX), 40_000);
        backoff.ended(lasted);
        assert_eq!(backoff.next_delay(u32::MAX), expected, "{lasted}");
    }
}
