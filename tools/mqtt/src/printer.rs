//! Prints messages, and acknowledges each after it was printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::Sender;
use indicatif::ProgressBar;
use pure_mqtt_client::pure_mqtt::{TopicFilter, TopicName};
use pure_mqtt_client::{Client, Qos0Queue, Received, Receiver, ReceiverOptions};

use crate::failure::Failure;
use crate::fields::Shown;
use crate::format::Format;
use crate::link::News;
use crate::report;

pub struct Printer {
    pub client: Client,
    /// Receives the end.
    pub sender: Sender<News>,
    pub format: Format,
    pub ends_lines: bool,
    /// The number of messages after which to stop.
    pub count: Option<u64>,
    pub choice: Choice,
    pub seen: Arc<AtomicU64>,
    pub bar: ProgressBar,
}

/// Which messages are printed.
#[derive(Default)]
pub struct Choice {
    pub filter_out: Vec<TopicFilter<'static>>,
    pub no_retained: bool,
    /// Whether to stop at the first other message.
    pub retained_only: bool,
    pub remove_retained: bool,
    /// If set, only replies with these correlation data count.
    pub correlation: Option<Vec<u8>>,
}

/// Queues messages until they are printed. Messages that arrive after the last one to print stay unacknowledged, so the server keeps them with the session.
pub fn queue() -> ReceiverOptions {
    ReceiverOptions::new().manual_acks(true).qos0(Qos0Queue::DropOldest(u16::MAX))
}

impl Printer {
    /// Prints until there are enough messages or the client has disconnected. Don't drop the queue earlier: that would unsubscribe.
    pub fn run(&self, queue: &Receiver) {
        while let Ok(message) = queue.recv(None) {
            match self.take(&message) {
                Ok(false) => {}
                Ok(true) => return self.tell(News::Done),
                Err(failure) => return self.tell(News::Failed(failure)),
            }
        }
    }

    fn tell(&self, news: News) {
        let _ = self.sender.send(news); // the receiver is gone at the end of the run
    }

    /// Prints a message. Returns true if that was the last one to print.
    fn take(&self, message: &Received) -> Result<bool, Failure> {
        if self.choice.retained_only && !message.retain {
            return Ok(true);
        }
        let mut is_enough = false;
        if self.choice.includes(message) {
            self.bar.suspend(|| report::print(&self.format.print(&Shown::new(message), self.ends_lines)))?;
            self.bar.inc(1);
            let seen = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
            is_enough = self.count.is_some_and(|count| seen >= count);
            self.forget(message)?;
        }
        if let Some(ack_token) = message.ack_token {
            let _ = self.client.ack(ack_token); // if the link was lost, the server sends the message again
        }
        Ok(is_enough)
    }

    /// For `--remove-retained`: replaces the retained message by an empty one.
    fn forget(&self, message: &Received) -> Result<(), Failure> {
        if self.choice.remove_retained && message.retain {
            self.client.publish(&message.topic, "", message.qos, true).map_err(Failure::Publish)?;
        }
        Ok(())
    }
}

impl Choice {
    fn includes(&self, message: &Received) -> bool {
        let is_out = |filter: &TopicFilter<'_>| TopicName::new(&message.topic).is_ok_and(|topic| filter.matches(topic));
        let is_ours = |ours: &Vec<u8>| message.properties().correlation_data() == Some(ours);
        let is_left_out = self.no_retained && message.retain || self.filter_out.iter().any(is_out);
        !is_left_out && self.correlation.as_ref().is_none_or(is_ours)
    }
}
