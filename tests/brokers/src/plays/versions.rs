//! Whether the broker speaks the version at all; if not, whether a client that may fall back reaches it.

use pure_mqtt_client::pure_mqtt::{Limits, Version, VersionFallback};

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

pub fn run(stage: &mut Stage) -> Played {
    let limits = Limits { connack_timeout: 3_000, ..Limits::DEFAULT };
    let options = stage.options("version").limits(limits);
    let Err(refusal) = stage.connected(options) else { return Ok(String::new()) };
    let options = stage.options("flexible").limits(limits).fallback(VersionFallback::new(stage.version));
    let player = Player::new(options);
    player.client.connect(("127.0.0.1", stage.port()))?;
    player.client.loop_start()?;
    let is_accepted = |player: &Player| player.answer().is_some_and(|answer| !answer.reason.is_error());
    player.once(stage.left(), |told| told.answers.last().is_some_and(|answer| !answer.reason.is_error()));
    if !is_accepted(&player) {
        return Err(Finding::wrong(format!("{}; no version is accepted", refusal.what)));
    }
    let version = match player.client.version() {
        Version::V5 => "5.0",
        Version::V311 => "3.1.1",
        Version::V31 => "3.1",
    };
    Err(Finding::absent(format!("{}; `Options::fallback` reaches {version}", refusal.what)))
}
