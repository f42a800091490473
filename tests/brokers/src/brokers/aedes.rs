//! aedes, a broker in JavaScript that keeps everything in memory.

use std::process::Command;
use std::time::Duration;

use super::{Broker, PASSWORD, Source, USER, alone};
use crate::running::Site;

pub const AEDES_0: Broker = Broker { name: "aedes-0", title: "aedes 0", source: Source::Npm(&["aedes@0"]), ..AEDES_1 };

pub const AEDES_1: Broker = Broker {
    name: "aedes-1",
    title: "aedes 1",
    source: Source::Npm(&["aedes@1"]),
    version: |site| {
        let mut command = Command::new("node");
        command.arg("-p").arg("require('./node_modules/aedes/package.json').version").current_dir(&site.tools);
        command
    },
    configure,
    helpers: alone,
    command,
    v5_port: 0,
    setting: "its persistence in memory",
    patience: Duration::from_secs(20),
};

fn configure(site: &Site) -> Result<(), String> {
    let (port, module) = (site.port(), site.tools.join("node_modules/aedes/aedes.js"));
    let text = format!(
        "const options = {{ authenticate: (client, user, password, done) => {{\n  \
           if (user === '{USER}' && String(password) === '{PASSWORD}') return done(null, true)\n  \
           done(Object.assign(new Error('unknown user'), {{ returnCode: 4 }}), null)\n}} }}\n\
         const create = ({{ Aedes, default: create }}) => Aedes?.createBroker ? Aedes.createBroker(options) : create(options)\n\
         const listen = broker => require('net').createServer(broker.handle).listen({port}, '127.0.0.1')\n\
         import({module:?}).then(create).then(listen)\n"
    );
    site.write("broker.js", &text)?;
    Ok(())
}

fn command(site: &Site) -> Command {
    let mut command = Command::new("node");
    command.arg(site.folder.join("broker.js"));
    command
}
