//! `mqtt bench`: messages per second to the server and back, latency, and the processor time and memory of this process.

mod crowd;
mod echo;
#[cfg(feature = "plot")]
mod plot;
mod round;
mod table;
mod took;

use std::sync::Arc;

use indicatif::ProgressBar;
use pure_mqtt_client::Client;
use pure_mqtt_client::pure_mqtt::{QoS, Version};

use crate::args::Bench;
use crate::failure::Failure;
use crate::link::Link;
use crate::report::{self, Tally};
use crate::{progress, session};
use crowd::Crowd;
use round::Round;
use took::{Clock, Took};

pub fn run(options: &Bench, tally: &mut Tally) -> Result<(), Failure> {
    crowd::raise_limits(options.connections)?;
    let unused = Client::with(session::options(&options.broker, Version::V311)); // signals and the deadline belong to a link
    let mut link = Link::new(unused, &options.broker, options.broker.session.timeout)?;
    let round = Arc::new(Round::new());
    let bar = progress::bar(options.connections > 1, Some(options.connections.into()), "connections");
    let crowd = crowd::gather(&mut link, options, &round, |count| bar.set_position(count));
    bar.finish_and_clear();
    let crowd = crowd?;
    let messages = options.levels().len() as u64 * (options.rounds + 1) * options.messages;
    let mut runner = Runner { link, crowd, round, options, bar: progress::bar(true, Some(messages), "messages") };
    let result = runner.run(tally);
    runner.bar.finish_and_clear();
    runner.crowd.leave();
    result
}

struct Runner<'a> {
    link: Link,
    crowd: Crowd,
    round: Arc<Round>,
    options: &'a Bench,
    bar: ProgressBar,
}

impl Runner<'_> {
    fn run(&mut self, tally: &mut Tally) -> Result<(), Failure> {
        let is_crowd = self.options.connections > 1 || self.options.messages == 0;
        if is_crowd || self.options.is_json() {
            self.print(&table::connections(self.options.is_json(), &self.crowd))?;
        }
        if self.options.messages == 0 {
            return Ok(());
        }
        let mut measured = Vec::new();
        for qos in self.options.levels() {
            measured.push((qos, self.measure(qos, tally)?));
        }
        self.draw(&measured)
    }

    /// Measures all rounds of one QoS. The first one is a warm-up and is not counted.
    fn measure(&mut self, qos: QoS, tally: &mut Tally) -> Result<Vec<Took>, Failure> {
        self.play(qos)?;
        let mut rounds = Vec::new();
        for number in 1..=self.options.rounds {
            let took = self.play(qos)?;
            tally.messages += self.options.messages;
            if self.options.is_json() {
                self.print(&table::round(qos, number, &took))?;
            }
            rounds.push(took);
        }
        let is_first = self.options.levels().first() == Some(&qos);
        let heading = if is_first { table::heading(self.options) } else { String::new() };
        let text =
            if self.options.is_json() { table::median(qos, &rounds) } else { heading + &table::row(qos, &rounds) };
        self.print(&text)?;
        Ok(rounds)
    }

    fn play(&mut self, qos: QoS) -> Result<Took, Failure> {
        let clock = Clock::start();
        let before = self.bar.position();
        let show = |count| self.bar.set_position(before + count);
        self.crowd.play(&mut self.link, &self.round, qos, self.options, show)?;
        let took = clock.stop(self.options.messages, self.round.take_latency());
        self.bar.set_position(before + self.options.messages);
        Ok(took)
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        self.bar.suspend(|| report::print(text.as_bytes()))
    }

    #[cfg(feature = "plot")]
    fn draw(&self, measured: &[(QoS, Vec<Took>)]) -> Result<(), Failure> {
        let Some(path) = &self.options.plot else { return Ok(()) };
        let lines: Vec<_> = measured.iter().map(|(qos, rounds)| (*qos, took::merged(rounds))).collect();
        plot::draw(path, &lines).map_err(|cause| Failure::Plot { path: path.clone(), cause })
    }

    #[cfg(not(feature = "plot"))]
    fn draw(&self, _measured: &[(QoS, Vec<Took>)]) -> Result<(), Failure> {
        Ok(())
    }
}
