//! ejabberd with `mod_mqtt`, without Erlang's distribution, so that it needs no port mapper.

use std::process::Command;
use std::time::Duration;

use super::{Broker, PASSWORD, Source, USER, alone};
use crate::running::Site;

pub const BROKER: Broker = Broker {
    name: "ejabberd",
    title: "ejabberd",
    source: Source::Debian { packages: "ejabberd", probes: &["/usr/sbin/ejabberdctl"] },
    version: |_| {
        let mut command = Command::new("dpkg-query");
        command.args(["-W", "-f", "${Version}", "ejabberd"]);
        command
    },
    configure,
    helpers: alone,
    command,
    v5_port: 0,
    setting: "`mod_mqtt` with its defaults, its tables on disk",
    patience: Duration::from_secs(60),
};

fn configure(site: &Site) -> Result<(), String> {
    let port = site.port();
    let text = format!(
        "hosts:\n  - localhost\nloglevel: warning\nlisten:\n  -\n    port: {port}\n    ip: \"127.0.0.1\"\n    module: mod_mqtt\n    \
         backlog: 1000\n    max_payload_size: 16777216\nauth_method: internal\nmodules:\n  mod_mqtt: {{}}\n"
    );
    site.write("ejabberd.yml", &text)?;
    Ok(())
}

fn command(site: &Site) -> Command {
    let folder = &site.folder;
    let register = format!("ejabberd_auth:try_register(<<\"{USER}\">>, <<\"localhost\">>, <<\"{PASSWORD}\">>).");
    let mut command = Command::new("erl");
    command
        .env("HOME", folder)
        .env("EJABBERD_CONFIG_PATH", folder.join("ejabberd.yml"))
        .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"))
        .env("ERL_LIBS", "/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu")
        .args(["-noinput", "-mnesia", "dir", &format!("\"{}/mnesia\"", folder.display())])
        .args(["-s", "ejabberd", "-eval", &register]);
    command
}
