//! The line as an asynchronous reader and writer.

use core::convert::Infallible;
use core::future::poll_fn;
use core::task::Poll;

use board::line::{Receiver, Sender};
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

/// What comes.
pub struct Reader {
    receiver: Receiver,
}

impl Reader {
    pub const fn new(receiver: Receiver) -> Self {
        Self { receiver }
    }
}

impl ErrorType for Reader {
    type Error = Infallible;
}

impl Read for Reader {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            READER.register(context.waker());
            match self.receiver.read(room) {
                0 if !room.is_empty() => Poll::Pending,
                count => Poll::Ready(Ok(count)),
            }
        })
        .await
    }
}

/// What leaves.
pub struct Writer {
    sender: Sender,
}

impl Writer {
    pub const fn new(sender: Sender) -> Self {
        Self { sender }
    }
}

impl ErrorType for Writer {
    type Error = Infallible;
}

impl Write for Writer {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            WRITER.register(context.waker());
            match self.sender.write(bytes) {
                0 if !bytes.is_empty() => {
                    self.sender.announce_room();
                    Poll::Pending
                }
                count => Poll::Ready(Ok(count)),
            }
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
