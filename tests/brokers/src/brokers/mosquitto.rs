//! Eclipse mosquitto, which writes its sessions down after every change.

use std::process::Command;
use std::time::Duration;

use super::{Broker, PASSWORD, Source, USER, alone, program};
use crate::running::Site;

pub const BROKER: Broker = Broker {
    name: "mosquitto",
    title: "mosquitto",
    source: Source::Debian { packages: "mosquitto", probes: &["/usr/sbin/mosquitto"] },
    version: |_| {
        let mut command = program("mosquitto");
        command.arg("-h");
        command
    },
    configure,
    helpers: alone,
    command,
    v5_port: 0,
    setting: "`persistence true`, `autosave_on_changes true`, `autosave_interval 1`",
    patience: Duration::from_secs(10),
};

fn configure(site: &Site) -> Result<(), String> {
    let (folder, port) = (site.folder.display(), site.port());
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/passwords\nuser root\n\
         persistence true\npersistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\n\
         max_queued_messages 0\nlog_dest stderr\n"
    );
    site.write("mosquitto.conf", &text)?;
    let passwords = site.folder.join("passwords");
    let status = Command::new("mosquitto_passwd").args(["-c", "-b"]).arg(passwords).args([USER, PASSWORD]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err("mosquitto_passwd could not write its file.".into()),
    }
}

fn command(site: &Site) -> Command {
    let mut command = program("mosquitto");
    command.arg("-c").arg(site.folder.join("mosquitto.conf"));
    command
}
