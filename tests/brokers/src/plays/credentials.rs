//! A wrong password.

use std::time::Duration;

use pure_mqtt_client::{Client, Options, Server};

use crate::outcome::{Finding, Played};
use crate::player::{Player, code};
use crate::stage::Stage;

/// How long is watched whether the client dials again. Its first pause is a random time of up to 5 seconds, as by default, the second of up to 10.
const WATCHED: Duration = Duration::from_secs(5);
const MOST_DIALS: u32 = 5;

pub fn run(stage: &mut Stage) -> Played {
    let proxy = stage.proxy()?;
    let defaults = (Duration::from_secs(5), Duration::from_secs(120));
    let options: Options = stage.options("stranger").password(b"wrong").reconnect_delay(defaults.0, defaults.1);
    let player = Player::new(options);
    let client: &Client = &player.client;
    client.connect(Server::tcp("127.0.0.1", proxy.port()))?;
    client.loop_start()?;
    let told = player.once(stage.left(), |told| !told.answers.is_empty() || !told.ends.is_empty());
    let answer = told.and_then(|told| told.answers.last().cloned());
    let Some(answer) = answer else {
        return Err(Finding::wrong("the link ends without CONNACK"));
    };
    if !answer.reason.is_error() {
        return Err(Finding::wrong("a wrong password is accepted"));
    }
    player.once(WATCHED.min(stage.left()), |_| proxy.accepted() > MOST_DIALS);
    match proxy.accepted() > MOST_DIALS {
        true => Err(Finding::wrong("the client dials at full pace")),
        false => Ok(code(stage, &answer)),
    }
}
