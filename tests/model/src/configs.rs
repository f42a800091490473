//! What is explored.

use crate::config::{Budget, Config};
use pure_mqtt::Version;

const NONE: Budget = Budget::NONE;

const BASE: Config = Config {
    name: "",
    version: Version::V311,
    budget: NONE,
    windows: &[0],
    max_inflight: 20,
    max_queued: 0,
    receive_maximum: 2,
    manual_acks: false,
    abort: false,
    late_over_end: false,
};

/// The budget in words.
pub fn describe(config: &Config) -> String {
    let Budget { up, subscribe, down, cuts, cleans, losses, refusals, halves, outages, .. } = config.budget;
    let Budget { stalls, lates, lost_connacks, disconnects, .. } = config.budget;
    let mut text = format!(
        "up {up:?} down {down:?} (by QoS), {subscribe} subscribe, {cuts} cuts, {cleans} clean starts, {losses} losses, \
         {refusals} refusals, {halves} split packets, {outages} outages"
    );
    for (count, name) in
        [(stalls, "stalls"), (lates, "late advances"), (lost_connacks, "lost CONNACKs"), (disconnects, "disconnects")]
    {
        if count > 0 {
            text += &format!(", {count} {name}");
        }
    }
    text += &format!(", Receive Maximum {:?}, window {}", config.windows, config.max_inflight);
    if config.max_queued > 0 {
        text += &format!(", queue {}", config.max_queued);
    }
    text += if config.manual_acks { ", manual acks" } else { "" };
    text += if config.abort { ", abort on loss" } else { "" };
    text
}

pub fn tiny() -> Vec<Config> {
    [Version::V31, Version::V311, Version::V5]
        .map(|version| Config {
            name: "tiny",
            version,
            budget: Budget { up: [0, 1, 1], down: [0, 0, 1], cuts: 1, ..NONE },
            ..BASE
        })
        .to_vec()
}

const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

/// About a minute: all versions alike, each corner with a budget of its own.
pub fn normal() -> Vec<Config> {
    let mut list = tiny();
    for version in VERSIONS {
        let base = Config { version, ..BASE };
        let losses = u8::from(version != Version::V31); // 3.1 has no way to tell
        list.extend([
            Config {
                name: "both ways",
                budget: Budget { up: [0, 1, 1], down: [0, 1, 1], cuts: 1, ..NONE },
                ..base.clone()
            },
            Config {
                name: "upwards",
                budget: Budget { up: [1, 1, 2], cuts: 2, ..NONE },
                max_inflight: 2,
                ..base.clone()
            },
            Config { name: "downwards", budget: Budget { down: [1, 1, 2], cuts: 1, ..NONE }, ..base.clone() },
            Config {
                name: "many cuts",
                budget: Budget { up: [0, 1, 1], down: [0, 0, 1], cuts: 4, ..NONE },
                max_inflight: 1,
                ..base.clone()
            },
            Config {
                name: "sessions",
                budget: Budget { up: [0, 1, 1], down: [0, 0, 1], cuts: 2, cleans: 1, losses, ..NONE },
                ..base.clone()
            },
            Config {
                name: "sessions, abort",
                budget: Budget { up: [0, 1, 1], subscribe: 1, cuts: 2, cleans: 1, losses, ..NONE },
                abort: true,
                ..base.clone()
            },
            Config {
                name: "split packets",
                budget: Budget { up: [1, 1, 0], subscribe: 1, down: [0, 0, 1], cuts: 1, halves: 2, ..NONE },
                ..base.clone()
            },
            Config {
                name: "split packets, QoS 2",
                budget: Budget { up: [0, 0, 1], down: [0, 0, 1], cuts: 2, halves: 2, ..NONE },
                ..base.clone()
            },
            Config {
                name: "manual acks",
                budget: Budget { down: [0, 1, 2], cuts: 2, losses, ..NONE },
                manual_acks: true,
                receive_maximum: 3,
                ..base.clone()
            },
            Config {
                name: "outages, upwards",
                budget: Budget { up: [0, 1, 1], cuts: 1, outages: 2, ..NONE },
                ..base.clone()
            },
            Config {
                name: "outages, downwards",
                budget: Budget { down: [0, 1, 2], cuts: 1, outages: 1, ..NONE },
                ..base.clone()
            },
            Config {
                name: "outages, manual acks",
                budget: Budget { down: [0, 0, 2], outages: 2, ..NONE },
                manual_acks: true,
                ..base.clone()
            },
            Config {
                name: "outages, sessions",
                budget: Budget { up: [0, 0, 1], down: [0, 0, 1], cuts: 1, cleans: 1, losses, outages: 1, ..NONE },
                ..base.clone()
            },
            Config {
                name: "stalls",
                budget: Budget { up: [0, 1, 1], down: [0, 0, 1], stalls: 2, ..NONE },
                ..base.clone()
            },
            Config {
                name: "late advance",
                budget: Budget { up: [0, 1, 1], down: [0, 0, 1], cuts: 1, lates: 2, ..NONE },
                ..base.clone()
            },
            Config {
                name: "late advance, ids again",
                budget: Budget { down: [0, 1, 2], subscribe: 1, lates: 2, ..NONE },
                receive_maximum: 1,
                ..base.clone()
            },
            Config {
                name: "late advance, outages",
                budget: Budget { up: [0, 0, 1], down: [0, 0, 1], lates: 2, outages: 1, ..NONE },
                ..base.clone()
            },
            Config {
                name: "lost CONNACK",
                budget: Budget { up: [0, 1, 1], down: [0, 0, 1], cuts: 1, cleans: 1, lost_connacks: 2, ..NONE },
                ..base.clone()
            },
            Config {
                name: "ends of links",
                budget: Budget { up: [1, 0, 1], halves: 1, stalls: 1, lates: 1, disconnects: 1, ..NONE },
                ..base.clone()
            },
            Config {
                name: "full queue",
                budget: Budget { up: [1, 2, 2], cuts: 2, ..NONE },
                max_queued: 2,
                ..base.clone()
            },
        ]);
    }
    let base = Config { version: Version::V5, ..BASE };
    list.extend([
        Config {
            name: "receive maximum",
            budget: Budget { up: [0, 1, 2], cuts: 2, ..NONE },
            windows: &[1, 2, 0],
            ..base.clone()
        },
        Config {
            name: "refusals",
            budget: Budget { up: [0, 1, 2], cuts: 2, refusals: 2, ..NONE },
            windows: &[1],
            ..base.clone()
        },
        Config {
            name: "refusals, sessions",
            budget: Budget { up: [0, 1, 1], cuts: 2, cleans: 1, losses: 1, refusals: 1, ..NONE },
            windows: &[1, 0],
            ..base
        },
    ]);
    list
}

