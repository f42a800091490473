//! The routers against a naive one, which splits both texts into levels and compares them one by one.

use std::collections::BTreeMap;

use crate::common::clock::with_seeds;
use pure_mqtt::router::{FixedRouter, Router};
use pure_mqtt::{TopicFilter, TopicName};

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).unwrap()
}

fn topic(text: &str) -> TopicName<'_> {
    TopicName::new(text).unwrap()
}

fn sorted<'a>(values: impl Iterator<Item = &'a u32>) -> Vec<u32> {
    let mut values: Vec<_> = values.copied().collect();
    values.sort_unstable();
    values
}

/// By the letter of §4.7, with recursion.
fn oracle(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) => true,
        ([], []) => true,
        (["+", filter @ ..], [_, topic @ ..]) => oracle(filter, topic),
        ([wanted, filter @ ..], [level, topic @ ..]) => wanted == level && oracle(filter, topic),
        _ => false,
    }
}

fn oracle_matches(filter: &str, topic: &str) -> bool {
    let levels: Vec<_> = filter.split('/').collect();
    let levels = if levels[0] == "$share" { &levels[2..] } else { &levels[..] };
    let is_hidden = topic.starts_with('$') && (levels[0] == "+" || levels[0] == "#");
    !is_hidden && oracle(levels, &topic.split('/').collect::<Vec<_>>())
}

#[test]
fn several_may_match_and_the_default_only_if_none_does() {
    let rows = ["a/b", "a/+", "a/#", "+/b", "#", "a/b/c", "a", "$share/g/a/b", "$share/h/a/b", "$SYS/#", "a/b/#"];
    let mut heap = Router::new();
    let mut fixed = FixedRouter::<u32, 16>::new();
    for (number, row) in (0..).zip(rows) {
        assert_eq!(heap.insert(filter(row), number), None);
        assert_eq!(fixed.try_insert(filter(row), number), Ok(None));
    }
    heap.set_default(Some(99));
    fixed.set_default(Some(99));
    assert_eq!((heap.default_value(), fixed.default_value()), (Some(&99), Some(&99)));
    assert_eq!((heap.len(), fixed.len()), (rows.len(), rows.len()));
    assert!(!heap.is_empty() && !fixed.is_empty());
    for (name, expected) in [
        ("a/b", vec![0, 1, 2, 3, 4, 7, 8, 10]),
        ("a", vec![2, 4, 6]),
        ("a/", vec![1, 2, 4]),
        ("/b", vec![3, 4]),
        ("a/b/c", vec![2, 4, 5, 10]),
        ("$SYS/load", vec![9]),
        ("$SYS", vec![9]),
        ("$other/b", vec![]),
    ] {
        assert_eq!(sorted(heap.matches(topic(name))), expected, "{name}");
        assert_eq!(sorted(fixed.matches(topic(name))), expected, "{name}");
        let routed = if expected.is_empty() { vec![99] } else { expected.clone() };
        assert_eq!(sorted(heap.route(topic(name))), routed, "{name}");
        assert_eq!(sorted(fixed.route(topic(name))), routed, "{name}");
        let (mut by_heap, mut by_fixed) = (Vec::new(), Vec::new());
        assert_eq!(heap.dispatch(topic(name), |value| by_heap.push(*value)), expected.len());
        assert_eq!(fixed.dispatch(topic(name), |value| by_fixed.push(*value)), expected.len());
        assert_eq!((sorted(by_heap.iter()), sorted(by_fixed.iter())), (routed.clone(), routed), "{name}");
    }
}

#[test]
fn a_filter_has_one_value_and_a_shared_one_is_another_filter() {
    let mut router = Router::new();
    assert_eq!(router.insert(filter("a"), 1), None);
    assert_eq!(router.insert(filter("$share/g/a"), 2), None);
    assert_eq!(router.insert(filter("a"), 3), Some(1));
    assert_eq!((router.get(filter("a")), router.get(filter("$share/g/a"))), (Some(&3), Some(&2)));
    assert_eq!(router.get(filter("$share/h/a")), None);
    *router.get_mut(filter("$share/g/a")).unwrap() = 4;
    assert_eq!(router.remove(filter("a")), Some(3));
    assert_eq!(router.remove(filter("a")), None);
    assert_eq!(sorted(router.matches(topic("a"))), [4]);
    assert_eq!(router.default_value(), None);
    router.values_mut().for_each(|value| *value += 1);
    assert_eq!(sorted(router.values()), [5]);
    router.set_default(Some(0));
    router.clear();
    assert!(router.is_empty());
    assert_eq!(router.route(topic("a")).collect::<Vec<_>>(), [&0]);
}

#[test]
fn what_debug_output_shows() {
    let mut heap = Router::default();
    let mut fixed = FixedRouter::<u32, 3>::default();
    heap.insert(filter("a"), 1);
    fixed.try_insert(filter("a"), 1).unwrap();
    assert_eq!(format!("{heap:?} {fixed:?}"), "Router { filters: 1, .. } FixedRouter { filters: 1, .. }");
    let name = topic("a");
    assert_eq!(format!("{:?} {:?}", heap.matches(name), fixed.matches(name)), "Matches { .. } FixedMatches { .. }");
    *fixed.get_mut(filter("a")).unwrap() = 2;
    fixed.values_mut().for_each(|value| *value += 1);
    assert_eq!((sorted(fixed.values()), fixed.default_value()), (vec![3], None));
    assert_eq!(fixed.set_default(Some(5)), None);
    assert_eq!((fixed.set_default(None), heap.set_default(Some(4)), heap.default_value()), (Some(5), None, Some(&4)));
}

