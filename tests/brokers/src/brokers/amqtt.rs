//! amqtt, a broker in Python that keeps everything in memory.

use std::process::Command;
use std::time::Duration;

use super::{Broker, PASSWORD, Source, USER, alone};
use crate::running::Site;

pub const BROKER: Broker = Broker {
    name: "amqtt",
    title: "amqtt",
    source: Source::PyPi("amqtt"),
    version: |site| {
        let mut command = Command::new(site.tools.join("bin/pip"));
        command.args(["show", "amqtt"]);
        command
    },
    configure,
    helpers: alone,
    command,
    v5_port: 0,
    setting: "`FileAuthPlugin`, its sessions in memory",
    patience: Duration::from_secs(20),
};

fn configure(site: &Site) -> Result<(), String> {
    let (port, folder) = (site.port(), site.folder.display());
    let text = format!(
        "listeners:\n  default:\n    type: tcp\n    bind: 127.0.0.1:{port}\nplugins:\n  \
         amqtt.plugins.authentication.FileAuthPlugin:\n    password_file: {folder}/passwords\n"
    );
    site.write("amqtt.yaml", &text)?;
    let hash = Command::new(site.tools.join("bin/python"))
        .args([
            "-c",
            "import sys; from pwdlib import PasswordHash; print(PasswordHash.recommended().hash(sys.argv[1]))",
            PASSWORD,
        ])
        .output()
        .map_err(|error| format!("the password cannot be hashed: {error}."))?;
    site.write("passwords", &format!("{USER}:{}", String::from_utf8_lossy(&hash.stdout)))?;
    Ok(())
}

fn command(site: &Site) -> Command {
    let mut command = Command::new(site.tools.join("bin/amqtt"));
    command.arg("-c").arg(site.folder.join("amqtt.yaml"));
    command
}
