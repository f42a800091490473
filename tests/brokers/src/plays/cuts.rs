//! Sessions that are resumed again and again: the links of both sides are cut at random bytes.

use std::time::{Duration, Instant};

use pure_mqtt_client::Options;
use pure_mqtt_client::pure_mqtt::QoS;

use super::ledger::{Arrived, Ledger};
use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::proxy::Mode;
use crate::stage::Stage;

pub const CUTS: u32 = 200;
/// For the cuts.
const PATIENCE: Duration = Duration::from_secs(30);
/// For what is unfinished then.
const SETTLING: Duration = Duration::from_secs(10);
pub const UNANSWERED: &str = "PUBREL that is sent again is not answered, and the publisher comes to a standstill";

pub fn run(stage: &mut Stage) -> Played {
    let best = stage.best_qos();
    let played = cut(stage, best);
    match played {
        Err(finding) if finding.what == UNANSWERED && cut(stage, QoS::AtLeastOnce).is_ok() => {
            Err(Finding::wrong(format!("{UNANSWERED}; with QoS 1 alone it works")).with(finding.detail))
        }
        played => played,
    }
}

fn cut(stage: &mut Stage, best: QoS) -> Played {
    let (topic, start) = (stage.word("cuts/"), Instant::now());
    let (near, far) = (stage.proxy()?, stage.proxy()?);
    let reader = Player::new(quick(stage.lasting("reader")));
    let receiver = reader.client.receive(&topic, best)?;
    reader.connect(stage, far.port())?;
    receiver.granted(stage.left())?;
    let publisher = Player::new(quick(stage.lasting("publisher")));
    publisher.connect(stage, near.port())?;

    let (mut ledger, mut arrived) = (Ledger::new(&topic, best), Arrived::default());
    for proxy in [&near, &far] {
        proxy.set(Mode::Cut);
        proxy.cut_all(); // so that the next link has its number of bytes
    }
    while near.cuts() + far.cuts() < CUTS {
        ledger.step(&publisher.client, (&receiver, &mut arrived))?;
        if start.elapsed() > PATIENCE {
            break; // it has come to a standstill, or is slow: what is unfinished tells
        }
    }
    for proxy in [&near, &far] {
        proxy.set(Mode::Pass);
        proxy.cut_all();
    }
    if !ledger.settle(SETTLING) {
        let taken = near.taken();
        let detail =
            format!("{} unfinished after {} and {} cuts", ledger.unfinished().count(), near.cuts(), far.cuts());
        let is_release = ledger.unfinished().any(|id| taken.contains(&id));
        let what = if is_release { UNANSWERED } else { "messages are not acknowledged any more" };
        return Err(Finding::wrong(what).with(detail));
    }
    if near.cuts() + far.cuts() < CUTS {
        return Err(Finding::wrong("sessions are resumed slowly").with(format!(
            "{} and {} cuts",
            near.cuts(),
            far.cuts()
        )));
    }
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
        Err(finding) if finding.what.starts_with(reason) => finding,
        Err(Finding { what, detail, .. }) => Finding::wrong(format!("{reason}: {what}")).with(detail),
    }
}

/// Hundreds of links in a row are the play, not a fault.
fn quick(options: Options) -> Options {
    options.reconnect_delay(Duration::from_millis(2), Duration::from_millis(10))
}
