//! The table of futures that wait: for room, for the end of a delivery, for the end of everything.

use core::task::{Context, Poll};

use embassy_sync::waitqueue::WakerRegistration;

use crate::crowd::Crowd;
use crate::error::NotDelivered;

/// The number that names an accepted message for good.
type Message = pure_mqtt::Handle;

/// What a ticket is for.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Free,
    /// A message waits for room; lower turns go first.
    Waiting { turn: u32 },
    /// Room is not waited for any longer: what would make some can't be read.
    GivenUp,
    /// A message at QoS 1 or 2 was accepted.
    Accepted(Message),
    /// The same, and its end can't be read.
    Blocked(Message),
    /// One at QoS 0.
    Leaving(Message),
    /// The end of the message.
    Ended(Result<(), NotDelivered>),
    /// Everything that was accepted is to end.
    Flushing,
    /// Everything that has happened is to be in flash.
    #[cfg_attr(not(feature = "flash"), allow(dead_code, reason = "nobody writes to flash then"))]
    Storing,
    /// What was waited for has come.
    Flushed,
}

impl State {
    /// The message that has no end yet.
    const fn message(self) -> Option<Message> {
        match self {
            Self::Accepted(message) | Self::Blocked(message) | Self::Leaving(message) => Some(message),
            _ => None,
        }
    }
}

/// One place in the table.
pub struct Ticket {
    state: State,
    waker: WakerRegistration,
}

impl Ticket {
    pub const FREE: Self = Self { state: State::Free, waker: WakerRegistration::new() };
}

/// What is kept of the table beside its places.
pub struct Queue {
    turn: u32,
    /// Who found no free ticket.
    crowd: Crowd,
}

impl Queue {
    pub const EMPTY: Self = Self { turn: 0, crowd: Crowd::EMPTY };
}

/// The table.
pub struct Tickets<'a> {
    pub places: &'a mut [Ticket],
    pub queue: &'a mut Queue,
}

