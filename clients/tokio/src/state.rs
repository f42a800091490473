//! What all handles of a client and its driver share under one lock: the agent, and who waits for what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use pure_mqtt::Instant;
use pure_mqtt_agent::{Agent, End, Event, Receiver, Ticket, Wake};
use pure_mqtt_net::coalescing::work;
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::room::Room;
use crate::spans::Spans;
use crate::storage::Storage;

/// Who is told of events.
type Listeners = broadcast::Sender<Arc<Event>>;

/// So many events are kept for a listener that is slow.
const EVENTS: usize = 256;

pub(crate) struct State {
    pub(crate) agent: Agent,
    pub(crate) clock: Clock,
    /// The tickets that somebody may ask for.
    waiters: BTreeMap<Ticket, Waiter>,
    /// Those who wait for a message of a queue.
    queues: BTreeMap<Receiver, Waker>,
    pub(crate) room: Room,
    /// Those who wait for the end of everything.
    leaving: Vec<Waker>,
    /// Once somebody listens: it takes as much memory as the rest of an idle client.
    events: Option<Listeners>,
    /// What is to be sent to them once the lock is free.
    unsent: Vec<Arc<Event>>,
    pub(crate) spans: Spans,
    /// The driver sleeps, and has to be woken.
    pub(crate) driver: Option<Waker>,
    /// There is a driver.
    pub(crate) is_driven: bool,
    /// The driver has a link, or says farewell on one.
    pub(crate) is_linked: bool,
    /// The log, if there is one.
    storage: Option<Storage>,
    /// To be woken once the lock is free.
    wakers: Vec<Waker>,
    /// To be dropped once the lock is free: the last waker of a task may own all that the task holds, and that may use the client.
    discarded: Vec<Waker>,
}

/// Somebody who may ask for the end of a ticket.
enum Waiter {
    /// It has none; who asked last.
    Open(Option<Waker>),
    Ended(End),
}

/// What is known of a ticket.
pub(crate) enum Asked {
    Ended(End),
    /// Whoever asked is woken.
    Open,
    /// Nobody drives the client.
    NoDriver,
}

impl State {
    pub(crate) fn new(agent: Agent, clock: Clock) -> Self {
        Self {
            agent,
            clock,
            waiters: BTreeMap::new(),
            queues: BTreeMap::new(),
            room: Room::default(),
            leaving: Vec::new(),
            events: None,
            unsent: Vec::new(),
            spans: Spans::default(),
            driver: None,
            is_driven: false,
            is_linked: false,
            storage: None,
            wakers: Vec::new(),
            discarded: Vec::new(),
        }
    }

    /// All that was done so far.
    pub(crate) fn work(&self) -> u64 {
        let stats = self.agent.stats();
        work(stats.engine.bytes_received, stats.published)
    }

    /// What happens from now on.
    pub(crate) fn listen(&mut self) -> broadcast::Receiver<Arc<Event>> {
        self.events.get_or_insert_with(|| broadcast::Sender::new(EVENTS)).subscribe()
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Messages of before the restart, and the program's numbers.
    pub(crate) fn find_recovered(&mut self) -> Vec<(Ticket, u64)> {
        let (now, mut recovered) = (self.now(), Vec::new());
        while let Some(event) = self.agent.step(now) {
            match event {
                Event::Recovered { ticket, tag } => {
                    self.expect(ticket);
                    recovered.push((ticket, tag));
                }
                event => self.tell(event),
            }
        }
        recovered
    }

    /// The log is kept here. It begins with a snapshot.
    pub(crate) fn store_with(&mut self, storage: Storage) {
        self.storage = Some(storage);
        self.compact();
    }

    /// Hands to the log what waits for it, and takes note of what is durable.
    pub(crate) fn save(&mut self, now: Instant) {
        if let Some(storage) = &mut self.storage {
            storage.save(&mut self.agent, now);
        }
    }

    /// The log is to be written anew.
    pub(crate) fn compact(&mut self) {
        if let Some(storage) = &mut self.storage {
            storage.compact(&mut self.agent);
        }
    }

    /// Tells the listeners.
    pub(crate) fn tell(&mut self, event: Event) {
        let event = Arc::new(event);
        self.spans.event(&event);
        match &self.events {
            Some(events) if events.receiver_count() > 0 => self.unsent.push(event),
            _ => self.events = None, // nobody listens any more
        }
    }

    /// Somebody may ask for the end of this ticket.
    pub(crate) fn expect(&mut self, ticket: Ticket) {
        self.waiters.insert(ticket, Waiter::Open(None));
    }

    /// The end of a ticket, once.
    pub(crate) fn ask(&mut self, ticket: Ticket, waker: &Waker) -> Asked {
        match self.waiters.get_mut(&ticket) {
            Some(Waiter::Ended(end)) => {
                let end = *end;
                self.waiters.remove(&ticket);
                Asked::Ended(end)
            }
            Some(Waiter::Open(waiting)) => {
                self.discarded.extend(waiting.replace(waker.clone()));
                if self.is_driven { Asked::Open } else { Asked::NoDriver }
            }
            None => Asked::NoDriver,
        }
    }

    /// Nobody will ask any more: what the ticket stands for goes on, and a reply that has come is thrown away.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        let Some(waiter) = self.waiters.remove(&ticket) else { return };
        if let Waiter::Open(waker) = waiter {
            self.discarded.extend(waker);
        }
        if !self.spans.forget(ticket) {
            self.agent.forget(ticket);
        }
    }

