//! Worlds, one after the other.

use crate::features::{Feature, Set};
use crate::ledger::Verdict;
use crate::life::World;
use crate::script::{self, Step};
use crate::{shorter, shrink};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Unless the environment asks for more.
const SOME: u64 = 300;

/// A world, and what of it is left out.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub has: Set,
    /// The steps that are done, if not all.
    pub steps: Option<Vec<usize>>,
}

/// How a world went.
pub struct Story {
    pub acted: Set,
    pub verdict: Verdict,
    pub lines: Vec<String>,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let mut has = Set::draw(&mut fastrand::Rng::with_seed(seed ^ 0x5EED_0003));
        let without = Set::parse(&std::env::var("PURE_MQTT_WITHOUT").unwrap_or_default());
        without.iter().for_each(|feature| has.remove(feature));
        Self { seed, has, steps: None }
    }

    pub fn script(&self) -> Vec<Step> {
        let all = Set::draw(&mut fastrand::Rng::with_seed(self.seed ^ 0x5EED_0003));
        script::draw(self.seed, all)
    }

    fn chosen(&self) -> Vec<Step> {
        let all = self.script();
        match &self.steps {
            Some(kept) => kept.iter().filter_map(|index| all.get(*index).copied()).collect(),
            None => all,
        }
    }

    pub fn play(&self, tells: bool) -> Story {
        let told = RefCell::new((Set::default(), Vec::new()));
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(self.seed, self.has, tells);
            let result = live(&mut world, &self.chosen());
            *told.borrow_mut() = (world.acted, world.lines.take().unwrap_or_default());
            result
        }));
        let verdict = result.unwrap_or_else(|_| Err(LAST_PANIC.with_borrow(|text| format!("panic: {text}"))));
        let (acted, lines) = told.into_inner();
        Story { acted, verdict, lines }
    }
}

fn live(world: &mut World, steps: &[Step]) -> Verdict {
    world.run_until(0)?;
    for step in steps {
        world.apply(*step)?;
    }
    world.heal()
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A panic in a world is a finding like others, and is told once, at the end.
fn hush_panics() {
    std::panic::set_hook(Box::new(|info| {
        LAST_PANIC.with_borrow_mut(|text| *text = info.to_string().replace('\n', " "));
    }));
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn nothing_goes_wrong_in_any_world() {
    hush_panics();
    if let Some(seed) = number("PURE_MQTT_SEED") {
        return play_one(seed);
    }
    let (first, count) = (number("PURE_MQTT_FIRST").unwrap_or(1), number("PURE_MQTT_WORLDS").unwrap_or(SOME));
    let goes_on = std::env::var("PURE_MQTT_ALL").is_ok();
    let (mut acted, mut failed) = (vec![0_u64; Feature::ALL.len()], Vec::new());
    for seed in first..first + count {
        let story = Plan::new(seed).play(false);
        story.acted.iter().for_each(|feature| acted[feature as usize] += 1);
        if let Err(text) = story.verdict {
            failed.push((seed, text));
            if !goes_on {
                break;
            }
        }
    }
    print_acted(&acted);
    if goes_on {
        shorter::summarise(&failed, shrink::kind_of);
    } else if let Some((seed, text)) = failed.first() {
        let told = shrink::shrink(&Plan::new(*seed), text);
        let _ = std::panic::take_hook();
        panic!("{told}");
    } else if count >= 5_000 {
        let never: Vec<_> = Feature::ALL.iter().filter(|feature| acted[**feature as usize] == 0).collect();
        assert!(never.is_empty(), "these never acted: {never:?}");
    }
}

fn play_one(seed: u64) {
    let mut plan = Plan::new(seed);
    plan.steps = std::env::var("PURE_MQTT_STEPS").ok().map(|text| shorter::parse_steps(&text));
    let story = plan.play(true);
    let _ = std::panic::take_hook();
    println!("{}\nhas {}\nacted {}", story.lines.join("\n"), plan.has, story.acted);
    if let Err(text) = story.verdict {
        panic!("{text}");
    }
}

/// In how many worlds each feature acted.
fn print_acted(acted: &[u64]) {
    for row in Feature::ALL.chunks(6) {
        let cells: Vec<_> =
            row.iter().map(|one| format!("{:>17} {:5}", format!("{one:?}"), acted[*one as usize])).collect();
        println!("{}", cells.join(""));
    }
}
