//! The station with TLS, over a socket of this PC.

use std::path::Path;
use std::process::ExitCode;

use embassy_futures::select::{Either, select};
use pure_mqtt_embassy_examples::args::{Args, exit};
use pure_mqtt_embassy_examples::host;
use pure_mqtt_embassy_examples::secure::Tls;
use pure_mqtt_embassy_examples::station::{self, Station};
use rand_core::OsRng;

const USAGE: &str =
    "tls: answers on station/answer what comes on station/command, by TLS 1.3

  --ca FILE          the certificate of the broker's authority, in PEM; needed
  --broker HOST:PORT default: localhost:8883
  --mqtt VERSION     3.1.1 or 5.0; default: 5.0
";

static MQTT: Station = station::new();

fn main() -> ExitCode {
    match Args::parse(USAGE, &[("broker", "localhost:8883"), ("ca", ""), ("mqtt", "5.0")])
    {
        Ok(args) => exit("tls", async_io::block_on(run(&args))),
        Err(code) => code,
    }
}

async fn run(args: &Args) -> Result<(), String> {
    let (version, (name, _), server) = (args.version()?, args.broker()?, args.address()?);
    if args.get("ca").is_empty() {
        return Err(
            "--ca names the certificate of the broker's authority; it is needed.".into(),
        );
    }
    let authority = host::certificate(Path::new(args.get("ca")))?;
    let (mut received, mut unsent) = ([0; 16_640], [0; 1024]);
    let on_failure = |error| eprintln!("no TLS with {name}: {error:?}.");
    let mut tls =
        Tls::new(name, &authority, OsRng, (&mut received, &mut unsent), &on_failure);
    let commands = station::commands(&MQTT).map_err(|error| format!("{error}."))?;
    let options = station::options(version, "station-tls");
    let connection = host::secure_links(&MQTT, server, &options, &mut tls, host::random);
    match select(connection, station::answer(&MQTT, commands)).await {
        Either::First(result) => result.map_err(|error| format!("{error}.")),
        Either::Second(Err(error)) => Err(format!("{error}.")),
    }
}
