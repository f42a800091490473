//! The state that all handles of a client and its driver share under one lock: the agent, and the callers that wait for it.

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

/// The receivers of events.
type Listeners = broadcast::Sender<Arc<Event>>;

/// The number of events kept for a slow receiver.
const EVENTS: usize = 256;

pub(crate) struct State {
    pub(crate) agent: Agent,
    pub(crate) clock: Clock,
    /// Tickets whose ends may be requested.
    waiters: BTreeMap<Ticket, Waiter>,
    /// Callers that wait for a message of a queue.
    queues: BTreeMap<Receiver, Waker>,
    pub(crate) room: Room,
    /// Callers that wait for the shutdown.
    leaving: Vec<Waker>,
    /// Created by the first call of `listen`: it takes as much memory as the rest of an idle client.
    events: Option<Listeners>,
    /// Events to send once the lock is free.
    unsent: Vec<Arc<Event>>,
    pub(crate) spans: Spans,
    /// The driver sleeps, and must be woken by this.
    pub(crate) driver: Option<Waker>,
    /// There is a driver.
    pub(crate) is_driven: bool,
    /// The driver has a link, or is closing one.
    pub(crate) is_linked: bool,
    /// The log, if there is one.
    storage: Option<Storage>,
    /// Wakers to call once the lock is free.
    wakers: Vec<Waker>,
    /// Wakers to drop once the lock is free: the last waker of a task may own everything that the task holds, which may use the client.
    discarded: Vec<Waker>,
}

/// A ticket whose end may be requested.
enum Waiter {
    /// It has no end yet; the waker of the last caller.
    Open(Option<Waker>),
    Ended(End),
}

/// The state of a ticket.
pub(crate) enum Asked {
    Ended(End),
    /// It has no end yet; the caller will be woken.
    Open,
    /// The driver was dropped.
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

    /// Returns the amount of work done so far.
    pub(crate) fn work(&self) -> u64 {
        let stats = self.agent.stats();
        work(stats.engine.bytes_received, stats.published)
    }

    /// Returns a receiver of events from now on.
    pub(crate) fn listen(&mut self) -> broadcast::Receiver<Arc<Event>> {
        self.events.get_or_insert_with(|| broadcast::Sender::new(EVENTS)).subscribe()
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the unfinished messages from before the restart, with their tags.
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

    /// Starts to keep the log here, with a snapshot.
    pub(crate) fn store_with(&mut self, storage: Storage) {
        self.storage = Some(storage);
        self.compact();
    }

    /// Passes pending records to the log, and reports to the agent which are durable.
    pub(crate) fn save(&mut self, now: Instant) {
        if let Some(storage) = &mut self.storage {
            storage.save(&mut self.agent, now);
        }
    }

    /// Starts a new snapshot of the log.
    pub(crate) fn compact(&mut self) {
        if let Some(storage) = &mut self.storage {
            storage.compact(&mut self.agent);
        }
    }

    /// Sends an event to the receivers.
    pub(crate) fn tell(&mut self, event: Event) {
        let event = Arc::new(event);
        self.spans.event(&event);
        match &self.events {
            Some(events) if events.receiver_count() > 0 => self.unsent.push(event),
            _ => self.events = None, // there are no receivers any more
        }
    }

    /// Registers a ticket whose end may be requested.
    pub(crate) fn expect(&mut self, ticket: Ticket) {
        self.waiters.insert(ticket, Waiter::Open(None));
    }

    /// Returns the end of a ticket, once.
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

    /// Discards the end of a ticket: the operation continues, and a reply that has arrived is dropped.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        let Some(waiter) = self.waiters.remove(&ticket) else { return };
        if let Waiter::Open(waker) = waiter {
            self.discarded.extend(waker);
        }
        if !self.spans.forget(ticket) {
            self.agent.forget(ticket);
        }
    }

    /// Registers a caller that waits for a message of this queue.
    pub(crate) fn wait_for_message(&mut self, queue: Receiver, waker: &Waker) {
        let before = self.queues.insert(queue, waker.clone());
        self.discarded.extend(before);
    }

    pub(crate) fn forget_queue(&mut self, queue: Receiver) {
        let waker = self.queues.remove(&queue);
        self.discarded.extend(waker);
    }

    /// Sets the waker of the sleeping driver; `None` if the driver is gone.
    pub(crate) fn wake_driver_by(&mut self, waker: Option<&Waker>) {
        if !matches!((&self.driver, waker), (Some(known), Some(waker)) if known.will_wake(waker)) {
            let before = std::mem::replace(&mut self.driver, waker.cloned());
            self.discarded.extend(before);
        }
    }

    /// Registers a caller that waits for the shutdown.
    pub(crate) fn wait_for_end(&mut self, waker: &Waker) {
        if !self.leaving.iter().any(|known| known.will_wake(waker)) {
            self.leaving.push(waker.clone());
        }
    }

    /// Adds a waker to call once the lock is free.
    pub(crate) fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    /// Collects the wakers of callers whose wait has ended.
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

    /// Wakes all callers: the driver was dropped, or the client is shutting down.
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

    /// Returns whether the client has shut down and its last output has arrived, so that the program may exit; also true if no driver could do that.
    pub(crate) fn is_over(&self) -> bool {
        !self.is_driven || self.agent.is_done() && !self.is_linked
    }

    /// Takes the events to send: the receivers' wakers are the program's, so they are called without the lock.
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
