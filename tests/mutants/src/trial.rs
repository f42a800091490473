//! Runs the tests that reach a mutant until one fails: first those that noticed others lately, as mutants that stand together are noticed by the same tests;
//! then the quickest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::build::Built;
use crate::list::Mutant;

/// As many tests in one process, and tests that take so long together.
const TOGETHER: usize = 16;
const TOGETHER_FOR: Duration = Duration::from_millis(1_500);
/// So many tests that noticed something are remembered.
const REMEMBERED: usize = 12;
/// A mutant that makes tests take so much more of the processor's time is one that was noticed.
const SLOWER: u32 = 5;
const AT_LEAST: Duration = Duration::from_secs(6);
/// So many times as long may it take on the clock: other programs want the processor too, and a test may wait for ever.
const CROWDED: u32 = 20;
/// A suite that plays the same many worlds each time, unless a seed asks for one of them.
const WITHOUT_SEED: &str = "world";
/// How a program ends that has used up its time: SIGXCPU, or SIGKILL a little later.
const OUT_OF_TIME: [i32; 2] = [24, 9];
/// Kilobytes of memory that a test may have: some mutants never stop to allocate.
const MEMORY: &str = "2000000";

struct Test {
    program: PathBuf,
    name: String,
    time: Duration,
    reaches: BTreeSet<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Caught,
    Timeout,
    Missed,
    Unreached,
    LeftOut,
}

impl End {
    const ALL: [Self; 5] = [Self::Caught, Self::Timeout, Self::Missed, Self::Unreached, Self::LeftOut];

    const fn name(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Timeout => "timeout",
            Self::Missed => "missed",
            Self::Unreached => "unreached",
            Self::LeftOut => "left_out",
        }
    }
}

/// Tries all mutants but those that are skipped; writes one list for each way in which a trial ends, a line as soon as it has ended.
pub fn run(
    built: &Built,
    mutants: &[Mutant],
    (skipped, quick): (&BTreeSet<usize>, Option<u64>),
    seed: &str,
    out: &Path,
) -> Result {
    let mut tests = survey(built, seed, out)?;
    tests.retain(|test| quick.is_none_or(|most| test.time <= Duration::from_millis(most)));
    let begin = Instant::now();
    let said = out.join("said");
    let mut lately = VecDeque::new();
    let mut lists = BTreeMap::new();
    for end in End::ALL {
        let path = out.join(end.name()).with_extension("txt");
        lists.insert(end, (0, fs::File::create(path).map_err(|error| error.to_string())?));
    }
    for (number, mutant) in mutants.iter().enumerate() {
        if number % 100 == 99 {
            println!("{} of {} in {} s", number + 1, mutants.len(), begin.elapsed().as_secs());
        }
        if skipped.contains(&number) {
            continue;
        }
        let end = match built.left_out.contains(&number) {
            true => End::LeftOut,
            false => try_one(built, number, &tests, seed, &mut lately, &said)?,
        };
        if matches!(end, End::Missed | End::Unreached) {
            println!("{} {}", end.name(), mutant.name);
        }
        if let Some((count, list)) = lists.get_mut(&end) {
            *count += 1;
            writeln!(list, "{}", mutant.name).map_err(|error| error.to_string())?;
        }
    }
    println!("{} s", begin.elapsed().as_secs());
    for (end, (count, _)) in &lists {
        println!("{count:>6} {}", end.name());
    }
    Ok(())
}

