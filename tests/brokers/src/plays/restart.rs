//! The broker is ended under load and started again. One reader is connected, another one is away with its session.

use nix::sys::signal::Signal;
use pure_mqtt_client::pure_mqtt::QoS;

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
    let sleeping = sleeper.client.receive(&topic, QoS::ExactlyOnce)?;
    sleeper.connect(stage, stage.port())?;
    sleeping.granted(stage.left())?;
    sleeper.leave();
    let reader = Player::new(stage.lasting("reader"));
    let receiver = reader.client.receive(&topic, QoS::ExactlyOnce)?;
    reader.connect(stage, stage.port())?;
    receiver.granted(stage.left())?;
    let publisher = Player::new(stage.lasting("publisher"));
    publisher.connect(stage, stage.port())?;

    let (mut ledger, mut arrived) = (Ledger::new(&topic), Arrived::default());
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
    ledger.settle(stage)?;
    ledger.collect(stage, &receiver, &mut arrived);
    sleeper.told().answers.clear();
    sleeper.connect(stage, stage.port())?;
    let mut dreamt = Arrived::default();
    ledger.collect(stage, &sleeping, &mut dreamt);

    let is_kept = |player: &Player| player.answer().is_some_and(|answer| answer.is_resumed);
    let kept = [&publisher, &reader, &sleeper].map(is_kept);
    println!("    sessions kept: publisher {}, reader {}, sleeper {}", kept[0], kept[1], kept[2]);
    let judged = [ledger.judge("the reader", &publisher, &arrived), ledger.judge("a reader that is away", &publisher, &dreamt)];
    if kept.contains(&false) {
        let detail = judged.into_iter().filter_map(Result::err).map(|finding| finding.detail).collect::<Vec<_>>();
        return Err(Finding::wrong("sessions are lost, with what they hold").with(detail.join(" / ")));
    }
    let [by_reader, by_sleeper] = judged;
    let note = by_reader.and_then(|_| by_sleeper)?;
    if !has_ended {
        return Err(Finding::wrong("nothing is lost, but SIGTERM does not end the broker within 30 s"));
    }
    Ok(note)
}
