//! NATS with JetStream, which keeps the sessions of MQTT.

use std::process::Command;
use std::time::Duration;

use super::{Broker, PASSWORD, Source, USER, alone, program};
use crate::running::Site;

pub const BROKER: Broker = Broker {
    name: "nats",
    title: "NATS",
    source: Source::Debian { packages: "nats-server", probes: &["/usr/sbin/nats-server"] },
    version: |_| {
        let mut command = program("nats-server");
        command.arg("--version");
        command
    },
    configure,
    helpers: alone,
    command,
    v5_port: 0,
    setting: "JetStream on, `mqtt` with `ack_wait: \"2s\"`",
    patience: Duration::from_secs(20),
};

fn configure(site: &Site) -> Result<(), String> {
    let [mqtt, nats, ..] = site.ports;
    let folder = site.folder.display();
    let text = format!(
        "listen: \"127.0.0.1:{nats}\"\nserver_name: \"play\"\njetstream {{ store_dir: \"{folder}/jetstream\" }}\n\
         authorization {{ users = [ {{ user: \"{USER}\", password: \"{PASSWORD}\" }} ] }}\n\
         max_payload: 8MB\nmqtt {{ listen: \"127.0.0.1:{mqtt}\", ack_wait: \"2s\" }}\n"
    );
    site.write("nats.conf", &text)?;
    Ok(())
}

fn command(site: &Site) -> Command {
    let mut command = program("nats-server");
    command.arg("-c").arg(site.folder.join("nats.conf"));
    command
}
