//! RabbitMQ with its plugin for MQTT. Erlang's port mapper is one of our own, on a free port.

use std::process::Command;
use std::time::Duration;

use super::{Broker, PASSWORD, Source, USER};
use crate::running::Site;

/// Debian's wrapper beside the search path wants to be root or `rabbitmq`; this is what it starts.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub const BROKER: Broker = Broker {
    name: "rabbitmq",
    title: "RabbitMQ",
    source: Source::Debian { packages: "rabbitmq-server", probes: &[SERVER] },
    version: |_| {
        let mut command = Command::new("dpkg-query");
        command.args(["-W", "-f", "${Version}", "rabbitmq-server"]);
        command
    },
    configure,
    helpers,
    command,
    v5_port: 0,
    setting: "plugin `rabbitmq_mqtt`, as Debian delivers it",
    patience: Duration::from_secs(60),
};

fn configure(site: &Site) -> Result<(), String> {
    let [mqtt, amqp, ..] = site.ports;
    site.write("enabled_plugins", "[rabbitmq_mqtt].\n")?;
    let text = format!(
        "listeners.tcp.1 = 127.0.0.1:{amqp}\nmqtt.listeners.tcp.1 = 127.0.0.1:{mqtt}\nmqtt.allow_anonymous = false\n\
         default_user = {USER}\ndefault_pass = {PASSWORD}\nlog.console = true\n"
    );
    site.write("rabbitmq.conf", &text)?;
    Ok(())
}

fn helpers(site: &Site) -> Vec<Command> {
    let mut mapper = Command::new("epmd");
    mapper.args(["-address", "127.0.0.1", "-port", &site.ports[2].to_string()]);
    vec![mapper]
}

fn command(site: &Site) -> Command {
    let [_, _, mapper, nodes] = site.ports;
    let folder = &site.folder;
    let mut command = Command::new(SERVER);
    command
        .env("HOME", folder)
        .env("ERL_EPMD_PORT", mapper.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_NODENAME", "play@localhost")
        .env("RABBITMQ_DIST_PORT", nodes.to_string())
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
        .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_PID_FILE", folder.join("pid"));
    command
}
