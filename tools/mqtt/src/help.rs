//! What `--help` shows beyond the options: examples, what the words of MQTT mean, and the exit codes.

use clap::builder::styling::{AnsiColor, Styles};

use crate::fields::FIELDS;

pub const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold())
    .invalid(AnsiColor::Yellow.on_default())
    .valid(AnsiColor::Green.on_default());

pub const GENERAL: &str = "\
A first try, in two terminals:
  mqtt sub -t 'plant/#' -v
  mqtt pub -t plant/boiler -m 71.5
`mqtt COMMAND --help` shows the options of a command, with examples; there -h is the host, as with other MQTT tools.

Topics:
  A message is published to a topic such as plant/boiler. A subscription may use wildcards: + stands for one
  level (plant/+), and # at the end for all that follow (plant/#).

Quality of service:
  0  sent once; lost if the connection is
  1  sent until it is acknowledged; may arrive twice
  2  arrives exactly once, in twice as many packets
  It holds from a client to the server; a subscriber gets the lower of the message's and its subscription's.

Retain:
  The server keeps the last retained message of a topic for those who subscribe later. An empty one removes it.

Servers:
  -h HOST -p PORT, or a URL: -L mqtt://HOST:PORT, mqtts:// (TLS), ws:// and wss:// (WebSocket), unix:PATH. Several -L: the
  next one is tried when one fails. MQTT_HOST, MQTT_PORT, MQTT_URL, MQTT_USER and MQTT_PASSWORD say the same.

Configuration:
  A file with defaults of options: --config FILE, MQTT_CONFIG, or mqtt/config.toml in the folder for configurations.
    host = \"broker.example\"
    cafile = \"/etc/mqtt/ca.pem\"
    [sub]
    format = \"json\"

Exit codes:
  0    done; also if nobody reads the output any more
  1    the connection failed or was lost, or the server did not take a message or a subscription
  2    the arguments are wrong
  3    the server refused the connection
  4    the time of --timeout is over
  130  stopped by Ctrl-C or SIGTERM, in an orderly way; a second one ends at once";

pub const PUB: &str = "\
Examples:
  mqtt pub -t plant/boiler -m 71.5 -q 1 --retain     a value that later subscribers get too
  mqtt pub -t plant/boiler -n --retain               removes it
  mqtt pub -t camera/1 -f picture.jpg -q 2           a file
  mqtt pub -t valve -m 01ff --encoding hex           two bytes
  tail -f log | mqtt pub -t logs/web -l -q 1         each line as a message
  mqtt pub -t a -m x --repeat 100 --rate 10          ten a second
  mqtt pub -V 5 -t plant/boiler -m 71.5 -D unit=celsius --expiry 60
  MQTT_USER=ada MQTT_PASSWORD=… mqtt pub -t a -m x   a password that the process list doesn't show
  mqtt pub -t meter -l -q 2 --durable box < values   survives a crash of the program or the machine
  mqtt pub -t meter -l -q 2 --durable box --refeed < values   goes on behind the last line that box has accepted
  mqtt pub -t meter -q 2 --durable box               delivers what is left in the folder

It ends when every message is acknowledged. Ctrl-C ends the input: what was read is still delivered. With --lines a lost
connection is made again, and what was not acknowledged is sent again; to have it exactly once even then: -q 2 with
--durable, or with --id … --resume. With --durable a line counts as read once it is on the disk, and nothing is sent before; Ctrl-C
ends at once, and what is left waits in the folder.
With --format json the last line says how many messages were published, and how many of them are unfinished.";

pub const REQUEST: &str = "\
Examples:
  mqtt request -t service/time -m now
  mqtt request -t service/find -m boiler --count 3 --timeout 2 --format json

The request carries a response topic and correlation data; both are made up if none are given. An answer has
the same correlation data. Without --timeout the answers have ten seconds. --format takes what `mqtt sub` takes.";

pub const BENCH: &str = "\
Examples:
  mqtt bench                                         all qualities of service, five rounds each
  mqtt bench -q 1 --messages 50000 --window 20
  mqtt bench --connections 5000 -n 0                 connects, and says what a connection costs
  mqtt bench --connections 100 -q 0 --plot latency.svg
  mqtt bench --format json | jq 'select(.type == \"median\")'

Each connection subscribes to a topic and publishes to it; a round ends when every message came back and is acknowledged. The latency
is the time from publishing a message to its coming back, so a larger --window raises it. The figures are of this
client, this server and all that lies between them. Processor time and memory are those of this process alone.";

pub const COMPLETIONS: &str = "\
Examples:
  mqtt completions bash > ~/.local/share/bash-completion/completions/mqtt
  mqtt completions fish > ~/.config/fish/completions/mqtt.fish";

/// With the fields of `--format`, from their table.
pub fn of_sub() -> String {
    let fields = FIELDS.iter().map(|field| {
        let name = if field.name.is_empty() { "-" } else { field.name };
        format!("  %{}  {name:<16}  {}\n", field.letter, field.about)
    });
    let fields: String = fields.collect();
    format!("{SUB}\n{fields}  %%  {:<16}  a percent sign; \\n, \\t, \\0 and \\\\ are known as well", "")
}

const SUB: &str = "\
Examples:
  mqtt sub -t 'plant/#' -v                           topic and payload of everything below plant
  mqtt sub -t plant/boiler -C 1                      one message, then leave
  mqtt sub -t camera/1 -C 1 --raw > picture.jpg      a payload byte for byte
  mqtt sub -t 'plant/+' --format '%I %t %q %p'       with the time and the quality of service
  mqtt sub -t 'plant/#' -T 'plant/test/#'            all but what is below plant/test
  mqtt sub -t 'plant/#' --format json | jq .payload
  mqtt sub -t 'old/#' --retained-only --remove-retained -W 5   has the server forget what it kept
  mqtt sub -t jobs -q 1 --id worker --resume         what came meanwhile comes too
  mqtt sub -V 5 -t '$share/crew/jobs' -q 1           each message goes to one of the crew

A message is acknowledged when it is printed, so one that wasn't printed stays with the session. After a lost
connection it connects again, waiting longer after each failure, and subscribes anew if the server has lost the session.

Formats: text prints payloads, one a line, and one that is no text (UTF-8) byte for byte with nothing behind it; raw prints every payload
byte for byte; hex and base64 one a line; pretty an indented object, in which a payload that is JSON stands as such.
Each line of json is an object, with \"type\":\"message\" and those of the fields below that the message has; bytes that
are no text are in payload_hex or correlation_hex. The last line has \"type\":\"result\".

Fields, as --format '%t %p' and as --format json names them:";
