//! Sessions that are resumed again and again: the links of both sides are cut at random bytes.

use std::time::Duration;

use pure_mqtt_client::Options;

use super::ledger::{Arrived, Ledger};
use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::proxy::Mode;
use crate::stage::Stage;

const CUTS: u32 = 200;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("cuts/");
    let (near, far) = (stage.proxy()?, stage.proxy()?);
    let reader = Player::new(quick(stage.lasting("reader")));
    let receiver = reader.client.receive(&topic, stage.best_qos())?;
    reader.connect(stage, far.port())?;
    receiver.granted(stage.left())?;
    let publisher = Player::new(quick(stage.lasting("publisher")));
    publisher.connect(stage, near.port())?;

    let (mut ledger, mut arrived) = (Ledger::new(&topic, stage.best_qos()), Arrived::default());
    for proxy in [&near, &far] {
        proxy.set(Mode::Cut);
        proxy.cut_all(); // so that the next link has its number of bytes
    }
    while near.cuts() + far.cuts() < CUTS {
        ledger.step(&publisher.client, (&receiver, &mut arrived))?;
        if stage.left() < Duration::from_secs(30) {
            let (near, far) = (near.cuts(), far.cuts());
            return Err(Finding::wrong("sessions come to a standstill under the cuts").with(format!("{near} and {far} cuts")));
        }
    }
    for proxy in [&near, &far] {
        proxy.set(Mode::Pass);
        proxy.cut_all();
    }
    ledger.settle(stage)?;
    ledger.collect(stage, &receiver, &mut arrived);
    println!("    {} cuts of the publisher's links, {} of the reader's", near.cuts(), far.cuts());
    let judged = ledger.judge("the reader", &publisher, &arrived, &far.repeated());
    if !reader.was_resumed() {
        return Err(never_present(judged, "CONNACK says Session Present 0"));
    }
    judged
}

/// What comes of a broker that never says that a session was there.
pub fn never_present(judged: Played, reason: &str) -> Finding {
    match judged {
        Ok(_) => Finding::wrong("CONNACK says Session Present 0 although the session is kept"),
        Err(Finding { what, detail, .. }) => Finding::wrong(format!("{reason}: {what}")).with(detail),
    }
}

/// Hundreds of links in a row are the play, not a fault.
fn quick(options: Options) -> Options {
    options.reconnect_delay(Duration::from_millis(2), Duration::from_millis(10))
}
