//! `mqtt request`: publishes a request and prints the answers (§4.10 of MQTT 5).

use pure_mqtt::{Limits, Publish, QoS, Subscribe, Subscription, TopicFilter};

use crate::args::Request;
use crate::failure::Failure;
use crate::input;
use crate::link::Link;
use crate::printer::Printer;
use crate::report::Tally;

pub fn run(options: &Request, tally: &mut Tally) -> Result<(), Failure> {
    let payload = input::read(&options.source)?;
    let mut message: Publish<'_> = options.message;
    message.payload = payload[..].into();
    let filter = TopicFilter::new(options.response_topic.as_str()).map_err(Failure::Topic)?;
    let filters = [Subscription::new(filter, QoS::AtLeastOnce)];
    let mut printer = Printer::new(&options.format, &filters, Some(options.count));
    printer.correlation = Some(options.correlation);
    let result = ask(options, &message, &mut printer);
    tally.messages = printer.seen;
    result
}

/// Listens before it asks.
fn ask(options: &Request, message: &Publish<'_>, printer: &mut Printer<'_>) -> Result<(), Failure> {
    let mut link = Link::new(&options.broker, Limits { manual_acks: true, ..Limits::DEFAULT });
    link.connect(printer)?;
    let now = link.host.now();
    link.host.mqtt.subscribe(now, &Subscribe::new(printer.filters))?;
    link.wait(printer, |printer, _| !printer.is_unsubscribed || printer.is_done())?;
    if printer.failure.is_none() {
        let now = link.host.now();
        link.host.mqtt.publish(now, message)?;
        link.wait(printer, |printer, mqtt| printer.failure.is_some() || printer.is_done() && mqtt.is_idle())?;
    }
    link.leave()?;
    printer.result()
}
