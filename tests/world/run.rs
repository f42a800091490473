//! Worlds, one after the other, on all processors.

use crate::character::{Character, features_of};
use crate::features::{Feature, Set};
use crate::hosts::Reading;
use crate::ledger::Verdict;
use crate::life::World;
use crate::memory::{Large, Memory, Tiny, Usual};
use crate::pairs::Pairs;
use crate::script::{self, Step};
use crate::shown::Shown;
use crate::{shorter, shrink};
use pure_mqtt::storage::{AliasEntry, Borrowed, Buffers, Journaled, ReceiveSlot, SendSlot};
use pure_mqtt::{Fixed, Heap};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Unless the environment asks for more.
const SOME: u64 = 300;
/// And so many with a loop of the documentation.
const SOME_SHOWN: u64 = 200;

/// A world, and what of it is left out.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub has: Set,
    /// The steps that are done, if not all.
    pub steps: Option<Vec<usize>>,
    /// What takes long is checked now and then.
    pub is_hasty: bool,
    /// The host is a loop of the documentation.
    pub is_shown: bool,
}

/// What the loops of the documentation leave to the pages about streaming and durability; how they read and write is their own affair.
const NOT_SHOWN: &str =
    "Journal,TornWrite,SlowFlush,PowerCut,Snapshot,PiecesIn,StreamedOut,Abandon,BytesHost,LateAdvance,Unread";

/// How a world went: which features acted, what was wrong, and what happened if that was asked for.
pub struct Story {
    pub acted: Set,
    pub verdict: Verdict,
    pub lines: Vec<String>,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let mut has = features_of(seed);
        for feature in Set::parse(&std::env::var("PURE_MQTT_WITHOUT").unwrap_or_default()).iter() {
            has.remove(feature);
        }
        Self { seed, has, steps: None, is_hasty: false, is_shown: false }
    }

    /// With a loop of the documentation as its host.
    pub fn shown(seed: u64) -> Self {
        let mut plan = Self { is_shown: true, ..Self::new(seed) };
        Set::parse(NOT_SHOWN).iter().for_each(|feature| plan.has.remove(feature));
        plan
    }

    /// The steps that the seed draws.
    pub fn script(&self) -> Vec<Step> {
        script::draw(self.seed, features_of(self.seed))
    }

    fn chosen(&self) -> Vec<Step> {
        let all = self.script();
        match &self.steps {
            Some(kept) => kept.iter().filter_map(|index| all.get(*index).copied()).collect(),
            None => all,
        }
    }

    /// Plays it.
    pub fn play(&self, tells: bool) -> Story {
        let character = Character::new(self.seed, self.has);
        let has = self.has;
        let journal = has.has(Feature::Journal);
        match () {
            () if has.has(Feature::Tiny) && journal => {
                self.with(Journaled::<Tiny, 300>::new(Fixed::new()), character, tells)
            }
            () if has.has(Feature::Tiny) => self.with(Tiny::new(), character, tells),
            () if has.has(Feature::Fixed) && journal => {
                self.with(Journaled::<Large, 1024>::new(Fixed::new()), character, tells)
            }
            () if has.has(Feature::Fixed) && self.seed.is_multiple_of(3) => self.with(Large::new(), character, tells),
            () if has.has(Feature::Fixed) => self.with(Usual::new(), character, tells),
            () if has.has(Feature::Borrowed) => self.with_borrowed(character, tells),
            () if journal => self.with(Journaled::<Heap, 4096>::new(Heap::new()), character, tells),
            () => self.with(Heap::new(), character, tells),
        }
    }

    fn with_borrowed(&self, character: Character, tells: bool) -> Story {
        let mut send = [SendSlot::default(); 8];
        let mut receive = [ReceiveSlot::default(); 8];
        let (mut arena, mut control) = ([0; 700], [0; 128]);
        let (mut inward, mut outward) = ([AliasEntry::default(); 2], [AliasEntry::default(); 2]);
        let mut names = [[0; 160]; 2];
        let [one, other] = &mut names;
        let buffers = Buffers {
            send: &mut send,
            receive: &mut receive,
            arena: &mut arena,
            control: &mut control,
            aliases_in: (&mut inward, one),
            aliases_out: (&mut outward, other),
        };
        self.with(Borrowed::new(buffers), character, tells)
    }

    fn with<S: Memory>(&self, storage: S, character: Character, tells: bool) -> Story {
        let steps = self.chosen();
        let told = RefCell::new((Set::default(), Vec::new()));
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(storage, self.seed, character, tells.then(Vec::new));
            world.is_hasty = self.is_hasty;
            if self.is_shown {
                world.reading = Reading::Shown(Shown::draw(self.seed, world.character.limits.inline_max));
            }
            let result = live(&mut world, &steps);
            *told.borrow_mut() = (world.app.acted, world.app.lines.take().unwrap_or_default());
            result
        }));
        let verdict = result.unwrap_or_else(|_| Err(LAST_PANIC.with_borrow(|text| format!("panic: {text}"))));
        let (acted, lines) = told.into_inner();
        Story { acted, verdict, lines }
    }
}

