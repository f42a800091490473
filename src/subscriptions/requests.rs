//! Which requests the server has yet to answer.

use crate::types::Handle;

/// So many requests are out at a time at most, so that they don't take the places of messages.
const MOST_OUT: usize = 4;

/// A request that is not answered: which filters it names, within these places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) handle: Handle,
    pub(super) first: usize,
    pub(super) end: usize,
}

/// The requests that are not answered.
#[derive(Clone, Debug)]
pub(super) struct Requests([Option<Request>; MOST_OUT]);

impl Requests {
    pub(super) const NONE: Self = Self([None; MOST_OUT]);

    pub(super) fn vacancy(&mut self) -> Option<&mut Option<Request>> {
        self.0.iter_mut().find(|place| place.is_none())
    }

    /// Whether the filter at `place` is among those of a request, perhaps.
    pub(super) fn may_name(&self, place: usize) -> bool {
        self.0.iter().flatten().any(|request| (request.first..request.end).contains(&place))
    }

    /// The request with this handle; it is answered now.
    pub(super) fn take(&mut self, handle: Handle) -> Option<Request> {
        self.0.iter_mut().find(|place| place.is_some_and(|request| request.handle == handle))?.take()
    }
}