    /// Whoever waits for a message of this queue.
    pub(crate) fn wait_for_message(&mut self, queue: Receiver, waker: &Waker) {
        let before = self.queues.insert(queue, waker.clone());
        self.discarded.extend(before);
    }

    pub(crate) fn forget_queue(&mut self, queue: Receiver) {
        let waker = self.queues.remove(&queue);
        self.discarded.extend(waker);
    }

    /// The driver sleeps, and is to be woken by this; by nothing, if it is gone.
    pub(crate) fn wake_driver_by(&mut self, waker: Option<&Waker>) {
        if !matches!((&self.driver, waker), (Some(known), Some(waker)) if known.will_wake(waker)) {
            let before = std::mem::replace(&mut self.driver, waker.cloned());
            self.discarded.extend(before);
        }
    }

    /// Whoever waits until the client has shut down.
    pub(crate) fn wait_for_end(&mut self, waker: &Waker) {
        if !self.leaving.iter().any(|known| known.will_wake(waker)) {
            self.leaving.push(waker.clone());
        }
    }

    /// To be woken once the lock is free.
    pub(crate) fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    /// Notes who may go on after what was done.
    pub(crate) fn collect(&mut self) {
        while let Some(wake) = self.agent.poll_wake() {
            match wake {
                Wake::Ticket(ticket) => self.end(ticket),
                Wake::Receiver(queue) => {
                    let waker = self.queues.remove(&queue);
                    self.wakers.extend(waker);
                }
                Wake::Room => self.wakers.extend(self.room.first()),
                _ => {}
            }
        }
        if self.agent.is_done() {
            self.wake_all();
        }
    }

    fn end(&mut self, ticket: Ticket) {
        let Some(end) = self.agent.take_end(ticket) else { return };
        self.spans.end(ticket, end);
        if let Some(waiter) = self.waiters.get_mut(&ticket) {
            if let Waiter::Open(waker) = std::mem::replace(waiter, Waiter::Ended(end)) {
                self.wakers.extend(waker);
            }
        }
    }

    /// Everybody is to look again: the driver is gone, or the client is shutting down.
    pub(crate) fn wake_all(&mut self) {
        for waiter in self.waiters.values_mut() {
            if let Waiter::Open(waker) = waiter {
                self.wakers.extend(waker.take());
            }
        }
        self.wakers.extend(std::mem::take(&mut self.queues).into_values());
        self.wakers.extend(self.room.all());
        if self.is_over() {
            self.wakers.append(&mut self.leaving);
        }
    }

    /// The client has shut down, and what it said last has arrived: a program may end. Or nobody is there who could do that.
    pub(crate) fn is_over(&self) -> bool {
        !self.is_driven || self.agent.is_done() && !self.is_linked
    }

    /// What is to be told to the listeners, whose wakers are the program's.
    pub(crate) fn take_events(&mut self) -> Option<(Listeners, Vec<Arc<Event>>)> {
        if self.unsent.is_empty() {
            return None;
        }
        self.events.clone().map(|events| (events, std::mem::take(&mut self.unsent)))
    }

    pub(crate) fn take_discarded(&mut self) -> [Vec<Waker>; 2] {
        [std::mem::take(&mut self.discarded), self.room.take_left()]
    }

    pub(crate) fn take_wakers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
    }
}
