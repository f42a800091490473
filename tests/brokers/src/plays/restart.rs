//! The broker is ended under load and started again. One reader is connected, another one is away with its session.

use nix::sys::signal::Signal;

use super::cuts::never_present;
use super::ledger::{Arrived, Ledger};
use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

const MESSAGES: usize = 300;
/// The broker ends when so many are acknowledged.
const BEFORE: usize = 150;

pub fn by_sigterm(stage: &mut Stage) -> Played {
    restart(stage, Signal::SIGTERM)
}

pub fn by_sigkill(stage: &mut Stage) -> Played {
    restart(stage, Signal::SIGKILL)
}

fn restart(stage: &mut Stage, signal: Signal) -> Played {
    let topic = stage.word("restart/");
    let sleeper = Player::new(stage.lasting("sleeper"));
    let sleeping = sleeper.client.receive(&topic, stage.best_qos())?;
    sleeper.connect(stage, stage.port())?;
    sleeping.granted(stage.left())?;
    sleeper.leave();
    let reader = Player::new(stage.lasting("reader"));
    let receiver = reader.client.receive(&topic, stage.best_qos())?;
    let proxy = stage.proxy()?;
    reader.connect(stage, proxy.port())?;
    receiver.granted(stage.left())?;
    let publisher = Player::new(stage.lasting("publisher"));
    publisher.connect(stage, stage.port())?;

    let (mut ledger, mut arrived) = (Ledger::new(&topic, stage.best_qos()), Arrived::default());
    while ledger.finished() < BEFORE {
        ledger.step(&publisher.client, (&receiver, &mut arrived))?;
        if stage.left().as_secs() == 0 {
            return Err(Finding::wrong("messages are not acknowledged"));
        }
    }
    let has_ended = stage.broker.restart(signal).map_err(Finding::wrong)?;
    while ledger.len() < MESSAGES && stage.left().as_secs() > 0 {
        ledger.step(&publisher.client, (&receiver, &mut arrived))?;
    }
    if !ledger.settle(stage.left()) {
        return Err(Finding::wrong("messages are not acknowledged any more"));
    }
    ledger.collect(stage, &receiver, &mut arrived);
    sleeper.connect(stage, stage.port())?;
    let mut dreamt = Arrived::default();
    ledger.collect(stage, &sleeping, &mut dreamt);

    let is_kept = |player: &Player| player.answer().is_some_and(|answer| answer.is_resumed);
    println!(
        "    sessions kept: publisher {}, reader {}, sleeper {}",
        is_kept(&publisher),
        is_kept(&reader),
        is_kept(&sleeper)
    );
    let by_reader = ledger.judge("the reader", &publisher, &arrived, &proxy.repeated());
    let by_sleeper = ledger.judge("a reader that is away", &publisher, &dreamt, &[]);
    if !is_kept(&reader) || !is_kept(&sleeper) {
        let judged = by_sleeper.and(by_reader);
        let is_lost = judged.as_ref().is_err_and(|finding| finding.what.contains("loses messages"));
        return Err(never_present(
            judged,
            if is_lost { "sessions are lost" } else { "CONNACK says Session Present 0" },
        ));
    }
    let note = by_reader.and(by_sleeper)?;
    if !has_ended {
        return Err(Finding::wrong("nothing is lost, but SIGTERM does not end the broker within 30 s"));
    }
    Ok(note)
}
