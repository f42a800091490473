//! The power fails at each step.

use super::*;

/// What a program does; returns the last number that was reported as stored, and the last that was given.
fn life(disk: &Disk) -> (u64, u64) {
    let mut stored = 0;
    let mut given = 0;
    let mut steps = || -> Result<(), StoreError> {
        let (store, recovered) = Store::over(disk.clone())?;
        let mut store = store.with_reserve(500);
        given = last(&recovered);
        let mut number = given;
        for round in 0..6 {
            number += 1;
            given = number;
            replace(&mut store, number)?;
            stored = number;
            for group in 0..3 {
                for _ in 0..group + round {
                    number += 1;
                    given = number;
                    append(&mut store, number)?;
                }
                stored = store.commit()?;
                assert_eq!(stored, number);
            }
        }
        Ok(())
    };
    let result = steps();
    assert!(result.is_ok() || disk.is_dead(), "{result:?}");
    (stored, given)
}

#[test]
fn nothing_that_was_stored_is_lost_wherever_the_power_fails() {
    let mut operations = 0;
    loop {
        let mut is_through = false;
        for seed in 0..40 {
            let disk = Disk::new(seed);
            disk.fail_after(operations);
            let (stored, given) = life(&disk);
            is_through = !disk.is_dead();
            let disk = disk.lose_power(seed + 1_000);
            let found = reopened(&disk);
            assert!(
                (stored..=given).contains(&found),
                "operation {operations}, seed {seed}: {stored}..={given}, found {found}"
            );
            // And once more, in the middle of the life after that.
            disk.fail_after(operations % 17);
            let (stored_later, given_later) = life(&disk);
            let found_later = reopened(&disk.lose_power(seed + 2_000));
            let least = stored_later.max(found);
            assert!(
                (least..=given_later.max(found)).contains(&found_later),
                "{least}..={given_later}, found {found_later}"
            );
        }
        if is_through {
            break;
        }
        operations += 1;
    }
    assert!(operations > 60, "{operations} operations are too few to be a test");
}

/// A process that is killed leaves what the system has; the power may fail while its successor begins.
#[test]
fn a_successor_trusts_nothing_that_its_predecessor_may_not_have_made_durable() {
    for operations in 0..80 {
        for more in 0..14 {
            let disk = Disk::new(operations);
            disk.fail_after(operations);
            let (stored, _) = life(&disk);
            let disk = disk.killed();
            disk.fail_after(more);
            let (stored_later, _) = life(&disk);
            for seed in 0..6 {
                let found = reopened(&disk.lose_power(seed));
                assert!(
                    found >= stored.max(stored_later),
                    "{operations} {more} {seed}: {stored} {stored_later} {found}"
                );
            }
        }
    }
}