fn live<S: Memory>(world: &mut World<S>, steps: &[Step]) -> Verdict {
    world.run_until(0)?;
    for step in steps {
        world.ask()?;
        world.apply(*step)?;
        // A host that does nothing fetches no outcomes, and one that confirms late knows less than the server.
        if !world.is_paused() && world.unconfirmed.is_empty() {
            world.check_readback()?;
        }
        world.bound_log();
    }
    if world.character.has.has(Feature::StallForEver) {
        world.stall_for_good()?;
    }
    world.heal()
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A panic in a world is a finding like others, and is told once, at the end.
pub fn hush_panics() {
    std::panic::set_hook(Box::new(|info| {
        LAST_PANIC.with_borrow_mut(|text| *text = info.to_string());
    }));
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The one world that the environment asks for, as [`shrink::shrink`] writes it.
fn given() -> Option<Plan> {
    let seed = number("PURE_MQTT_SEED")?;
    let mut plan = if std::env::var("PURE_MQTT_SHOWN").is_ok() { Plan::shown(seed) } else { Plan::new(seed) };
    plan.steps = std::env::var("PURE_MQTT_STEPS").ok().map(|text| shorter::parse_steps(&text));
    Some(plan)
}

#[test]
fn nothing_goes_wrong_in_any_world() {
    if let Some(plan) = given() {
        let story = plan.play(true);
        if std::env::var("PURE_MQTT_SHRINK").is_err() {
            println!("{}", story.lines.join("\n"));
        }
        println!("has {}\nacted {}", plan.has, story.acted);
        if let Err(text) = story.verdict {
            if std::env::var("PURE_MQTT_SHRINK").is_ok() {
                hush_panics();
                println!("{}", shrink::shrink(&plan, &text));
            }
            panic!("{text}");
        }
        return;
    }
    let pairs = play_all(SOME, Plan::new);
    match std::env::var("PURE_MQTT_ALL") {
        Ok(_) => pairs.print_if_asked(),
        Err(_) => pairs.judge(number("PURE_MQTT_WORLDS").unwrap_or(SOME)),
    }
}

#[test]
fn the_loops_of_the_documentation_hold_in_every_world() {
    if given().is_none() {
        play_all(SOME_SHOWN, Plan::shown);
    }
}

/// Plays many worlds, and fails with the shortest that goes wrong. Which features acted together.
fn play_all(some: u64, plan: fn(u64) -> Plan) -> Pairs {
    hush_panics();
    let asked_for = number("PURE_MQTT_WORLDS");
    let (count, is_hasty) = (asked_for.unwrap_or(some), asked_for.is_none());
    let first = number("PURE_MQTT_FIRST").unwrap_or(1);
    let (next, has_failed) = (AtomicU64::new(first), AtomicBool::new(false));
    let (pairs, failed) = (Mutex::new(Pairs::default()), Mutex::new(Vec::new()));
    let goes_on = std::env::var("PURE_MQTT_ALL").is_ok();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = || {
            while goes_on || !has_failed.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + count {
                    break;
                }
                let story = Plan { is_hasty, ..plan(seed) }.play(false);
                pairs.lock().expect("pairs").add(story.acted);
                if let Some(text) = story.verdict.err() {
                    has_failed.store(true, Ordering::Relaxed);
                    failed.lock().expect("failures").push((seed, text));
                }
            }
        };
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let _ = std::panic::take_hook();
    let mut failed = failed.into_inner().expect("failures");
    failed.sort();
    if goes_on {
        shorter::summarise(&failed, shrink::kind_of);
        return pairs.into_inner().expect("pairs");
    }
    if let Some((seed, text)) = failed.first() {
        hush_panics();
        let told = shrink::shrink(&Plan { is_hasty, ..plan(*seed) }, text);
        let _ = std::panic::take_hook();
        panic!("{told}");
    }
    pairs.into_inner().expect("pairs")
}
