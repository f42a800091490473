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
  mqtt sub --topic 'plant/#' --verbose
  mqtt pub --topic plant/boiler --message 71.5
`mqtt COMMAND --help` shows the options of a command, with examples.

Topics:
  A message is published to a topic such as plant/boiler. A subscription may use wildcards: + stands for one
  level (plant/+), and # at the end for all that follow (plant/#).

Quality of service:
  0  sent once; lost if the connection is
  1  sent until it is acknowledged; may arrive twice
  2  arrives exactly once, in twice as many packets
  It holds from a client to the broker; a subscriber gets the lower of the message's and its subscription's.

Retain:
  The broker keeps the last retained message of a topic for those who subscribe later. An empty one removes it.

Exit codes:
  0    done; also if nobody reads the output any more
  1    the connection failed or was lost, or the broker did not take a message or a subscription
  2    the arguments are wrong
  3    the broker refused the connection
  4    the time of --timeout is over
  130  stopped by Ctrl-C or SIGTERM, in an orderly way; a second one ends at once";

pub const PUB: &str = "\
Examples:
  mqtt pub -t plant/boiler -m 71.5 -q 1 --retain     a value that later subscribers get too
  mqtt pub -t plant/boiler -m '' --retain            removes it
  mqtt pub -t camera/1 -f picture.jpg -q 2           a file
  tail -f log | mqtt pub -t logs/web -l -q 1         each line as a message
  mqtt pub -V 5 -t plant/boiler -m 71.5 -D unit=celsius --expiry 60
  MQTT_USER=ada MQTT_PASSWORD=… mqtt pub -t a -m x   a password that the process list doesn't show

It ends when every message is acknowledged. Ctrl-C ends the input: what was read is still delivered. With --lines a lost
connection is made again, and what was not acknowledged is sent again; to have it exactly once even then: -q 2 --id … --resume.
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
  mqtt bench --format json | jq 'select(.type == \"median\")'

The client subscribes to a topic and publishes to it; a round ends when every message came back and is acknowledged.
Of those under way no more than 20 at QoS 1 and 2 are unacknowledged, which every broker takes. The figures are of this client,
this broker and all that lies between them. Processor time is that of this process alone.";

/// With the fields of `--format`, from their table.
pub fn of_sub() -> String {
    let fields = FIELDS.iter().map(|field| format!("  %{}  {:<16}  {}\n", field.letter, field.name, field.about));
    let fields: String = fields.collect();
    format!("{SUB}\n{fields}  %%  {:<16}  a percent sign; \\n, \\t, \\0 and \\\\ are known as well", "")
}

const SUB: &str = "\
Examples:
  mqtt sub -t 'plant/#' -v                           topic and payload of everything below plant
  mqtt sub -t plant/boiler -c 1                      one message, then leave
  mqtt sub -t 'plant/+' --format '%T %t %q %p'       with the time and the quality of service
  mqtt sub -t 'plant/#' --format json | jq .payload
  mqtt sub -t jobs -q 1 --id worker --resume         what came meanwhile comes too
  mqtt sub -V 5 -t '$share/crew/jobs' -q 1           each message goes to one of the crew

A message is acknowledged when it is printed, so one that wasn't printed stays with the session. After a lost
connection it connects again, waiting longer after each failure, and subscribes anew if the broker has lost the session.

Each line of --format json is an object, with \"type\":\"message\" and those of the fields below that the message has; bytes that
are no text are in payload_hex or correlation_hex. The last line has \"type\":\"result\".

Fields, as --format '%t %p' and as --format json names them:";
