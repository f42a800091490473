//! The station on embassy-net, over an Ethernet of its own: a TAP device of this PC. On a
//! board the chip's driver stands in the place of `TunTapDevice`.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("ethernet: TAP devices are Linux's.");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::process::ExitCode;

    use embassy_executor::{Executor, SpawnError, SpawnToken, Spawner};
    use embassy_net::{
        Config, IpEndpoint, Ipv4Cidr, Stack, StackResources, StaticConfigV4,
    };
    use embassy_net_tuntap::TunTapDevice;
    use pure_mqtt_embassy::Version;
    use pure_mqtt_embassy_examples::args::{Args, exit};
    use pure_mqtt_embassy_examples::station::{self, Station};
    use pure_mqtt_embassy_examples::{ethernet, host};
    use static_cell::StaticCell;

    const USAGE: &str =
        "ethernet: answers on station/answer what comes on station/command, over embassy-net and a TAP device

  --tap NAME         the TAP device; default: tap99
  --address ADDRESS  the station's own; default: 192.168.69.2
  --broker HOST:PORT the broker, as seen from the TAP device; default: 192.168.69.1:1883
  --mqtt VERSION     3.1.1 or 5.0; default: 5.0

The device, with the broker's address on this PC's side:
  sudo ip tuntap add tap99 mode tap user $USER
  sudo ip address add 192.168.69.1/24 dev tap99
  sudo ip link set tap99 up
";

    const OPTIONS: [(&str, &str); 4] = [
        ("tap", "tap99"),
        ("address", "192.168.69.2"),
        ("broker", "192.168.69.1:1883"),
        ("mqtt", "5.0"),
    ];

    /// Bytes of the longest name that Linux gives a device.
    const LONGEST_NAME: usize = 15;

    static MQTT: Station = station::new();
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<3>> = StaticCell::new();

    pub fn main() -> ExitCode {
        let args = match Args::parse(USAGE, &OPTIONS) {
            Ok(args) => args,
            Err(code) => return code,
        };
        match settings(&args) {
            Ok(settings) => {
                EXECUTOR.init(Executor::new()).run(|spawner| start(spawner, settings))
            }
            Err(sentence) => exit("ethernet", Err(sentence)),
        }
    }

    struct Settings {
        device: TunTapDevice,
        address: Ipv4Addr,
        server: IpEndpoint,
        version: Version,
    }

    fn settings(args: &Args) -> Result<Settings, String> {
        let address = args
            .get("address")
            .parse()
            .map_err(|_| "--address is an IPv4 address.".to_owned())?;
        let SocketAddr::V4(server) = args.address()? else {
            return Err("--broker has no IPv4 address.".into());
        };
        let (server, version) =
            (IpEndpoint::new((*server.ip()).into(), server.port()), args.version()?);
        let tap = args.get("tap");
        if tap.len() > LONGEST_NAME {
            return Err(format!("--tap is a name of at most {LONGEST_NAME} bytes."));
        }
        let device = TunTapDevice::new(tap)
            .map_err(|error| format!("{tap}: {error}. --help tells how to make it."))?;
        Ok(Settings { device, address, server, version })
    }

    fn start(spawner: Spawner, settings: Settings) {
        let Settings { device, address, server, version } = settings;
        let config = StaticConfigV4 {
            address: Ipv4Cidr::new(address, 24),
            gateway: None,
            dns_servers: Default::default(),
        };
        let seed = u64::from(host::random());
        let (stack, runner) = embassy_net::new(
            device,
            Config::ipv4_static(config),
            RESOURCES.init(StackResources::new()),
            seed,
        );
        spawn(spawner, network(runner));
        spawn(spawner, connection(stack, server, version));
        spawn(spawner, application());
    }

    fn spawn<S>(spawner: Spawner, task: Result<SpawnToken<S>, SpawnError>) {
        match task {
            Ok(task) => spawner.spawn(task),
            Err(error) => end(format!("a task can't be started: {error:?}.")),
        }
    }

    #[embassy_executor::task]
    async fn network(mut runner: embassy_net::Runner<'static, TunTapDevice>) {
        runner.run().await;
    }

    #[embassy_executor::task]
    async fn connection(stack: Stack<'static>, server: IpEndpoint, version: Version) {
        let options = station::options(version, "station-ethernet");
        match ethernet::links(&MQTT, stack, server, &options, host::random).await {
            Ok(()) => std::process::exit(0),
            Err(error) => end(format!("{error}.")),
        }
    }

    #[embassy_executor::task]
    async fn application() {
        let commands = match station::commands(&MQTT) {
            Ok(commands) => commands,
            Err(error) => end(format!("{error}.")),
        };
        let Err(error) = station::answer(&MQTT, commands).await;
        end(format!("{error}."));
    }

    /// Ends the program from within a task.
    fn end(sentence: String) -> ! {
        eprintln!("ethernet: {sentence}");
        std::process::exit(1)
    }
}
