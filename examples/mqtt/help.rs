//! What `--help` shows.

pub const HELP: &str = "\
A small MQTT client.

usage: mqtt pub --topic TOPIC (--message TEXT | --file PATH | --stdin | --lines) [OPTIONS]
       mqtt sub --topic FILTER [--topic FILTER ...] [OPTIONS]

the broker
  --host HOST              default: localhost
  --port PORT              default: 1883
  --version 3.1|3.1.1|5    default: 3.1.1
  --user NAME              the user name
  --password TEXT          the password
  --timeout SECONDS        give up if it takes longer in all

the session
  --id ID                  the client identifier; default: a random one
  --clean                  start without an earlier session (the default)
  --resume                 go on with the session of --id, and keep it
  --session-expiry SECONDS how long the broker keeps the session (5 only); default: an hour with --resume
  --keep-alive SECONDS     the longest silence; 0 turns it off; default: 60

the messages
  -t, --topic TOPIC        where to publish, or what to subscribe to
  -q, --qos 0|1|2          default: 0

the will
  --will-topic TOPIC       published by the broker if we vanish
  --will-payload TEXT      default: empty
  --will-qos 0|1|2         default: 0
  --will-retain            the broker keeps it

only pub
  -m, --message TEXT       publish this
  -f, --file PATH          publish what the file holds
  -s, --stdin              publish all of the standard input as one message
  -l, --lines              publish each line of the standard input as a message
  -r, --retain             the broker keeps the message
  -c, --count N            publish each message N times; default: 1

only sub
  -c, --count N            leave after N messages
  -v, --verbose            print `topic payload` instead of the payload alone

A publisher leaves when everything is acknowledged. A subscriber that loses its connection connects again, waiting longer after each
failure, and subscribes anew if the broker has lost the session.

exit codes
  0  done
  1  the connection failed or was lost, or the broker did not take a message or a subscription
  2  the arguments are wrong
  3  the broker refused the connection
  4  the time of --timeout is over
";
