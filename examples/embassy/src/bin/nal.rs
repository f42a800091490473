//! The station over the network stack of this PC, behind the traits of
//! embedded-nal-async.

use std::process::ExitCode;

use embassy_futures::select::{Either, select};
use pure_mqtt_embassy_examples::args::{Args, exit};
use pure_mqtt_embassy_examples::station::{self, Station};
use pure_mqtt_embassy_examples::{host, nal};
use std_embedded_nal_async::Stack;

const USAGE: &str =
    "nal: answers on station/answer what comes on station/command, over any network stack of embedded-nal-async

  --broker HOST:PORT default: localhost:1883
  --mqtt VERSION     3.1.1 or 5.0; default: 5.0
";

static MQTT: Station = station::new();

fn main() -> ExitCode {
    match Args::parse(USAGE, &[("broker", "localhost:1883"), ("mqtt", "5.0")]) {
        Ok(args) => exit("nal", async_io::block_on(run(&args))),
        Err(code) => code,
    }
}

async fn run(args: &Args) -> Result<(), String> {
    let (version, server) = (args.version()?, args.broker()?);
    let commands = station::commands(&MQTT).map_err(|error| format!("{error}."))?;
    let options = station::options(version, "station-nal");
    let stack = Stack::default();
    let connection =
        nal::links(&MQTT, (&stack, &stack), server, &options, host::random, |error| {
            eprintln!("{error}.")
        });
    let application = station::answer(&MQTT, commands);
    match select(connection, application).await {
        Either::First(result) => result.map_err(|error| format!("{error}.")),
        Either::Second(Err(error)) => Err(format!("{error}.")),
    }
}