impl Tickets<'_> {
    /// A ticket that waits for room, behind all others; `None` if all are taken: then the task is woken once one is free.
    pub fn line_up(&mut self, context: &Context<'_>) -> Option<usize> {
        let turn = self.queue.turn;
        let index = self.claim(State::Waiting { turn }, context)?;
        self.queue.turn = turn.wrapping_add(1);
        Some(index)
    }

    /// A ticket for the end of everything.
    pub fn flush(&mut self, context: &Context<'_>) -> Option<usize> {
        self.claim(State::Flushing, context)
    }

    /// A ticket for what is on its way to flash.
    #[cfg(feature = "flash")]
    pub fn store(&mut self, context: &Context<'_>) -> Option<usize> {
        self.claim(State::Storing, context)
    }

    /// Everything is in flash.
    #[cfg(feature = "flash")]
    pub fn stored(&mut self) {
        self.end_where(|state| matches!(state, State::Storing), State::Flushed);
    }

    /// The message of this ticket, if it is kept and has no end yet.
    #[cfg(feature = "flash")]
    pub fn message(&self, index: usize) -> Option<Message> {
        match self.places.get(index)?.state {
            State::Accepted(message) | State::Blocked(message) => Some(message),
            _ => None,
        }
    }

    /// Something was written: whoever waits for it looks.
    #[cfg(feature = "flash")]
    pub fn wake_all(&mut self) {
        self.places.iter_mut().for_each(|ticket| ticket.waker.wake());
    }

    fn claim(&mut self, state: State, context: &Context<'_>) -> Option<usize> {
        let index = self.places.iter().position(|ticket| matches!(ticket.state, State::Free));
        match index {
            Some(index) => self.set(index, state),
            None => self.queue.crowd.register(context.waker()),
        }
        index
    }

    /// The ticket whose turn it is.
    fn first(&self) -> Option<usize> {
        let age = |turn: u32| self.queue.turn.wrapping_sub(turn);
        let mut first = None;
        for (index, ticket) in self.places.iter().enumerate() {
            let State::Waiting { turn } = ticket.state else { continue };
            if first.is_none_or(|(_, before)| age(turn) > age(before)) {
                first = Some((index, turn));
            }
        }
        first.map(|(index, _)| index)
    }

    pub fn is_first(&self, index: usize) -> bool {
        self.first() == Some(index)
    }

    /// There may be room: the next in line tries again.
    pub fn wake_first(&mut self) {
        if let Some(ticket) = self.first().and_then(|index| self.places.get_mut(index)) {
            ticket.waker.wake();
        }
    }

    pub fn register(&mut self, index: usize, context: &Context<'_>) {
        if let Some(ticket) = self.places.get_mut(index) {
            ticket.waker.register(context.waker());
        }
    }

    /// The message of this ticket was accepted.
    pub fn accept(&mut self, index: usize, message: Message, has_answer: bool) {
        let state = if has_answer { State::Accepted(message) } else { State::Leaving(message) };
        self.set(index, state);
        self.wake_first();
    }

    /// The message has its end.
    pub fn end(&mut self, message: Message, end: Result<(), NotDelivered>) {
        let is_it = |state: State| state.message() == Some(message);
        self.end_where(is_it, State::Ended(end));
    }

    /// All messages from `first` to `last` were dropped, as far as they are not on their way.
    pub fn drop_all(&mut self, victims: impl Fn(Message) -> bool) {
        let is_it = |state: State| state.message().is_some_and(&victims);
        self.end_where(is_it, State::Ended(Err(NotDelivered::Dropped)));
    }

    /// Messages at QoS 0 up to this one have left.
    pub fn left(&mut self, last: Message) {
        let has_left = |state| matches!(state, State::Leaving(message) if message <= last);
        self.end_where(has_left, State::Ended(Ok(())));
    }

    /// Gives up all calls that wait for what the server sends: for room, and for the end of a message. True if there are any.
    pub fn give_up(&mut self) -> bool {
        let mut some = false;
        for ticket in &mut *self.places {
            ticket.state = match ticket.state {
                State::Waiting { .. } => State::GivenUp,
                State::Accepted(message) if ticket.waker.occupied() => State::Blocked(message),
                _ => continue,
            };
            ticket.waker.wake();
            some = true;
        }
        some
    }

    /// The server is read again.
    pub fn unblock(&mut self) {
        for ticket in &mut *self.places {
            if let State::Blocked(message) = ticket.state {
                ticket.state = State::Accepted(message);
            }
        }
    }

    pub fn is_given_up(&self, index: usize) -> bool {
        self.places.get(index).is_some_and(|ticket| matches!(ticket.state, State::GivenUp))
    }

    /// Nothing is unfinished.
    pub fn flushed(&mut self) {
        self.end_where(|state| matches!(state, State::Flushing), State::Flushed);
    }

    fn end_where(&mut self, is_it: impl Fn(State) -> bool, end: State) {
        for ticket in self.places.iter_mut().filter(|ticket| is_it(ticket.state)) {
            ticket.state = end;
            ticket.waker.wake();
        }
    }

    /// The end of a delivery, once it is there.
    pub fn poll_end(&mut self, index: usize, context: &Context<'_>) -> Poll<Result<(), NotDelivered>> {
        let Some(ticket) = self.places.get_mut(index) else { return Poll::Pending };
        match ticket.state {
            State::Ended(end) => Poll::Ready(end),
            State::Flushed => Poll::Ready(Ok(())),
            State::Blocked(message) => {
                ticket.state = State::Accepted(message);
                Poll::Ready(Err(NotDelivered::InputBlocked))
            }
            _ => {
                ticket.waker.register(context.waker());
                Poll::Pending
            }
        }
    }

    /// Nobody holds this ticket any more.
    pub fn free(&mut self, index: usize) {
        self.set(index, State::Free);
        self.queue.crowd.wake();
        self.wake_first();
    }

    fn set(&mut self, index: usize, state: State) {
        if let Some(ticket) = self.places.get_mut(index) {
            *ticket = Ticket { state, waker: WakerRegistration::new() };
        }
    }
}
