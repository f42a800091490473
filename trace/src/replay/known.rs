//! What the connection of a replay has given out, by the numbers that the trace has for it: only the connection itself
//! makes handles.

use alloc::collections::BTreeMap;

use pure_mqtt::{
    AckError, ConnectionError, Delivery, Event, Handle, PendingAck, PublishError, Received, RequestError, Requested,
};

#[derive(Debug, Default)]
pub(super) struct Known {
    handles: BTreeMap<u64, Handle>,
    /// Messages that are not acknowledged.
    pending: BTreeMap<u64, PendingAck>,
}

impl Known {
    /// The handle with this number; one that names nothing if it was not given out.
    pub(super) fn handle(&self, number: u64) -> Handle {
        self.handles.get(&number).copied().unwrap_or_default()
    }

    pub(super) fn note_publish(&mut self, result: Result<Delivery, PublishError>) -> Result<Delivery, PublishError> {
        result.inspect(|delivery| self.note(delivery.handle))
    }

    pub(super) fn note_request(&mut self, result: Result<Requested, RequestError>) -> Result<Requested, RequestError> {
        result.inspect(|requested| self.note(requested.handle))
    }

    fn note(&mut self, handle: Handle) {
        self.handles.insert(handle.get(), handle);
    }

    /// Keeps what the application is to acknowledge the message with.
    pub(super) fn note_message(&mut self, received: Result<Received<'_>, ConnectionError>) {
        let Ok(Received::Packet { event: Some(event), .. }) = received else { return };
        let pending = match event {
            Event::Message(message) => message.ack,
            Event::Fragment(fragment) => fragment.ack,
            _ => None,
        };
        self.pending.extend(pending.map(|pending| (pending.number(), pending)));
    }

    pub(super) fn take_message(&mut self, number: u64) -> Option<PendingAck> {
        self.pending.remove(&number)
    }

    /// The message is still to be acknowledged.
    pub(super) fn give_back(&mut self, refused: AckError) -> RequestError {
        self.pending.insert(refused.pending.number(), refused.pending);
        refused.error
    }
}
