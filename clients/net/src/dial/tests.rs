use super::*;
use crate::failure::FailureClass;

type Plan = DialPlan<&'static str>;

fn v4(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 1883))
}

fn v6(last: u16) -> SocketAddr {
    SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 1883))
}

/// Everything that `plan` begins if nothing ends, with the milliseconds when.
fn begun(plan: &mut Plan, start: Instant) -> Vec<(u64, SocketAddr)> {
    let mut now = start;
    let mut list = Vec::new();
    loop {
        match plan.next(now) {
            DialStep::Connect(address) => list.push(((now - start).as_millis() as u64, address)),
            DialStep::Wait(Some(until)) => {
                assert!(until > now, "waiting makes progress");
                now = until;
            }
            DialStep::Wait(None) | DialStep::Failed(_) | DialStep::Done => return list,
        }
    }
}

#[test]
fn families_take_turns_every_quarter_of_a_second() {
    let start = Instant::now();
    let mut plan = Plan::new([v6(1), v6(2), v6(3), v4(1), v6(1)], None);
    assert_eq!(begun(&mut plan, start), [(0, v6(1)), (250, v4(1)), (500, v6(2)), (750, v6(3))]);
    let mut plan = Plan::new([v4(1), v4(2), v6(1)], None);
    assert_eq!(begun(&mut plan, start), [(0, v4(1)), (250, v6(1)), (500, v4(2))]);
}

#[test]
fn a_failure_starts_the_next_one_at_once() {
    let now = Instant::now();
    let mut plan = Plan::new([v6(1), v4(1), v6(2)], None);
    assert_eq!(plan.next(now), DialStep::Connect(v6(1)));
    plan.failed(v6(1), "unreachable");
    assert_eq!(plan.next(now), DialStep::Connect(v4(1)));
    plan.failed(v6(2), "was never begun");
    plan.failed(v6(1), "twice");
    let soon = now + ATTEMPT_DELAY;
    assert_eq!(plan.next(now), DialStep::Wait(Some(soon)));
    assert_eq!(plan.next(soon), DialStep::Connect(v6(2)));
    plan.failed(v4(1), "refused");
    assert_eq!(plan.next(soon), DialStep::Wait(None));
    plan.failed(v6(2), "late");
    let DialStep::Failed(error) = plan.next(soon) else { panic!("nothing is left") };
    assert_eq!(error, DialError::AllFailed { first: (v6(1), "unreachable"), last: (v6(2), "late"), count: 3 });
    assert_eq!(
        error.to_string(),
        "none of 3 addresses can be reached: first [2001:db8::1]:1883 (unreachable), last [2001:db8::2]:1883 (late)"
    );
}

#[test]
fn the_winner_leaves_the_others_to_be_closed() {
    let now = Instant::now();
    let mut plan = Plan::new([v6(1), v4(1), v4(2)], None);
    assert_eq!(begun(&mut plan, now).len(), 3);
    plan.failed(v4(2), "refused");
    assert_eq!(plan.succeeded(v4(1)), [v6(1)]);
    assert_eq!(plan.next(now), DialStep::Done);
    assert_eq!(plan.succeeded(v6(1)), [v6(1)], "it comes second and is closed itself");
    plan.failed(v6(1), "late");
    assert_eq!(plan.next(now), DialStep::Done);
}

#[test]
fn addresses_may_come_late() {
    let now = Instant::now();
    let mut plan = Plan::new([], None);
    assert_eq!(plan.next(now), DialStep::Failed(DialError::NoAddress));
    plan.add([v4(1)]);
    assert_eq!(plan.next(now), DialStep::Connect(v4(1)));
    assert_eq!(plan.next(now), DialStep::Wait(None));
    plan.add([v4(2), v6(1)]);
    assert_eq!(plan.next(now), DialStep::Wait(Some(now + ATTEMPT_DELAY)));
    assert_eq!(plan.next(now + 2 * ATTEMPT_DELAY), DialStep::Connect(v6(1)));
}

#[test]
fn a_deadline_ends_it() {
    let now = Instant::now();
    let deadline = now + Duration::from_millis(300);
    let mut plan = Plan::new([v4(1), v4(2), v4(3)], Some(deadline));
    assert_eq!(begun(&mut plan, now), [(0, v4(1)), (250, v4(2))]);
    assert_eq!(plan.running().collect::<Vec<_>>(), [v4(1), v4(2)]);
    let DialStep::Failed(error) = plan.next(deadline) else { panic!("it is over") };
    assert_eq!(
        (error.to_string().as_str(), error.class()),
        ("no address of the server answered in time", FailureClass::Passing)
    );
    plan.failed(v4(1), "refused");
    assert_eq!(plan.next(deadline), DialStep::Failed(DialError::TimedOut { last: Some((v4(1), "refused")) }));
    let mut plan = Plan::new([v4(1)], Some(deadline));
    assert_eq!(begun(&mut plan, now).len(), 1);
}

/// Whatever happens: each address is begun at most once, families are never more than one apart while both wait, and it ends.
#[test]
fn random_networks_are_dialled_to_an_end() {
    for seed in 0..2_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let addresses: Vec<_> = (0..random.u8(..9)).map(|n| if random.bool() { v4(n) } else { v6(n.into()) }).collect();
        let mut plan = Plan::new(addresses.clone(), None);
        let (mut now, mut seen) = (Instant::now(), Vec::new());
        let ended = loop {
            match plan.next(now) {
                DialStep::Connect(address) => {
                    assert!(!seen.contains(&address));
                    seen.push(address);
                }
                DialStep::Wait(until) => {
                    let running: Vec<_> = plan.running().collect();
                    match until {
                        Some(until) if random.bool() || running.is_empty() => now = until,
                        _ => {
                            let chosen = running[random.usize(..running.len())];
                            if random.u8(..4) > 0 {
                                plan.failed(chosen, "refused");
                            } else {
                                assert_eq!(plan.succeeded(chosen).len() + 1, running.len());
                            }
                        }
                    }
                }
                step => break step,
            }
        };
        match ended {
            DialStep::Done => assert!(!seen.is_empty()),
            _ => assert_eq!(seen.len(), addresses.len()),
        }
    }
}
