//! `mqtt sub`: subscribes, prints messages, and reconnects after a lost connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use pure_mqtt_client::pure_mqtt::Version;
use pure_mqtt_client::pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt_client::{Client, Subscribed};

use crate::args::Subscribing;
use crate::failure::Failure;
use crate::link::{Link, News};
use crate::printer::{self, Choice, Printer};
use crate::report::{self, Tally};
use crate::{progress, session};

pub fn run(options: &Subscribing, tally: &mut Tally) -> Result<(), Failure> {
    let client = Client::with(session::options(&options.broker, Version::V311));
    let mut link = Link::new(client, &options.broker, options.broker.session.timeout)?;
    if !options.unsubscribe.is_empty() {
        link.client.unsubscribe_from(&options.unsubscribe).map_err(Failure::Subscribe)?;
    }
    let queue = link.client.receive_from(&options.filters(), printer::queue()).map_err(Failure::Subscribe)?;
    let seen = Arc::new(AtomicU64::new(0));
    let bar = progress::ticking(options.progress, options.count, "messages");
    let printer = Printer {
        client: link.client.clone(),
        sender: link.sender(),
        format: options.output.format(),
        ends_lines: options.output.ends_lines(),
        count: options.count,
        choice: Choice {
            filter_out: options.filter_out.clone(),
            no_retained: options.no_retained,
            retained_only: options.retained_only,
            remove_retained: options.remove_retained,
            correlation: None,
        },
        seen: Arc::clone(&seen),
        bar: bar.clone(),
    };
    let printing = thread::spawn(move || {
        printer.run(&queue);
        queue // dropping it while the link is up would unsubscribe
    });
    let result = listen(&mut link, options.exit_after_subscribe);
    let dropped = link.client.stats().dropped;
    link.leave();
    if link.was_connected() {
        drop(printing.join());
    }
    bar.finish_and_clear();
    tally.messages = seen.load(Ordering::Relaxed);
    if dropped > 0 {
        report::warn(&format!("{dropped} messages at QoS 0 were dropped because the output was not read fast enough"));
    }
    result
}

fn listen(link: &mut Link, exits_after_subscribe: bool) -> Result<(), Failure> {
    link.connect()?;
    loop {
        match link.next()? {
            News::Subscribed(answer) => {
                check(&answer)?;
                if exits_after_subscribe {
                    return Ok(());
                }
            }
            News::Done => return Ok(()),
            News::Stop => return Err(Failure::Stopped),
            _ => {}
        }
    }
}

/// Returns an error if the server has not granted everything.
pub fn check(answer: &Subscribed) -> Result<(), Failure> {
    for (filter, standing) in &answer.filters {
        match standing {
            SubscriptionState::Refused(reason) => {
                return Err(Failure::NotSubscribed { filter: filter.to_string(), reason: *reason });
            }
            SubscriptionState::Unsupported(error) => return Err(Failure::Subscribe((*error).into())),
            _ => {}
        }
    }
    Ok(())
}
