//! iotcore, a Python package around rumqttd, which keeps everything in memory.

use std::process::Command;
use std::time::Duration;

use super::{Broker, PASSWORD, Source, USER, alone};
use crate::running::Site;

pub const BROKER: Broker = Broker {
    name: "iotcore",
    title: "iotcore (rumqttd)",
    source: Source::PyPi("iotcore"),
    version: |site| {
        let mut command = Command::new(site.tools.join("bin/pip"));
        command.args(["show", "iotcore"]);
        command
    },
    configure,
    helpers: alone,
    command,
    v5_port: 1,
    setting: "a listener for 3.1.1 and one for 5.0, as it has none for both",
    patience: Duration::from_secs(20),
};

fn configure(site: &Site) -> Result<(), String> {
    let mut text = "id = 0\n[router]\nid = 0\nmax_connections = 1000\nmax_outgoing_packet_count = 200\n\
         max_segment_size = 104857600\nmax_segment_count = 10\n"
        .to_owned();
    for (version, port) in [("v4", site.ports[0]), ("v5", site.ports[1])] {
        text += &format!(
            "[{version}.1]\nname = \"{version}\"\nlisten = \"127.0.0.1:{port}\"\nnext_connection_delay_ms = 1\n\
             [{version}.1.connections]\nconnection_timeout_ms = 60000\nmax_payload_size = 16777216\n\
             max_inflight_count = 100\ndynamic_filters = true\n[{version}.1.connections.auth]\n{USER} = \"{PASSWORD}\"\n"
        );
    }
    site.write("rumqttd.toml", &text)?;
    Ok(())
}

fn command(site: &Site) -> Command {
    let mut command = Command::new(site.tools.join("bin/python"));
    command.args(["-m", "iotcore", "--log-level", "WARNING", "--config"]).arg(site.folder.join("rumqttd.toml"));
    command
}
