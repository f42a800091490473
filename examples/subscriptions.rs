//! Restoring subscriptions and dispatching messages: `cargo run --example subscriptions`.
//!
//! It starts a small broker in a thread, subscribes to a few filters over real TCP, and dispatches each message to the handlers whose filters match. Then the broker loses the
//! session, as a broker without a disk does on a restart: the subscriptions are restored, and messages are dispatched as before. `Program` has what a program adds to the host's
//! loop for this.

mod support;

use std::error::Error;
use std::time::Duration;

use pure_mqtt::router::Router;
use pure_mqtt::subscriptions::{HeapList, SubscriptionState, Subscriptions};
use pure_mqtt::{
    Connect, Disconnect, Event, Instant, Limits, Outcome, Property, QoS, SessionState, Subscription, TopicFilter,
    Version,
};

use pure_mqtt_test_broker::{Broker, Message};
use support::{App, Host, Mqtt};

const CLIENT: &str = "greenhouse";
const PATIENCE: Duration = Duration::from_secs(10);
const FILTERS: [(&str, QoS, &str); 4] = [
    ("house/+/temperature", QoS::AtMostOnce, "thermometer"),
    ("house/#", QoS::AtLeastOnce, "logbook"),
    ("$share/pumps/water/+", QoS::AtLeastOnce, "pump"),
    ("alarm", QoS::ExactlyOnce, "siren"),
];

struct Program {
    subscriptions: Subscriptions<HeapList>,
    router: Router<&'static str>,
    messages: usize,
}

impl App for Program {
    fn event(&mut self, mqtt: &mut Mqtt, now: Instant, event: Event<'_>) {
        self.subscriptions.on_event(&event);
        match event {
            Event::ConnAck(connack) => match connack.session {
                SessionState::Resumed => println!("connect      the broker resumed the session"),
                _ => println!("connect      the broker started a new session"),
            },
            Event::Message(message) => {
                if let Some(topic) = mqtt.topic(&message.topic) {
                    let handlers: Vec<_> = self.router.route(topic).copied().collect();
                    println!("receive      {} for {}", topic.as_str(), handlers.join(" and "));
                }
                self.messages += 1;
            }
            _ => {}
        }
        self.subscriptions.sync(now, mqtt);
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.subscriptions.on_outcome(&outcome);
    }
}

impl Program {
    fn new() -> Result<Self, Box<dyn Error>> {
        let mut program = Self { subscriptions: Subscriptions::default(), router: Router::new(), messages: 0 };
        for (text, qos, handler) in FILTERS {
            let filter = TopicFilter::new(text)?;
            program.subscriptions.subscribe(Subscription::new(filter, qos))?;
            program.router.insert(filter, handler);
        }
        program.router.set_default(Some("nobody"));
        Ok(program)
    }

    fn tell(&self) {
        for (subscription, _, standing) in self.subscriptions.iter() {
            if let SubscriptionState::Granted(qos) = standing {
                println!("subscribed   {} at QoS {}", subscription.filter.as_str(), qos.bits());
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let broker = Broker::start()?;
    let mut program = Program::new()?;
    let mut host = Host::new(Limits { version: Version::V5, ..Limits::DEFAULT });
    for round in 1..=2 {
        let keep_for_a_minute = [Property::SessionExpiryInterval(60)];
        let connect = Connect::new(Version::V5, CLIENT).clean_start(false).properties(&keep_for_a_minute);
        host.open(&broker.address().to_string(), &connect)?;
        let is_settled = |program: &Program, mqtt: &Mqtt| mqtt.is_connected() && program.subscriptions.is_settled();
        if !host.drive_until(&mut program, PATIENCE, is_settled)? {
            return Err("the broker does not answer".into());
        }
        program.tell();
        for topic in ["house/north/temperature", "house/door", "water/tank", "alarm"] {
            broker.publish(&Message::new(topic, b"1").qos(1));
        }
        if !host.drive_until(&mut program, PATIENCE, |program, mqtt| program.messages == 4 * round && mqtt.is_idle())? {
            return Err("not every message came".into());
        }
        if round == 1 {
            host.cut();
            broker.lose_session(CLIENT);
            println!("\ncut          the connection is gone, and the broker has forgotten everything\n");
        }
    }
    host.leave(&Disconnect::default())?;
    match broker.violations().as_slice() {
        [] => Ok(()),
        violations => Err(violations.join("; ").into()),
    }
}
