//! What is played, and how often.

use crate::world::Scene;
use pure_mqtt::{Fixed, OnSessionLoss, Version};
use std::fmt;

/// So small that the script is accepted bit by bit.
pub type Small = Fixed<96, 4, 4, 64, 2, 8>;

/// The ways in which a version is played.
pub fn scenes(version: Version) -> Vec<Scene> {
    let plain = Scene { version, manual_acks: false, aliases: false, policy: OnSessionLoss::Republish };
    let manual = Scene { manual_acks: true, policy: OnSessionLoss::Abort, ..plain };
    let aliases = Scene { aliases: true, ..manual };
    let count = if version == Version::V5 { 3 } else { 2 };
    [plain, manual, aliases][..count].to_vec()
}

/// How many double cuts the environment asks for in `PURE_MQTT_CUTS`.
pub fn asked_for() -> Option<u64> {
    let text = std::env::var("PURE_MQTT_CUTS").ok()?;
    Some(text.parse().expect("PURE_MQTT_CUTS is a number"))
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acks = if self.manual_acks { ", acknowledged by hand" } else { "" };
        let aliases = if self.aliases { ", aliases" } else { "" };
        write!(f, "{:?}{acks}{aliases}, {:?}", self.version, self.policy)
    }
}
