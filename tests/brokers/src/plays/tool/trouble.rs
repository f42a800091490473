//! Sessions that outlive cuts at random bytes, and the broker.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::tray::{Fed, Printed};
use crate::outcome::{Finding, Played};
use crate::plays::cuts::{CUTS, UNANSWERED, never_present};
use crate::proxy::Mode;
use crate::stage::Stage;
use crate::tool::Tool;

/// For the cuts.
const PATIENCE: Duration = Duration::from_secs(40);
/// For what is unfinished then.
const SETTLING: Duration = Duration::from_secs(10);
const MESSAGES: usize = 300;
/// The broker ends when so many have come.
const BEFORE: usize = 150;

/// How the program says that it can't know whether a message arrived: the broker has lost the session that held it.
const GIVEN_UP: &str = "the message was given up";
const UNSURE: &str =
    "CONNACK says Session Present 0 to who only publishes: messages at QoS 2 end unsure, or come twice";

/// The words of a program whose session outlives its links.
struct Lasting {
    id: String,
    topic: String,
    qos: &'static str,
}

impl Lasting {
    fn new(stage: &mut Stage, name: &str, topic: &str, best: u8) -> Self {
        Self { id: stage.word(name), topic: topic.into(), qos: if best == 2 { "2" } else { "1" } }
    }

