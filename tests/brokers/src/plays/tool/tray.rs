//! Numbered lines under trouble: what was fed to the publisher, what the reader printed, and what that says.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

/// So many lines are on their way at most.
const WINDOW: usize = 20;
/// When nothing came for so long, nothing comes any more: NATS repeats what was not acknowledged every 2 seconds.
const QUIET: Duration = Duration::from_secs(4);
/// A look at what was printed.
const GLANCE: Duration = Duration::from_millis(2);
/// Where nothing comes for so long, one line more is fed: what came before it may have been lost.
const STILL: Duration = Duration::from_secs(1);

/// What a publisher was fed.
pub struct Fed {
    count: usize,
    last: Instant,
}

/// What a reader printed with `%q %p`: how often each line, and how many below the quality of service that was asked for.
#[derive(Default)]
pub struct Printed {
    counts: BTreeMap<usize, usize>,
    downgraded: usize,
}

impl Fed {
    pub fn new() -> Self {
        Self { count: 0, last: Instant::now() }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// Feeds a line if few enough are on their way; otherwise looks at what came.
    pub fn step(&mut self, publisher: &mut Tool, reader: &Tool, printed: &mut Printed, best: u8) {
        printed.take(reader, GLANCE, best);
        let is_still = self.last.elapsed() > STILL;
        if self.count < printed.counts.len() + WINDOW || is_still {
            publisher.write(&format!("{}\n", self.count));
            self.count += 1;
            self.last = Instant::now();
        }
    }

    /// Waits for what is missing as long as anything comes.
    pub fn collect(&self, stage: &Stage, reader: &Tool, printed: &mut Printed, best: u8) {
        while printed.take(reader, QUIET.min(stage.left()), best) {
            if printed.counts.len() == self.count && !printed.take(reader, GLANCE, best) {
                return;
            }
        }
    }

    /// What is wrong with what `who` printed. `repeated`: payloads that the broker has published again after PUBREL.
    pub fn judge(&self, who: &str, printed: &Printed, best: u8, repeated: &[Vec<u8>]) -> Played {
        let lost = (0..self.count).filter(|number| !printed.counts.contains_key(number)).count();
        let doubled = || printed.counts.iter().filter(|(_, count)| **count > 1).map(|(number, _)| *number);
        let Printed { counts, downgraded } = printed;
        let detail = format!(
            "{} fed, {} printed, {lost} lost, {} twice, {downgraded} downgraded",
            self.count,
            counts.len(),
            doubled().count()
        );
        println!("    {who}: {detail}");
        if lost > 0 {
            return Err(Finding::wrong(format!("{who} loses messages that were acknowledged")).with(detail));
        }
        let is_exact = best == 2 && *downgraded == 0;
        if is_exact && doubled().next().is_some() {
            let is_repeated = |number: usize| repeated.iter().any(|text| *text == number.to_string().into_bytes());
            return Err(Finding::wrong(match doubled().all(is_repeated) {
                true => "the broker sends PUBLISH again after PUBREL, so that messages at QoS 2 arrive twice".into(),
                false => format!("{who} gets messages at QoS 2 twice"),
            })
            .with(detail));
        }
        Ok(match best {
            2 if is_exact => String::new(),
            2 => "QoS 2 counts as QoS 1".into(),
            _ => "at QoS 1".into(),
        })
    }
}

impl Printed {
    /// Takes what is there; true if that was something.
    fn take(&mut self, reader: &Tool, patience: Duration, best: u8) -> bool {
        let mut wait = patience;
        let mut has_some = false;
        while let Some(line) = reader.line(wait) {
            let (qos, number) = line.split_once(' ').unwrap_or_default();
            if let (Ok(qos), Ok(number)) = (qos.parse::<u8>(), number.parse()) {
                *self.counts.entry(number).or_default() += 1;
                self.downgraded += usize::from(qos < best);
            }
            (has_some, wait) = (true, Duration::ZERO);
        }
        has_some
    }
}
