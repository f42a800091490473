//! Reason codes (5.0): the one that must be told when a session is taken over.

use pure_mqtt_client::pure_mqtt::{ConnectionError, ReasonCode};
use pure_mqtt_client::{LinkEnd, Options};

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

pub fn run(stage: &mut Stage) -> Played {
    let options: Options = stage.lasting("twin").reconnect_on_failure(false);
    let first = Player::new(options.clone());
    first.connect(stage, stage.port())?;
    let second = Player::new(options);
    second.connect(stage, stage.port())?;
    let end = first.once(stage.left(), |told| !told.ends.is_empty()).and_then(|told| told.ends.last().cloned());
    let reason = match end {
        Some(LinkEnd::ServerDisconnect { reason, .. }) => reason,
        Some(LinkEnd::Mqtt(ConnectionError::ServerDisconnect(reason))) => reason,
        Some(end) => {
            let what = "the client is not told that its session was taken over: the link just ends";
            return Err(Finding::wrong(what).with(end));
        }
        None => return Err(Finding::wrong("two clients go on with one session")),
    };
    match reason {
        ReasonCode::SESSION_TAKEN_OVER => Ok(String::new()),
        other => Err(Finding::wrong(format!("a client whose session is taken over receives {other}"))),
    }
}
