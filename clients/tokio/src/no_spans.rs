//! Replaces `spans` without the feature `tracing`: does nothing.

use std::sync::Arc;

use pure_mqtt::Version;
use pure_mqtt_agent::{End, Event, Outgoing, Refusal, Ticket};

use crate::error::RequestError;
use crate::message::Message;
use crate::options::Options;

#[derive(Clone)]
pub(crate) struct Operation;

impl Operation {
    pub(crate) fn publish(_: &str, _: &Outgoing) -> Self {
        Self
    }

    pub(crate) fn request(_: &str, _: &Outgoing) -> Self {
        Self
    }

    pub(crate) fn subscribe(_: &str, _: &[(&str, pure_mqtt::QoS)]) -> Self {
        Self
    }

    pub(crate) fn in_scope<R>(&self, inside: impl FnOnce() -> R) -> R {
        inside()
    }

    pub(crate) fn accepted(&self) {}

    pub(crate) fn refused(&self, _: Refusal) {}

    pub(crate) fn replied(&self, _: &Result<Message, RequestError>) {}
}

#[derive(Default)]
pub(crate) struct Spans {}

impl Spans {
    pub(crate) fn begin(&mut self, _: Ticket, _: Option<Operation>) {}

    pub(crate) fn end(&mut self, _: Ticket, _: End) {}

    pub(crate) fn forget(&mut self, _: Ticket) -> bool {
        false
    }

    pub(crate) fn event(&mut self, _: &Arc<Event>) {}

    pub(crate) fn packets(&mut self, _: &mut Tap) {}

    pub(crate) fn are_of(&mut self, _: &Arc<Options>) {}

    pub(crate) fn take(&mut self) -> Untold {
        Untold
    }
}

pub(crate) struct Untold;

impl Untold {
    pub(crate) fn tell(self) {}
}

pub(crate) struct Tap;

impl Tap {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn received(&mut self, _: Version, _: &[u8]) {}

    pub(crate) fn sent(&mut self, _: Version, _: &[u8]) {}
}

pub(crate) fn received(_: &str, _: &Message) {}