    fn words<'w>(&'w self, more: &[&'w str]) -> Vec<&'w str> {
        let words = ["-c", "-i", &self.id, "-t", &self.topic, "-q", self.qos, "--reconnect-delay", "0.01"];
        [&words[..], more].concat()
    }

    fn reader(&self, stage: &Stage, port: u16) -> Played<Tool> {
        Tool::subscriber(stage, port, &self.words(&["-F", "%q %p"]))
    }

    fn publisher(&self, stage: &Stage, port: u16) -> Played<Tool> {
        let tool = Tool::start(stage, port, &[&["pub", "-l"], &self.words(&[])[..]].concat())?;
        match tool.once(stage.left(), |log| log.contains("received CONNACK")) {
            true => Ok(tool), // its first link has to come up
            false => Err(Finding::wrong("no CONNACK").with(tool.log())),
        }
    }
}

pub fn cuts(stage: &mut Stage) -> Played {
    let best = stage.best_qos().bits();
    let played = cut(stage, best);
    match played {
        Err(finding) if finding.what == UNANSWERED && cut(stage, 1).is_ok() => {
            Err(Finding::wrong(format!("{UNANSWERED}; with QoS 1 alone it works")).with(finding.detail))
        }
        played => played,
    }
}

fn cut(stage: &mut Stage, best: u8) -> Played {
    let (topic, start) = (stage.word("cuts/"), Instant::now());
    let (near, far) = (stage.proxy()?, stage.proxy()?);
    let reader = Lasting::new(stage, "reader", &topic, best).reader(stage, far.port())?;
    let mut publisher = Lasting::new(stage, "publisher", &topic, best).publisher(stage, near.port())?;
    let (mut fed, mut printed) = (Fed::new(), Printed::default());
    for proxy in [&near, &far] {
        proxy.set(Mode::Cut);
        proxy.cut_all(); // so that the next link has its number of bytes
    }
    while near.cuts() + far.cuts() < CUTS && start.elapsed() < PATIENCE && !publisher.has_ended()? {
        fed.step(&mut publisher, &reader, &mut printed, best);
    }
    for proxy in [&near, &far] {
        proxy.set(Mode::Pass);
        proxy.cut_all();
    }
    if publisher.end(SETTLING)?.is_none() {
        let log = publisher.log();
        let is_release = log.rfind("sent PUBREL") > log.rfind("received PUBCOMP");
        let what = if is_release { UNANSWERED } else { "messages are not acknowledged any more" };
        return Err(Finding::wrong(what).with(log));
    }
    let is_unsure = ends_unsure(&mut publisher, SETTLING)?;
    fed.collect(stage, &reader, &mut printed, best);
    println!("    {} cuts of the publisher's links, {} of the reader's", near.cuts(), far.cuts());
    if near.cuts() + far.cuts() < CUTS && !is_unsure {
        return Err(Finding::wrong("sessions are resumed slowly"));
    }
    let judged = unless(is_unsure, &publisher, fed.judge("the reader", &printed, best, &far.repeated()));
    match reader.was_resumed() {
        true => judged,
        false => Err(never_present(judged, "CONNACK says Session Present 0")),
    }
}

/// Waits until the publisher has ended: true if it can't know whether all of it arrived.
fn ends_unsure(publisher: &mut Tool, patience: Duration) -> Played<bool> {
    match publisher.finish(patience) {
        Err(finding) if finding.what.starts_with(GIVEN_UP) => Ok(true),
        ended => ended.map(|()| false),
    }
}

/// What was found, unless that is the publisher's session: what it gave up may be lost, and what it sent anew may come twice.
fn unless(is_unsure: bool, publisher: &Tool, judged: Played) -> Played {
    match judged {
        Err(Finding { detail, .. }) if is_unsure => Err(Finding::wrong(UNSURE).with(detail)),
        Ok(_) if is_unsure => Err(Finding::wrong(UNSURE)),
        Err(Finding { what, detail, .. }) if what.contains("twice") && !publisher.was_resumed() => {
            Err(Finding::wrong(UNSURE).with(detail))
        }
        judged => judged,
    }
}

pub fn by_sigterm(stage: &mut Stage) -> Played {
    restart(stage, Signal::SIGTERM)
}

pub fn by_sigkill(stage: &mut Stage) -> Played {
    restart(stage, Signal::SIGKILL)
}

/// One reader is connected, another one is away with its session.
fn restart(stage: &mut Stage, signal: Signal) -> Played {
    let best = stage.best_qos().bits();
    let topic = stage.word("restart/");
    let sleeper = Lasting::new(stage, "sleeper", &topic, best);
    Tool::run(stage, &[&["sub", "-E"], &sleeper.words(&[])[..]].concat(), "")?;
    let proxy = stage.proxy()?;
    let reader = Lasting::new(stage, "reader", &topic, best).reader(stage, proxy.port())?;
    let mut publisher = Lasting::new(stage, "publisher", &topic, best).publisher(stage, stage.port())?;
    let (mut fed, mut printed) = (Fed::new(), Printed::default());
    while fed.len() < BEFORE {
        fed.step(&mut publisher, &reader, &mut printed, best);
        if stage.left().as_secs() == 0 {
            return Err(Finding::wrong("messages are not acknowledged"));
        }
    }
    let has_ended = stage.broker.restart(signal).map_err(Finding::wrong)?;
    while fed.len() < MESSAGES && stage.left().as_secs() > 0 {
        fed.step(&mut publisher, &reader, &mut printed, best);
    }
    let is_unsure = ends_unsure(&mut publisher, stage.left())?;
    fed.collect(stage, &reader, &mut printed, best);
    let awake = sleeper.reader(stage, stage.port())?;
    let mut dreamt = Printed::default();
    fed.collect(stage, &awake, &mut dreamt, best);

    let by_reader = unless(is_unsure, &publisher, fed.judge("the reader", &printed, best, &proxy.repeated()));
    let by_sleeper = fed.judge("a reader that is away", &dreamt, best, &[]);
    if !reader.was_resumed() || !awake.was_resumed() {
        let judged = by_sleeper.and(by_reader);
        let is_lost = judged.as_ref().is_err_and(|finding| finding.what.contains("loses messages"));
        let reason = if is_lost { "sessions are lost" } else { "CONNACK says Session Present 0" };
        return Err(never_present(judged, reason));
    }
    let note = by_reader.and(by_sleeper)?;
    match has_ended {
        true => Ok(note),
        false => Err(Finding::wrong("nothing is lost, but SIGTERM does not end the broker within 30 s")),
    }
}
