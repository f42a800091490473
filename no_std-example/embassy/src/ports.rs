//! The line as an asynchronous reader and writer.
//!
//! Both may be dropped while they wait, and nothing is lost: a byte leaves the ring only when `read` returns it, and `write` has sent nothing
//! until it returns how much.

use core::convert::Infallible;
use core::future::poll_fn;
use core::task::Poll;

use board::line::{Receiver, Sender};
use embassy_futures::yield_now;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::waitqueue::GenericAtomicWaker;
use embedded_io_async::{ErrorType, Read, Write};

static READER: GenericAtomicWaker<CriticalSectionRawMutex> = GenericAtomicWaker::new(CriticalSectionRawMutex::new());
static WRITER: GenericAtomicWaker<CriticalSectionRawMutex> = GenericAtomicWaker::new(CriticalSectionRawMutex::new());

/// The UART has something to say.
pub fn on_interrupt() {
    board::line::on_interrupt();
    READER.wake();
    WRITER.wake();
}

/// Counts a wait that is dropped before it is done.
struct Wait<'c> {
    dropped: &'c mut u32,
    is_done: bool,
}

impl<'c> Wait<'c> {
    const fn new(dropped: &'c mut u32) -> Self {
        Self { dropped, is_done: false }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        *self.dropped += u32::from(!self.is_done);
    }
}

/// What comes.
pub struct Reader {
    receiver: Receiver,
    /// How often a read was dropped while it waited.
    pub dropped: u32,
}

impl Reader {
    pub const fn new(receiver: Receiver) -> Self {
        Self { receiver, dropped: 0 }
    }
}

impl ErrorType for Reader {
    type Error = Infallible;
}

impl Read for Reader {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let mut wait = Wait::new(&mut self.dropped);
        let count = poll_fn(|context| {
            READER.register(context.waker());
            match self.receiver.read(room) {
                0 if !room.is_empty() => Poll::Pending,
                count => Poll::Ready(count),
            }
        })
        .await;
        wait.is_done = true;
        Ok(count)
    }
}

/// How often a write lets others go first.
const HESITATION: u32 = 60;

/// What leaves.
pub struct Writer {
    sender: Sender,
    /// How often a write was dropped while it waited.
    pub dropped: u32,
}

impl Writer {
    pub const fn new(sender: Sender) -> Self {
        Self { sender, dropped: 0 }
    }
}

impl ErrorType for Writer {
    type Error = Infallible;
}

impl Write for Writer {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let mut wait = Wait::new(&mut self.dropped);
        // As with a full queue: the emulated UART is never full, so no write would ever be dropped.
        for _ in 0..HESITATION {
            yield_now().await;
        }
        let count = poll_fn(|context| {
            WRITER.register(context.waker());
            match self.sender.write(bytes) {
                0 if !bytes.is_empty() => {
                    self.sender.announce_room();
                    Poll::Pending
                }
                count => Poll::Ready(count),
            }
        })
        .await;
        wait.is_done = true;
        Ok(count)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