/// What the engine doesn't keep to yet; only with `--only`.
pub fn open_questions() -> Vec<Config> {
    VERSIONS
        .map(|version| Config {
            name: "late advance, over the end",
            version,
            budget: Budget { up: [1, 1, 1], stalls: 1, lates: 1, cleans: 1, ..NONE },
            late_over_end: true,
            ..BASE
        })
        .to_vec()
}

/// For a release: the same with larger budgets.
pub fn large() -> Vec<Config> {
    let mut list = Vec::new();
    for version in VERSIONS {
        let base = Config { version, ..BASE };
        let is_v5 = version == Version::V5;
        let losses = u8::from(version != Version::V31);
        let windows: &[u16] = if is_v5 { &[1, 2, 0] } else { &[0] };
        list.extend([
            Config {
                name: "large, both ways",
                budget: Budget { up: [0, 1, 1], down: [0, 1, 1], cuts: 4, ..NONE },
                ..base.clone()
            },
            Config {
                name: "large, upwards",
                budget: Budget { up: [0, 2, 2], cuts: 4, refusals: u8::from(is_v5), ..NONE },
                windows,
                max_inflight: 2,
                ..base.clone()
            },
            Config { name: "large, downwards", budget: Budget { down: [0, 2, 2], cuts: 4, ..NONE }, ..base.clone() },
            Config {
                name: "large, manual acks",
                budget: Budget { down: [0, 2, 2], cuts: 2, losses, cleans: 1, ..NONE },
                manual_acks: true,
                receive_maximum: 3,
                ..base.clone()
            },
            Config {
                name: "large, sessions",
                budget: Budget { up: [0, 1, 1], down: [0, 0, 1], subscribe: 1, cuts: 3, cleans: 1, losses, ..NONE },
                ..base.clone()
            },
            Config {
                name: "large, outages",
                budget: Budget { up: [0, 1, 1], down: [0, 1, 1], outages: 1, ..NONE },
                ..base.clone()
            },
            Config {
                name: "large, outages and sessions",
                budget: Budget { up: [0, 1, 1], down: [0, 0, 1], cleans: 1, losses, outages: 1, ..NONE },
                ..base.clone()
            },
            Config {
                name: "large, outages and manual acks",
                budget: Budget { down: [0, 1, 2], cuts: 1, outages: 2, ..NONE },
                manual_acks: true,
                receive_maximum: 3,
                ..base.clone()
            },
            Config {
                name: "large, split packets",
                budget: Budget { up: [1, 1, 1], subscribe: 1, cuts: 2, halves: 2, ..NONE },
                ..base.clone()
            },
        ]);
    }
    list
}
