//! A transport in memory for the clients that want to read and write by themselves.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorType, Read, Write};

/// Both ends of one transport.
#[derive(Clone, Debug, Default)]
pub struct Pipe(Rc<RefCell<Both>>);

#[derive(Debug, Default)]
struct Both {
    to_client: Vec<u8>,
    read: usize,
    to_server: Vec<u8>,
}

impl Pipe {
    /// The server sends.
    pub fn offer(&self, bytes: &[u8]) {
        let mut both = self.0.borrow_mut();
        if both.read == both.to_client.len() {
            both.to_client.clear();
            both.read = 0;
        }
        both.to_client.extend_from_slice(bytes);
    }

    /// Whether the client has read everything.
    pub fn is_read(&self) -> bool {
        let both = self.0.borrow();
        both.read == both.to_client.len()
    }

    /// Looks at what the client has sent and not been relieved of.
    pub fn sent<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.0.borrow().to_server)
    }

    /// Takes what the client has sent.
    pub fn clear_sent(&self) {
        self.0.borrow_mut().to_server.clear();
    }
}

impl ErrorType for Pipe {
    type Error = Infallible;
}

impl Read for Pipe {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let mut both = self.0.borrow_mut();
            let waiting = &both.to_client[both.read..];
            if waiting.is_empty() {
                return Poll::Pending;
            }
            let count = waiting.len().min(room.len());
            room[..count].copy_from_slice(&waiting[..count]);
            both.read += count;
            Poll::Ready(Ok(count))
        })
        .await
    }
}

impl Write for Pipe {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().to_server.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// What a future gives at once; `None` if it waits.
pub fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
