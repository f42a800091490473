//! `mqtt request`: publishes a request and prints the replies (§4.10 of MQTT 5).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use indicatif::ProgressBar;
use pure_mqtt_client::pure_mqtt::{Publish, QoS, Subscription, TopicFilter, Version};
use pure_mqtt_client::{Client, SubscribeError};

use crate::args::values::{keep, own_topic, random_id};
use crate::args::{Request, Source};
use crate::failure::Failure;
use crate::link::{Link, News};
use crate::printer::{self, Choice, Printer};
use crate::report::Tally;
use crate::{input, session, subscriber};

/// Runs the command. Generates a response topic and correlation data if they are missing.
pub fn run(options: &Request, tally: &mut Tally) -> Result<(), Failure> {
    let source = options.payload.source().unwrap_or(Source::Bytes(Vec::new()));
    let payload = input::read(&source, options.message.encoding)?;
    let response_topic = options.message.response_topic.unwrap_or_else(|| own_topic("mqtt-request"));
    let correlation: &'static [u8] = keep(options.message.correlation.clone().unwrap_or_else(random_id).into_bytes());
    let mut message: Publish<'_> = options.message.request(response_topic, correlation);
    message.payload = payload[..].into();

    let client = Client::with(session::options(&options.broker, Version::V5));
    let mut link = Link::new(client, &options.broker, Some(options.timeout()))?;
    let filter =
        TopicFilter::new(response_topic.as_str()).map_err(|error| Failure::Subscribe(SubscribeError::Filter(error)))?;
    let queue = link.client.receive_from(&[Subscription::new(filter, QoS::AtLeastOnce)], printer::queue());
    let queue = queue.map_err(Failure::Subscribe)?;
    let seen = Arc::new(AtomicU64::new(0));
    let printer = Printer {
        client: link.client.clone(),
        sender: link.sender(),
        format: options.output.format(),
        ends_lines: options.output.ends_lines(),
        count: Some(options.count),
        choice: Choice { correlation: Some(correlation.to_vec()), ..Choice::default() },
        seen: Arc::clone(&seen),
        bar: ProgressBar::hidden(),
    };
    let printing = thread::spawn(move || {
        printer.run(&queue);
        queue
    });
    let result = ask(&mut link, &message);
    link.leave();
    if link.was_connected() {
        drop(printing.join());
    }
    tally.messages = seen.load(Ordering::Relaxed);
    result
}

/// Subscribes before it publishes the request.
fn ask(link: &mut Link, message: &Publish<'_>) -> Result<(), Failure> {
    link.connect()?;
    let (mut is_delivered, mut is_answered) = (false, false);
    while !(is_delivered && is_answered) {
        match link.next()? {
            News::Subscribed(answer) => {
                subscriber::check(&answer)?;
                link.client.publish_with(message).map_err(Failure::Publish)?;
            }
            News::Published(result) => {
                result.map_err(Failure::NotPublished)?;
                is_delivered = true;
            }
            News::Done => is_answered = true,
            News::Stop => return Err(Failure::Stopped),
            _ => {}
        }
    }
    Ok(())
}
