//! The text of `--help` besides the options: examples, the terms of MQTT, and the exit codes.

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
Try it in two terminals:
  mqtt sub -t 'plant/#' -v
  mqtt pub -t plant/boiler -m 71.5
`mqtt COMMAND --help` shows the options of a command, with examples. The option -h is the host, as in other MQTT tools.

Topics:
  A message is published to a topic such as plant/boiler. A subscription may use wildcards: + matches one
  level (plant/+), and # at the end matches all remaining levels (plant/#).

Quality of service (QoS):
  0  sent once; lost if the connection is lost
  1  sent until it is acknowledged; may arrive more than once
  2  arrives exactly once; takes four packets instead of two
  The publisher's QoS applies up to the server. From there a subscriber gets the lower of it and its own.

Retain:
  The server keeps the last retained message of a topic and sends it to later subscribers. An empty one removes it.

Servers:
  -h HOST -p PORT, or a URL: -L mqtt://HOST:PORT, mqtts:// (TLS), ws:// and wss:// (WebSocket), unix:PATH. With
  several -L, the next one is tried when one fails. The environment variables MQTT_HOST, MQTT_PORT, MQTT_URL, MQTT_USER
  and MQTT_PASSWORD set the same options.

Configuration:
  A file with defaults for options: --config FILE, MQTT_CONFIG, or mqtt/config.toml in $XDG_CONFIG_HOME or ~/.config.
    host = \"broker.example\"
    cafile = \"/etc/mqtt/ca.pem\"
    [sub]
    format = \"json\"

Exit codes:
  0    success; also if the output was closed, as by `mqtt sub ... | head -1`
  1    the connection failed or was lost, or the server refused a message or a subscription
  2    the arguments are wrong
  3    the server refused the connection
  4    the time of --timeout has passed
  130  stopped in order by Ctrl-C or SIGTERM; a second signal ends at once";

pub const PUB: &str = "\
Examples:
  mqtt pub -t plant/boiler -m 71.5 -q 1 --retain     a value that later subscribers also get
  mqtt pub -t plant/boiler -n --retain               removes that value
  mqtt pub -t camera/1 -f picture.jpg -q 2           a file
  mqtt pub -t valve -m 01ff --encoding hex           two bytes
  tail -f log | mqtt pub -t logs/web -l -q 1         each line as a message
  mqtt pub -t a -m x --repeat 100 --rate 10          ten a second
  mqtt pub -V 5 -t plant/boiler -m 71.5 -D unit=celsius --expiry 60
  MQTT_USER=ada MQTT_PASSWORD=… mqtt pub -t a -m x   a password that other users can't see
  mqtt pub -t meter -l -q 2 --durable box < values   survives a crash of the program or the machine
  mqtt pub -t meter -l -q 2 --durable box --refeed < values   continues after the last line that box has accepted
  mqtt pub -t meter -q 2 --durable box               delivers the messages in the folder

The command ends when all messages are delivered: at QoS 0 when they are sent, at QoS 1 and 2 when they are acknowledged.
There is no limit unless --timeout sets one. Ctrl-C ends the input; lines read so far are still delivered.
With --lines or --durable it reconnects after a lost connection and sends unacknowledged messages again.
For exactly-once delivery across connections use -q 2 with --durable, or with --id ... --resume.
With --durable a line is sent only once it is on the disk. Ctrl-C then ends at once; the remaining messages stay in the folder.
With --format json the last line contains the number of published and of unfinished messages.";

pub const REQUEST: &str = "\
Examples:
  mqtt request -t service/time -m now
  mqtt request -t service/find -m boiler --count 3 --timeout 2 --format json

The request contains a response topic and correlation data; both are generated unless given. A reply has the same
correlation data. The default for --timeout is ten seconds. --format takes the formats of `mqtt sub`.";

pub const BENCH: &str = "\
Examples:
  mqtt bench                                         QoS 0, 1 and 2, five rounds each
  mqtt bench -q 1 --messages 50000 --window 20
  mqtt bench --connections 5000 -n 0                 only connects, and shows the cost of a connection
  mqtt bench --connections 100 -q 0 --plot latency.svg
  mqtt bench --format json | jq 'select(.type == \"median\")'

Each connection subscribes to its topic and publishes to it. A round ends when every message was received and acknowledged.
The latency is the time from publishing a message to receiving it, so a larger --window raises it. The figures include
the client, the server and the network. Processor time and memory are those of this process alone.";

pub const COMPLETIONS: &str = "\
Examples:
  mqtt completions bash > ~/.local/share/bash-completion/completions/mqtt
  mqtt completions fish > ~/.config/fish/completions/mqtt.fish";

/// Returns the text for `mqtt sub`, with the table of fields.
pub fn of_sub() -> String {
    let fields = FIELDS.iter().map(|field| {
        let name = if field.name.is_empty() { "-" } else { field.name };
        format!("  %{}  {name:<16}  {}\n", field.letter, field.about)
    });
    let fields: String = fields.collect();
    format!("{SUB}\n{fields}  %%  {:<16}  a percent sign; \\n, \\t, \\0 and \\\\ work as well", "")
}

const SUB: &str = "\
Examples:
  mqtt sub -t 'plant/#' -v                           topic and payload of everything below plant
  mqtt sub -t plant/boiler -C 1                      one message, then exit
  mqtt sub -t camera/1 -C 1 --raw > picture.jpg      one payload, byte for byte
  mqtt sub -t 'plant/+' --format '%I %t %q %p'       with time and QoS
  mqtt sub -t 'plant/#' -T 'plant/test/#'            everything except below plant/test
  mqtt sub -t 'plant/#' --format json | jq .payload
  mqtt sub -t 'old/#' --retained-only --remove-retained -W 5   removes the retained messages below old
  mqtt sub -t jobs -q 1 --id worker --resume         also messages from while it was not running
  mqtt sub -V 5 -t '$share/group/jobs' -q 1          each message goes to one member of the group

A message is acknowledged after it was printed, so the server keeps messages that were not. After a lost connection
the command reconnects, with longer delays after each failure, and subscribes again if the server has lost the session.

Formats: text prints one payload per line; a payload that is not text (UTF-8) is printed byte for byte without a line end.
raw prints payloads byte for byte. hex and base64 print one payload per line. pretty prints an indented object, in which
a JSON payload is not quoted. json prints one object per line, with \"type\":\"message\" and those of the fields below that
the message has; bytes that are not text are in payload_hex or correlation_hex. The last line has \"type\":\"result\".

Fields: the letter for --format '%t %p', and the name in --format json:";
