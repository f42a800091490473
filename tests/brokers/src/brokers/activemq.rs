//! ActiveMQ "classic" with KahaDB, from its own classes: Debian's start script knows one place only.

use std::process::Command;
use std::time::Duration;

use super::{Broker, PASSWORD, Source, USER, alone};
use crate::running::Site;

const JAR: &str = "/usr/share/activemq/bin/activemq.jar";

/// The codec of its MQTT transport, which Debian's package of ActiveMQ leaves out.
const CODEC: &str = "/usr/share/java/mqtt-client.jar";

pub const BROKER: Broker = Broker {
    name: "activemq",
    title: "ActiveMQ",
    source: Source::Debian { packages: "activemq libmqtt-client-java default-jre-headless", probes: &[JAR, CODEC] },
    version: |_| {
        let mut command = Command::new("dpkg-query");
        command.args(["-W", "-f", "${Version}", "activemq"]);
        command
    },
    configure,
    helpers: alone,
    command,
    v5_port: 0,
    setting: "transport `mqtt`, KahaDB, `simpleAuthenticationPlugin`",
    patience: Duration::from_secs(60),
};

fn configure(site: &Site) -> Result<(), String> {
    let (port, folder) = (site.port(), site.folder.display());
    let text = format!(
        r#"<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="play" dataDirectory="{folder}/data" useJmx="false">
    <plugins><simpleAuthenticationPlugin><users>
      <authenticationUser username="{USER}" password="{PASSWORD}" groups="users"/>
    </users></simpleAuthenticationPlugin></plugins>
    <persistenceAdapter><kahaDB directory="{folder}/kahadb"/></persistenceAdapter>
    <transportConnectors>
      <transportConnector name="mqtt" uri="mqtt://127.0.0.1:{port}?wireFormat.maxFrameSize=104857600"/>
    </transportConnectors>
  </broker>
</beans>
"#
    );
    site.write("activemq.xml", &text)?;
    let classes = site.folder.join("lib");
    let link = || -> std::io::Result<()> {
        std::fs::create_dir(&classes)?;
        std::os::unix::fs::symlink(CODEC, classes.join("mqtt-client.jar"))
    };
    link().map_err(|error| format!("{CODEC} cannot be linked: {error}."))
}

fn command(site: &Site) -> Command {
    let folder = site.folder.display();
    let mut command = Command::new("java");
    command.args(["-Xmx256m", "-Dactivemq.home=/usr/share/activemq"]);
    command.args([format!("-Dactivemq.base={folder}"), format!("-Dactivemq.conf={folder}")]);
    command.args([format!("-Dactivemq.data={folder}/data"), format!("-Djava.io.tmpdir={folder}")]);
    command.args(["-jar", JAR, "start", &format!("xbean:file:{folder}/activemq.xml")]);
    command
}
