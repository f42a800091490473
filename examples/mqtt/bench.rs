//! `mqtt bench`: how fast messages go to the broker and back, and what that costs here.

mod echo;
mod took;

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use pure_mqtt::{Limits, Publish, QoS, Subscribe, Subscription, TopicFilter};

use crate::args::Bench;
use crate::failure::Failure;
use crate::json::Line;
use crate::link::Link;
use crate::progress;
use crate::report::{self, Tally};
use echo::Echo;
use took::{Clock, Took, spread};

/// So often the bar moves and Ctrl-C is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// If nothing comes back for so long, nothing will.
const STALL: Duration = Duration::from_secs(5);

pub fn run(options: &Bench, tally: &mut Tally) -> Result<(), Failure> {
    let filter = TopicFilter::new(options.topic.as_str()).map_err(Failure::Topic)?;
    let payload = vec![b'x'; options.size];
    let rounds = options.levels.len() as u64 * (options.rounds + 1);
    let mut bench = Runner {
        link: Link::new(&options.broker, Limits::DEFAULT),
        echo: Echo::new(Publish::new(options.topic, &payload), options.window.into()),
        options,
        bar: progress::bar(true, Some(rounds * options.messages), "messages"),
    };
    let result = bench.run(filter, tally);
    bench.bar.finish_and_clear();
    result
}

struct Runner<'a> {
    link: Link<'a>,
    echo: Echo<'a>,
    options: &'a Bench,
    bar: ProgressBar,
}

impl Runner<'_> {
    fn run(&mut self, filter: TopicFilter<'_>, tally: &mut Tally) -> Result<(), Failure> {
        self.link.connect(&mut self.echo)?;
        let mut levels = self.options.levels.iter();
        let result = self.subscribe(filter).and_then(|()| levels.try_for_each(|qos| self.measure(*qos, tally)));
        let left = self.link.leave();
        result.and(left)
    }

    fn subscribe(&mut self, filter: TopicFilter<'_>) -> Result<(), Failure> {
        let filters = [Subscription::new(filter, QoS::ExactlyOnce)];
        let now = self.link.host.now();
        self.link.host.mqtt.subscribe(now, &Subscribe::new(&filters))?;
        self.link.wait(&mut self.echo, |echo, _| echo.is_subscribed || echo.failure.is_some())?;
        self.echo.failure.take().map_or(Ok(()), Err)
    }

    /// All rounds of one quality of service. The first one warms up and doesn't count.
    fn measure(&mut self, qos: QoS, tally: &mut Tally) -> Result<(), Failure> {
        self.round(qos)?;
        let mut rounds = Vec::new();
        for number in 1..=self.options.rounds {
            let took = self.round(qos)?;
            tally.messages += self.options.messages;
            if self.options.format.is_json() {
                self.print(&line("round", qos, &took).field("round", number).end())?;
            }
            rounds.push(took);
        }
        let text = if self.options.format.is_json() { median(qos, &rounds) } else { self.row(qos, &rounds) };
        self.print(&text)
    }

    fn round(&mut self, qos: QoS) -> Result<Took, Failure> {
        let clock = Clock::start();
        let now = self.link.host.now();
        self.echo.start(qos, self.options.messages, &mut self.link.host.mqtt, now);
        let before = self.bar.position();
        let (mut seen, mut moved) = (0, Instant::now());
        while !self.link.drive(&mut self.echo, LOOK, |echo, mqtt| echo.is_done(mqtt))? {
            if self.link.stop.is_wanted() {
                return Err(Failure::Stopped);
            }
            if self.echo.received > seen {
                (seen, moved) = (self.echo.received, Instant::now());
                self.bar.set_position(before + seen);
            } else if moved.elapsed() > STALL {
                return Err(Failure::Lost { missing: self.echo.count - seen });
            }
        }
        let took = clock.stop(self.options.messages);
        self.bar.set_position(before + self.options.messages);
        self.echo.failure.take().map_or(Ok(took), Err)
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        self.bar.suspend(|| report::print(text.as_bytes()))
    }

    /// A row of the table for people, below its heading if it is the first.
    fn row(&self, qos: QoS, rounds: &[Took]) -> String {
        let Bench { messages, size, window, rounds: count, levels, .. } = self.options;
        let [slowest, rate, fastest] = spread(rounds.iter().map(|took| took.messages_per_second));
        let [_, processor, _] = spread(rounds.iter().map(|took| took.processor_us));
        let heading = format!(
            "{messages} messages of {size} bytes to the broker and back, at most {window} under way; \
             median of {count} rounds\n\
             QoS  messages/s  (slowest–fastest)    processor time here\n"
        );
        let range = format!("({slowest:.0}–{fastest:.0})");
        let row = format!("{:3}  {rate:10.0}  {range:<19}  {processor:.2} µs a message\n", qos.bits());
        if levels.first() == Some(&qos) { heading + &row } else { row }
    }
}

fn median(qos: QoS, rounds: &[Took]) -> String {
    let [slowest, rate, fastest] = spread(rounds.iter().map(|took| took.messages_per_second));
    let [_, processor_us, _] = spread(rounds.iter().map(|took| took.processor_us));
    let line = line("median", qos, &Took { messages_per_second: rate, processor_us });
    line.field("slowest", slowest).field("fastest", fastest).end()
}

fn line(kind: &str, qos: QoS, took: &Took) -> Line {
    Line::new(kind)
        .field("qos", qos.bits())
        .field("messages_per_second", took.messages_per_second)
        .field("processor_us_per_message", took.processor_us)
}