/// The same names under other parents: a level is found by its parent too.
#[test]
fn levels_of_the_same_name_are_told_apart() {
    let mut router = Router::new();
    for number in 0..200 {
        assert_eq!(router.insert(filter(&format!("p{number}/x")), number), None);
        assert_eq!(router.insert(filter(&format!("q{number}/y")), number), None);
    }
    for number in 0..200 {
        let of = |name: String| router.matches(topic(&name)).copied().collect::<Vec<_>>();
        assert_eq!((of(format!("p{number}/x")), of(format!("q{number}/y"))), (vec![number], vec![number]));
        assert_eq!((of(format!("p{number}/y")), of(format!("q{number}/x"))), (vec![], vec![]));
    }
}

#[test]
fn a_full_table_gives_the_value_back() {
    let mut router = FixedRouter::<String, 2>::new();
    router.try_insert(filter("a"), "one".into()).unwrap();
    router.try_insert(filter("b"), "two".into()).unwrap();
    assert_eq!(router.try_insert(filter("c"), "three".into()), Err("three".into()));
    assert_eq!(router.try_insert(filter("b"), "four".into()), Ok(Some("two".into())));
    assert_eq!(router.remove(filter("a")).as_deref(), Some("one"));
    assert_eq!(router.try_insert(filter("c"), "three".into()), Ok(None));
    assert_eq!(router.get(filter("c")).map(String::as_str), Some("three"));
    assert_eq!((router.set_default(Some("rest".into())), router.default_value()), (None, Some(&"rest".into())));
    router.clear();
    assert!(router.is_empty());
    assert_eq!(router.set_default(None).as_deref(), Some("rest"), "it stays");
}

#[test]
fn values_that_change_are_handed_out_one_by_one() {
    let mut router = Router::<Box<dyn FnMut(&str) -> usize>>::new();
    let mut seen = 0;
    router.insert(
        filter("#"),
        Box::new(move |text| {
            seen += text.len();
            seen
        }),
    );
    let mut results = Vec::new();
    for _ in 0..2 {
        router.dispatch(topic("a/b"), |handler| results.push(handler("abc")));
    }
    assert_eq!(results, [3, 6]);
}

/// Few names, so that much matches; empty levels, `$` and shares among them.
fn random_text(rng: &mut fastrand::Rng, is_filter: bool) -> String {
    let count = rng.usize(1..6);
    let mut levels: Vec<&str> = (0..count)
        .map(|_| match rng.u8(0..12) {
            0..4 => "a",
            4..6 => "b",
            6 => "",
            7 => "$a",
            8 => "Ä",
            _ if is_filter => "+",
            _ => "c",
        })
        .collect();
    if is_filter && rng.u8(0..4) == 0 {
        levels.push("#");
    }
    let text = levels.join("/");
    let share = ["", "", "", "$share/g/", "$share/h/"][rng.usize(0..5)];
    if is_filter && !text.is_empty() { format!("{share}{text}") } else { text }
}

#[test]
fn random_filters_come_and_go_and_match_as_the_naive_router_says() {
    with_seeds(1, 60, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let pool: Vec<_> = (0..60).map(|_| random_text(&mut rng, true)).filter(|text| !text.is_empty()).collect();
        let mut heap = Router::with_seed(rng.u64(..));
        let mut fixed = FixedRouter::<u32, 60>::new();
        let mut naive = BTreeMap::new();
        for number in 0..400 {
            let text = rng.choice(&pool).unwrap().as_str();
            if rng.u8(0..5) < 3 {
                let before = naive.insert(text, number);
                assert_eq!(heap.insert(filter(text), number), before);
                assert_eq!(fixed.try_insert(filter(text), number), Ok(before));
            } else {
                let before = naive.remove(text);
                assert_eq!((heap.remove(filter(text)), fixed.remove(filter(text))), (before, before));
            }
            assert_eq!((heap.len(), fixed.len()), (naive.len(), naive.len()));
            let name = random_text(&mut rng, false);
            if name.is_empty() {
                continue;
            }
            let expected = naive.iter().filter(|(filter, _)| oracle_matches(filter, &name)).map(|(_, value)| value);
            let expected = sorted(expected);
            assert_eq!(sorted(heap.matches(topic(&name))), expected, "{name} among {naive:?}");
            assert_eq!(sorted(fixed.matches(topic(&name))), expected, "{name} among {naive:?}");
        }
        for (text, number) in naive {
            assert_eq!((heap.get(filter(text)), fixed.get(filter(text))), (Some(&number), Some(&number)));
            assert_eq!(heap.remove(filter(text)), Some(number));
        }
        assert!(heap.is_empty());
    });
}

/// The table of names has seen many come and go, with all the gaps that this leaves.
#[test]
fn what_is_taken_out_leaves_nothing_behind() {
    let mut router = Router::new();
    for round in 0..20 {
        for number in 0..500 {
            router.insert(filter(&format!("{number}/{}", number * round)), number);
        }
        for number in (0..500).rev().filter(|number| number % 3 > 0) {
            assert_eq!(router.remove(filter(&format!("{number}/{}", number * round))), Some(number));
        }
        for number in 0..500 {
            let expected: &[u32] = if number % 3 == 0 { &[number] } else { &[] };
            assert_eq!(sorted(router.matches(topic(&format!("{number}/{}", number * round)))), expected);
        }
        router.clear();
    }
}
