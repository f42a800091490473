//! Prints messages, and acknowledges each when it is printed.

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
    /// Who is told of the end.
    pub sender: Sender<News>,
    pub format: Format,
    pub ends_lines: bool,
    /// So many messages are enough.
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
    /// And the first other one is the end.
    pub retained_only: bool,
    pub remove_retained: bool,
    /// Only answers with these correlation data count.
    pub correlation: Option<Vec<u8>>,
}

/// How messages are kept until they are printed: those that come when we are done stay unacknowledged, and so with the session.
pub fn queue() -> ReceiverOptions {
    ReceiverOptions::new().manual_acks(true).qos0(Qos0Queue::DropOldest(u16::MAX))
}

impl Printer {
    /// Prints until that is enough, or the client has left. The queue is not to be dropped before: that would unsubscribe.
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
        let _ = self.sender.send(news); // nobody listens any more, at the end
    }

    /// True if that was enough.
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
            let _ = self.client.ack(ack_token); // if the link is gone, it comes again
        }
        Ok(is_enough)
    }

    /// With `--remove-retained`: an empty message takes the place of the one that was kept.
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