/// Runs each test alone: how long it takes, and what it reaches.
fn survey(built: &Built, seed: &str, out: &Path) -> Result<Vec<Test>> {
    fs::create_dir_all(out).map_err(|error| error.to_string())?;
    let seen = out.join("seen");
    let mut tests = Vec::new();
    for program in &built.programs {
        let output = Command::new(program).args(["--list", "--format", "terse"]).output().map_err(|e| e.to_string())?;
        for name in String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.strip_suffix(": test")) {
            let _ = fs::remove_file(&seen);
            let begin = Instant::now();
            let limit = Duration::from_secs(60);
            let mut command = command(built, program, &[name], seed, limit);
            command.env("MUTANTS_SEEN", &seen);
            if !matches!(outcome(&mut command, limit)?, End::Missed) {
                return Err(format!("{name} fails without a mutant"));
            }
            let text = fs::read_to_string(&seen).unwrap_or_default();
            let reaches = text.lines().filter_map(|line| line.parse().ok()).collect();
            tests.push(Test { program: program.clone(), name: name.to_owned(), time: begin.elapsed(), reaches });
        }
    }
    tests.sort_by_key(|test| test.time);
    println!("{} tests, {} ms", tests.len(), tests.iter().map(|test| test.time.as_millis()).sum::<u128>());
    for test in tests.iter().rev().take(5) {
        println!("{:>6} ms {}", test.time.as_millis(), test.name);
    }
    Ok(tests)
}

fn try_one<'t>(
    built: &Built,
    number: usize,
    tests: &'t [Test],
    seed: &str,
    lately: &mut VecDeque<&'t str>,
    said: &Path,
) -> Result<End> {
    let mut left: Vec<&Test> = tests.iter().filter(|test| test.reaches.contains(&number)).collect();
    if left.is_empty() {
        return Ok(End::Unreached);
    }
    left.sort_by_key(|test| lately.iter().position(|name| *name == test.name).unwrap_or(REMEMBERED));
    while let Some(first) = left.first() {
        let program = first.program.clone();
        let (mut now, mut time) = (Vec::new(), Duration::ZERO);
        left.retain(|test| {
            let is_short = now.len() < TOGETHER && time + test.time <= TOGETHER_FOR;
            let is_next = test.program == program && (now.is_empty() || is_short);
            if is_next {
                now.push(test.name.as_str());
                time += test.time;
            }
            !is_next
        });
        let limit = (time * SLOWER).max(AT_LEAST);
        let mut command = command(built, &program, &now, seed, limit);
        command.env("MUTANT", number.to_string());
        command.stdout(fs::File::create(said).map_err(|error| error.to_string())?);
        match outcome(&mut command, limit)? {
            End::Missed => {}
            end => {
                if let Some(name) = failed(&now, said) {
                    lately.retain(|old| *old != name);
                    lately.push_front(name);
                    lately.truncate(REMEMBERED);
                }
                return Ok(end);
            }
        }
    }
    Ok(End::Missed)
}

/// Which of these tests failed, if their program said so.
fn failed<'t>(names: &[&'t str], said: &Path) -> Option<&'t str> {
    let text = fs::read(said).ok()?;
    let text = String::from_utf8_lossy(&text);
    let name = text.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))?;
    names.iter().find(|known| **known == name).copied()
}

/// A program with some of its tests, which may take so much of the processor's time.
fn command(built: &Built, program: &Path, names: &[&str], seed: &str, limit: Duration) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -v {MEMORY}; ulimit -t {}; exec \"$0\" \"$@\"", limit.as_secs() + 1);
    command.args(["-c", &script]).arg(program);
    command.args(["--test-threads", "1", "-Zunstable-options", "--fail-fast", "--exact"]).args(names);
    command.current_dir(&built.root).env("RUST_BACKTRACE", "0");
    if !is_suite(program, WITHOUT_SEED) {
        command.env("PURE_MQTT_SEED", seed);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Cargo names a test's program after the suite, with a hash behind it.
fn is_suite(program: &Path, suite: &str) -> bool {
    let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.rsplit_once('-').is_some_and(|(name, _)| name == suite)
}

/// `Missed` if the tests pass, `Caught` if one fails, `Timeout` if they take too long.
fn outcome(command: &mut Command, limit: Duration) -> Result<End> {
    let mut child = command.spawn().map_err(|error| format!("sh: {error}"))?;
    let end = Instant::now() + limit * CROWDED;
    let mut pause = Duration::from_micros(500);
    while Instant::now() < end {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            let is_late = status.signal().is_some_and(|signal| OUT_OF_TIME.contains(&signal));
            let failed = if is_late { End::Timeout } else { End::Caught };
            return Ok(if status.success() { End::Missed } else { failed });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
    Ok(End::Timeout)
}
