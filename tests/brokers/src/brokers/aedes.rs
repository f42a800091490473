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
    let (port, modules) = (site.port(), site.tools.join("node_modules/aedes"));
    let text = format!(
        "const aedes = require({modules:?})\n\
         const options = {{ authenticate: (client, user, password, done) => {{\n  \
           const known = user === '{USER}' && String(password) === '{PASSWORD}'\n  \
           if (known) return done(null, true)\n  \
           const error = new Error('unknown user'); error.returnCode = 4; done(error, null)\n}} }}\n\
         const listen = broker => require('net').createServer(broker.handle).listen({port}, '127.0.0.1')\n\
         if (aedes.Aedes && aedes.Aedes.createBroker) aedes.Aedes.createBroker(options).then(listen)\n\
         else listen(aedes(options))\n"
    );
    site.write("broker.js", &text)?;
    Ok(())
}

fn command(site: &Site) -> Command {
    let mut command = Command::new("node");
    command.arg(site.folder.join("broker.js"));
    command
}
