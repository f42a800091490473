//! Explores every order of events, up to a budget, between the real client and a small server. See README.md.

mod config;
mod configs;
mod device;
mod packet;
mod rules;
mod server;
mod state;

use crate::config::Config;
use crate::device::{Forgets, Memory, Remembers};
use crate::rules::Rule;
use crate::state::{Action, State};
use stateright::{Checker, HasDiscoveries, Property};
use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Instant;

const SPENT: &str = "AllSpent";
const SETTLES: &str = "EverythingEnds";

/// A configuration, and what its device remembers without power.
pub struct Model<M> {
    config: Config,
    memory: PhantomData<M>,
}

impl<M: Memory> stateright::Model for Model<M> {
    type State = State<M>;
    type Action = Action;

    fn init_states(&self) -> Vec<State<M>> {
        vec![State::new(&self.config)]
    }

    fn actions(&self, state: &State<M>, actions: &mut Vec<Action>) {
        state.actions(&self.config, actions);
    }

    fn next_state(&self, last: &State<M>, action: Action) -> Option<State<M>> {
        let step = || {
            let mut state = last.clone();
            state.apply(&self.config, action).then_some(state)
        };
        catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| {
            let mut state = last.clone();
            state.broken = Some(Rule::NoPanic);
            Some(state)
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = rules::properties();
        properties.push(Property::always(SETTLES, |model: &Self, state: &State<M>| {
            let settles = || state.drain(&model.config, &mut |_| {}).is_ok();
            state.broken.is_some() || catch_unwind(AssertUnwindSafe(settles)).unwrap_or(false)
        }));
        properties.push(Property::always("EqHashOfACopy", |_, state: &State<M>| {
            let copy = state.client.clone();
            copy == state.client && hash(&copy) == hash(&state.client)
        }));
        // Not a promise, but a check of the model itself: this must be reachable.
        properties.push(Property::sometimes(SPENT, |model: &Self, state: &State<M>| state.is_spent(&model.config)));
        properties
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What one configuration gave.
struct Outcome {
    states: usize,
    holds: bool,
    text: String,
}

fn explore(config: &Config) -> Outcome {
    if config.budget.outages > 0 { explore_with::<Remembers>(config) } else { explore_with::<Forgets>(config) }
}

fn explore_with<M: Memory>(config: &Config) -> Outcome {
    let start = Instant::now();
    let model = Model::<M> { config: config.clone(), memory: PhantomData };
    let checker = stateright::Model::checker(model).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let mut discoveries = checker.discoveries();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let is_spent = discoveries.remove(SPENT).is_some();
    let holds = discoveries.is_empty() && is_spent;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<4} {:<28} {:>9} states, depth {:>3}, {:>5.1} s: {}",
        format!("{:?}", config.version),
        config.name,
        states,
        depth,
        start.elapsed().as_secs_f64(),
        if holds { "holds" } else { "FAILS" }
    );
    let _ = writeln!(text, "     {}", configs::describe(config));
    if !is_spent {
        let _ = writeln!(text, "     it never came so far that all was spent and all was finished");
    }
    for (name, path) in discoveries {
        let last = path.last_state().clone();
        let _ = writeln!(
            text,
            "\n{name} is broken{}:",
            last.broken.map_or(String::new(), |rule| format!(" ({})", rule.text()))
        );
        for (number, action) in path.into_actions().iter().enumerate() {
            let _ = writeln!(text, "{:>4}. {action:?}", number + 1);
        }
        if name == SETTLES {
            let _ = writeln!(text, "      and then, with nothing going wrong any more:");
            let mut steps = String::new();
            let drained =
                catch_unwind(AssertUnwindSafe(|| last.drain(config, &mut |a| steps += &format!("      {a:?}\n"))));
            text += &steps;
            let _ = writeln!(
                text,
                "      {}",
                drained.map_or_else(|_| "a panic".into(), |result| result.err().unwrap_or_default())
            );
        }
        let _ = writeln!(text, "\nThe state then: {last:?}\n");
    }
    Outcome { states, holds, text }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (list, only) = match arguments[..] {
        [] => (configs::normal(), None),
        ["--release-size"] => (configs::large(), None),
        ["--only", name] => ([configs::normal(), configs::large(), configs::open_questions()].concat(), Some(name)),
        _ => {
            eprintln!("usage: pure-mqtt-model [--release-size | --only NAME]");
            return ExitCode::from(2);
        }
    };
    let start = Instant::now();
    let list: Vec<&Config> = list.iter().filter(|config| only.is_none_or(|name| config.name == name)).collect();
    let (next, states, holds) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(true));
    let work = || {
        while let Some(config) = list.get(next.fetch_add(1, Relaxed)).filter(|_| holds.load(Relaxed)) {
            let outcome = explore(config);
            print!("{}", outcome.text);
            states.fetch_add(outcome.states, Relaxed);
            holds.fetch_and(outcome.holds, Relaxed);
        }
    };
    // One configuration on each core: so the way to a fault is the shortest there is.
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let (states, holds) = (states.into_inner(), holds.into_inner());
    println!("{states} states in {:.1} s", start.elapsed().as_secs_f64());
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny_budgets_hold() {
        for config in configs::tiny() {
            let outcome = explore(&config);
            assert!(outcome.holds, "{}", outcome.text);
        }
    }
}
