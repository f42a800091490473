//! Replays the calls of a trace.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pure_mqtt::storage::{AliasEntry, Borrowed, Buffers, Lengths, ReceiveSlot, SendSlot};
use pure_mqtt::{
    Ack, Connection, Heap, Instant, Limits, Payload, Publish, RequestError, Storage, Subscribe, Unsubscribe,
};

use crate::answer::Answer;
use crate::replay::call::{Call, Entry};
use crate::replay::error::{Difference, ReplayError};
use crate::replay::known::Known;
use crate::replay::{Progress, Trace};

impl Trace<'_> {
    /// Makes all calls of the trace on a new connection, and compares their results and the output with the recording.
    /// Calls `observe` with each record and the state of the connection after it.
    ///
    /// Payloads that were shared are shared again only with the feature `bytes`; without it the order of packets may
    /// differ.
    ///
    /// # Errors
    /// [`ReplayError`] at the first record that cannot be read, or whose result differs. `observe` was called for all
    /// records before it.
    pub fn replay(&self, observe: impl FnMut(&Entry<'_>, &Progress)) -> Result<(), ReplayError> {
        let Some(Lengths { send, receive, arena, control, aliases_in, aliases_out }) = self.lengths() else {
            return self.replay_with(Heap::new(), observe);
        };
        let buffers = Buffers {
            send: &mut vec![SendSlot::default(); send],
            receive: &mut vec![ReceiveSlot::default(); receive],
            arena: &mut vec![0; arena],
            control: &mut vec![0; control],
            aliases_in: (&mut vec![AliasEntry::default(); aliases_in.0], &mut vec![0; aliases_in.1]),
            aliases_out: (&mut vec![AliasEntry::default(); aliases_out.0], &mut vec![0; aliases_out.1]),
        };
        self.replay_with(Borrowed::new(buffers), observe)
    }

    fn replay_with<S: Storage>(
        &self,
        storage: S,
        mut observe: impl FnMut(&Entry<'_>, &Progress),
    ) -> Result<(), ReplayError> {
        let connection = Connection::new(storage, self.limits());
        let mut replay = Replay { connection, input: Vec::new(), known: Known::default() };
        for entry in self.entries() {
            let entry = entry?;
            let replayed = replay.call(&entry)?;
            if replayed != entry.answer {
                let difference = Difference { offset: entry.offset, recorded: entry.answer, replayed };
                return Err(ReplayError::Answer(Box::new(difference)));
            }
            observe(&entry, &Progress::of(&replay.connection));
        }
        Ok(())
    }
}

struct Replay<S: Storage> {
    connection: Connection<S>,
    /// Room for a packet.
    input: Vec<u8>,
    known: Known,
}

impl<S: Storage> Replay<S> {
    fn call(&mut self, entry: &Entry<'_>) -> Result<Answer, ReplayError> {
        let (now, connection) = (entry.at, &mut self.connection);
        Ok(match &entry.call {
            Call::Open(connect) => Answer::of_open(&connection.open(now, connect)),
            Call::Closed => {
                connection.handle_close(now);
                Answer::DONE
            }
            Call::Input { offered, shown, is_streaming } => self.input(now, *offered, shown, *is_streaming),
            Call::Timeout => Answer::of_timeout(&connection.handle_timeout(now)),
            Call::Publish { publish, is_shared, old } => self.publish(now, publish, *is_shared, *old),
            Call::Cancel(handle) => Answer::flag(connection.cancel(self.known.handle(*handle))),
            Call::Abandon(handle) => Answer::flag(connection.abandon(now, self.known.handle(*handle))),
            Call::Supplied(count) => self.supplied(entry, *count)?,
            Call::Subscribe(filters, properties) => {
                let subscribe = Subscribe::new(filters).properties(*properties);
                Answer::of_requested(&self.known.note_request(connection.subscribe(now, &subscribe)))
            }
            Call::Unsubscribe(filters, properties) => {
                let unsubscribe = Unsubscribe::new(filters).properties(*properties);
                Answer::of_requested(&self.known.note_request(connection.unsubscribe(now, &unsubscribe)))
            }
            Call::Acknowledge { message, ack } => self.acknowledge(now, *message, ack),
            Call::Authenticate(auth) => Answer::of_request(connection.authenticate(now, auth)),
            Call::Disconnect(disconnect) => Answer::of_request(connection.disconnect(now, disconnect)),
            Call::Transmit => Answer::number(connection.transmit(now).remaining()),
            Call::Output(bytes) => self.output(entry, bytes)?,
            Call::Outcome => connection.poll_outcome().map_or(Answer::DONE, |outcome| Answer::of_outcome(&outcome)),
            Call::ForgetSession => Answer::flag(connection.discard_session()),
            Call::AdoptSession => Answer::flag(connection.adopt_session()),
            Call::SetLimits(limits) => Answer::flag(connection.set_limits(*limits)),
            Call::Refused(_) => entry.answer,
            Call::Time => {
                let _ = connection.handle_input(now, &[]);
                Answer::DONE
            }
            Call::Shrink => {
                connection.shrink();
                Answer::DONE
            }
        })
    }

    /// Of a packet that was not whole only the header matters; the rest is made up.
    fn input(&mut self, now: Instant, offered: usize, shown: &[u8], is_streaming: bool) -> Answer {
        let Limits { inline_max, .. } = self.connection.limits();
        let length = offered.min(inline_max as usize).max(shown.len());
        self.input.clear();
        self.input.extend_from_slice(shown);
        self.input.resize(length, 0);
        let result = match is_streaming {
            true => self.connection.handle_input_streaming(now, &self.input),
            false => self.connection.handle_input(now, &self.input),
        };
        let answer = Answer::of_input(&result);
        self.known.note_message(result);
        answer
    }

    /// A message that this replay has not received was not received in the recording either, or is acknowledged
    /// already.
    fn acknowledge(&mut self, now: Instant, message: u64, ack: &Ack<'_>) -> Answer {
        let Some(pending) = self.known.take_message(message) else {
            return Answer::of_request(Err(RequestError::Stale));
        };
        let result = self.connection.acknowledge(now, pending, ack);
        Answer::of_request(result.map_err(|refused| self.known.give_back(refused)))
    }

    /// The application supplied what it supplied.
    fn supplied(&mut self, entry: &Entry<'_>, count: usize) -> Result<Answer, ReplayError> {
        let mut transmit = self.connection.transmit(entry.at);
        match transmit.payload_request().filter(|wanted| count <= wanted.remaining as usize) {
            Some(_) => transmit.advance(count),
            None => return Err(ReplayError::Output { offset: entry.offset, position: 0 }),
        }
        Ok(Answer::DONE)
    }

    fn publish(&mut self, now: Instant, publish: &Publish<'_>, is_shared: bool, old: Option<u64>) -> Answer {
        let mut give = |payload: Payload<'_>| {
            let mut publish = *publish;
            publish.payload = payload;
            let result = match old.map(|old| self.known.handle(old)) {
                Some(old) => self.connection.replace(now, old, &publish),
                None => self.connection.publish(now, &publish),
            };
            Answer::of_publish(&self.known.note_publish(result))
        };
        match publish.payload {
            streamed @ Payload::Streamed(_) => give(streamed),
            _ => with_payload(publish.payload.as_slice(), is_shared, give),
        }
    }

    /// The transport takes what it took.
    fn output(&mut self, entry: &Entry<'_>, bytes: &[u8]) -> Result<Answer, ReplayError> {
        let mut transmit = self.connection.transmit(entry.at);
        let mut position = 0;
        while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
            let chunk = transmit.chunk();
            let alike = rest.iter().zip(chunk).take_while(|(recorded, replayed)| recorded == replayed).count();
            if alike == 0 || alike < rest.len().min(chunk.len()) {
                return Err(ReplayError::Output { offset: entry.offset, position: position + alike });
            }
            transmit.advance(alike);
            position += alike;
        }
        Ok(Answer::DONE)
    }
}

/// Calls `take` with a payload of these bytes that is to be copied, or shared as far as this build can.
fn with_payload<R>(bytes: &[u8], is_shared: bool, take: impl FnOnce(Payload<'_>) -> R) -> R {
    #[cfg(feature = "bytes")]
    if is_shared {
        return take(Payload::Bytes(&bytes::Bytes::copy_from_slice(bytes)));
    }
    let _ = is_shared;
    take(Payload::Slice(bytes))
}
