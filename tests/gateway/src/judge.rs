//! What became of each reading and each command.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// What happened, to be printed.
#[derive(Default)]
pub struct Verdict {
    backlog: usize,
    /// How long it took from a start of the broker until the gateway had got on; nothing if it did not.
    pub pauses: Vec<Option<Duration>>,
    /// After so many restarts the gateway stood still.
    pub stopped_in: Option<usize>,
    pub took: Duration,
    pub has_ended: bool,
    /// Topics of readings that the broker has received.
    received: BTreeSet<String>,
    /// PUBACK for what was not sent on this link, or was acknowledged on it before.
    strange_acks: usize,
    delivered: Vec<String>,
    /// Told as delivered, and never received.
    unseen: usize,
    /// Readings that were passed over: later ones of the sensor were delivered.
    passed_over: usize,
    missing: usize,
    /// Carried out again, since the broker had not heard of the acknowledgement or forgot it.
    again: usize,
}

impl Verdict {
    pub fn new(backlog: usize) -> Self {
        Self { backlog, ..Self::default() }
    }

    pub fn stands_still(&self) -> bool {
        self.pauses.contains(&None)
    }

    pub fn is_good(&self) -> bool {
        let faults = [self.strange_acks, self.unseen, self.passed_over, self.missing];
        faults == [0; 4] && !self.stands_still() && self.has_ended && !self.delivered.is_empty()
    }

    /// The log of one life of the broker.
    pub fn add_log(&mut self, lines: Vec<String>) {
        let mut sent = BTreeSet::new();
        for line in &lines {
            if line.contains(" as gateway-7 ") {
                sent.clear();
            } else if line.contains("Received PUBLISH from gateway-7") {
                self.received.extend(line.split('\'').nth(1).map(str::to_owned));
            } else if line.contains("Sending PUBLISH to gateway-7") {
                sent.extend(line.split(", m").nth(1).and_then(number));
            } else if line.contains("Received PUBACK from gateway-7") {
                let id = line.split("Mid: ").nth(1).and_then(number);
                self.strange_acks += usize::from(!id.is_some_and(|id| sent.remove(&id)));
            }
        }
    }

    /// All that the gateway has told.
    pub fn tell(&mut self, lines: &[String]) {
        let told = |start| lines.iter().filter_map(move |line| line.strip_prefix(start));
        self.delivered = told("delivered ").map(str::to_owned).collect();
        self.unseen = self.delivered.iter().filter(|topic| !self.received.contains(*topic)).count();
        let mut numbers: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        for (name, count) in self.delivered.iter().filter_map(|topic| topic.rsplit_once('/')) {
            numbers.entry(name).or_default().extend(number(count));
        }
        let gaps = |seen: &BTreeSet<u32>| seen.last().map_or(0, |last| *last as usize + 1 - seen.len());
        self.passed_over = numbers.values().map(gaps).sum();
        let carried_out: Vec<_> = told("carried out ").collect();
        let different = carried_out.iter().collect::<BTreeSet<_>>().len();
        (self.missing, self.again) = (self.backlog - different, carried_out.len() - different);
    }
}

/// The number that a text begins with.
fn number(text: &str) -> Option<u32> {
    let digits = text.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.pauses.iter().flatten().max().copied().unwrap_or_default();
        let kills = self.pauses.iter().flatten().count();
        writeln!(
            f,
            "{kills} restarts in {:.1} s; the longest wait until both sides got on {longest:.1?}",
            self.took.as_secs_f32()
        )?;
        if let Some(life) = self.stopped_in {
            writeln!(f, "IT STOOD STILL after {life} restarts")?;
        }
        let ended = if self.has_ended { "ended in order" } else { "DID NOT END" };
        writeln!(f, "{ended} when asked to")?;
        writeln!(
            f,
            "readings: {} delivered, {} of them never received, {} passed over",
            self.delivered.len(),
            self.unseen,
            self.passed_over
        )?;
        writeln!(
            f,
            "commands: {} of {} carried out, {} once more",
            self.backlog - self.missing,
            self.backlog,
            self.again
        )?;
        write!(f, "acknowledgements of what was not sent, or a second time: {}", self.strange_acks)
    }
}
