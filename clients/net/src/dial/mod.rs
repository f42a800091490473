//! Which address of a server to try when.

mod error;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::error::DialError;

/// How long an attempt has for itself before the next one joins it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Decides when to connect to which of a server's addresses: IPv6 and IPv4 in turn, the next one after 250 ms or as soon as one
/// fails, until one is connected (a simple form of "happy eyeballs", RFC 8305).
///
/// A plan opens no sockets and reads no clock. The host resolves names, outside of its loop, and may [add](Self::add) addresses
/// that arrive later. What counts as connected is the host's choice: TCP, or the whole [`Stack`](crate::Stack). `E` is the type
/// of a failure's reason.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use pure_mqtt_net::{DialPlan, DialStep};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let (v6, v4) = ("[2001:db8::1]:1883".parse()?, "192.0.2.1:1883".parse()?);
///     let mut plan = DialPlan::<String>::new([v6, v4], None);
///     let now = Instant::now();
///     assert_eq!(plan.next(now), DialStep::Connect(v6));
///     let soon = now + Duration::from_millis(250);
///     assert_eq!(plan.next(now), DialStep::Wait(Some(soon)));
///     assert_eq!(plan.next(soon), DialStep::Connect(v4));
///     assert_eq!(plan.next(soon), DialStep::Wait(None)); // until one of both ends
///     assert_eq!(plan.succeeded(v4), [v6]); // to be closed
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct DialPlan<E = Arc<io::Error>> {
    attempts: Vec<Attempt>,
    /// From then on the next one may begin.
    next_at: Option<Instant>,
    deadline: Option<Instant>,
    is_over: bool,
    first: Option<(SocketAddr, E)>,
    last: Option<(SocketAddr, E)>,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    address: SocketAddr,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Failed,
}

/// The next step of a dial plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialStep<E = Arc<io::Error>> {
    /// Start to connect to this address, and call `next` again at once.
    Connect(SocketAddr),
    /// Wait until this time, or until an attempt succeeds or fails. `None`: no time limit.
    Wait(Option<Instant>),
    /// All addresses failed, or the deadline has passed: close the attempts in [`running`](DialPlan::running).
    Failed(DialError<E>),
    /// An address is connected.
    Done,
}

impl<E: Clone> DialPlan<E> {
    /// Creates a plan for these addresses, the preferred one first. It fails at `deadline`, if there is one.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>, deadline: Option<Instant>) -> Self {
        let mut plan = Self { attempts: Vec::new(), next_at: None, deadline, is_over: false, first: None, last: None };
        plan.add(addresses);
        plan
    }

    /// Adds addresses that arrive later. Duplicates are ignored.
    pub fn add(&mut self, addresses: impl IntoIterator<Item = SocketAddr>) {
        for address in addresses {
            if self.state(address).is_none() {
                self.attempts.push(Attempt { address, state: State::Waiting });
            }
        }
    }

    /// Returns the next step at `now`. `now` is monotonic.
    pub fn next(&mut self, now: Instant) -> DialStep<E> {
        if self.is_over {
            return DialStep::Done;
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            return DialStep::Failed(DialError::TimedOut { last: self.last.clone() });
        }
        let is_early = self.next_at.is_some_and(|at| now < at);
        match self.next_waiting() {
            Some(_) if is_early => DialStep::Wait(self.next_at.into_iter().chain(self.deadline).min()),
            Some(address) => {
                self.set_state(address, State::Running);
                self.next_at = Some(now + ATTEMPT_DELAY);
                DialStep::Connect(address)
            }
            None if self.running().next().is_some() => DialStep::Wait(self.deadline),
            None => DialStep::Failed(self.failure()),
        }
    }

    /// Reports that the attempt at this address failed. The next attempt may start at once.
    pub fn failed(&mut self, address: SocketAddr, reason: impl Into<E>) {
        if self.state(address) == Some(State::Running) {
            self.set_state(address, State::Failed);
            let reason = reason.into();
            self.next_at = None;
            self.first.get_or_insert_with(|| (address, reason.clone()));
            self.last = Some((address, reason));
        }
    }

    /// Reports that this address is connected. Returns the addresses whose attempts must be closed; this one itself if another
    /// was first.
    pub fn succeeded(&mut self, address: SocketAddr) -> Vec<SocketAddr> {
        if self.is_over {
            return vec![address];
        }
        self.is_over = true;
        self.running().filter(|other| *other != address).collect()
    }

    /// Returns the addresses with an attempt in progress.
    pub fn running(&self) -> impl Iterator<Item = SocketAddr> {
        self.attempts.iter().filter(|attempt| attempt.state == State::Running).map(|attempt| attempt.address)
    }

    fn state(&self, address: SocketAddr) -> Option<State> {
        self.attempts.iter().find(|attempt| attempt.address == address).map(|attempt| attempt.state)
    }

    fn set_state(&mut self, address: SocketAddr, state: State) {
        if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.address == address) {
            attempt.state = state;
        }
    }

    /// The first one of the family whose turn it is; if there is none, the first one.
    fn next_waiting(&self) -> Option<SocketAddr> {
        let begun = |is_v6: bool| {
            let of_family = |attempt: &&Attempt| attempt.address.is_ipv6() == is_v6 && attempt.state != State::Waiting;
            self.attempts.iter().filter(of_family).count()
        };
        let is_v6_next = match self.attempts.first()?.address.is_ipv6() {
            true => begun(true) <= begun(false),
            false => begun(true) < begun(false),
        };
        let is_waiting = |attempt: &Attempt| attempt.state == State::Waiting;
        let of_turn = |attempt: &Attempt| is_waiting(attempt) && attempt.address.is_ipv6() == is_v6_next;
        let waiting = || self.attempts.iter().copied();
        waiting().find(of_turn).or_else(|| waiting().find(is_waiting)).map(|attempt| attempt.address)
    }

    fn failure(&self) -> DialError<E> {
        match (&self.first, &self.last) {
            (Some(first), Some(last)) => {
                DialError::AllFailed { first: first.clone(), last: last.clone(), count: self.attempts.len() }
            }
            _ => DialError::NoAddress,
        }
    }
}
