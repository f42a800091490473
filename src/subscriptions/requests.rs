//! The requests that the server has not answered.

use crate::types::Handle;

/// The maximum number of unanswered requests, so that they do not occupy the slots of messages.
const MOST_OUT: usize = 4;

/// An unanswered request; its filters lie between these places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) handle: Handle,
    pub(super) first: usize,
    pub(super) end: usize,
}

/// The unanswered requests.
#[derive(Clone, Debug)]
pub(super) struct Requests([Option<Request>; MOST_OUT]);

impl Requests {
    pub(super) const NONE: Self = Self([None; MOST_OUT]);

    pub(super) fn vacancy(&mut self) -> Option<&mut Option<Request>> {
        self.0.iter_mut().find(|place| place.is_none())
    }

    /// Returns whether the filter at `place` may be in an unanswered request.
    pub(super) fn may_name(&self, place: usize) -> bool {
        self.0.iter().flatten().any(|request| (request.first..request.end).contains(&place))
    }

    /// Removes and returns the request with this handle, which was answered.
    pub(super) fn take(&mut self, handle: Handle) -> Option<Request> {
        self.0.iter_mut().find(|place| place.is_some_and(|request| request.handle == handle))?.take()
    }
}
