//! Two halves of a stream behind one handle.

use core::cell::{RefCell, RefMut};
use core::future::poll_fn;
use core::task::Poll;

use embassy_sync::waitqueue::WakerRegistration;
use embedded_io_async::{ErrorType, Read, Write};

/// The two halves of a stream behind a handle that can be copied: `&Halves` reads with one half and writes with the other, at the same time.
///
/// TLS libraries need such a handle: `TlsConnection::split` of embedded-tls clones its socket, and a socket of embassy-net and its halves cannot be cloned.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// use pure_mqtt_embassy::Halves;
///
/// async fn answer<R: Read, W: Write<Error = R::Error>>(reader: R, writer: W) -> Result<(), R::Error> {
///     let halves = Halves::new(reader, writer);
///     let (mut receiving, mut sending) = (&halves, &halves); // as a TLS library takes it apart
///     let mut byte = [0];
///     receiving.read(&mut byte).await?;
///     sending.write(&byte).await?;
///     Ok(())
/// }
/// ```
pub struct Halves<R, W> {
    reader: Half<R>,
    writer: Half<W>,
}

impl<R, W> Halves<R, W> {
    /// Combines two halves. Both must have the same error type.
    ///
    /// ```
    /// use pure_mqtt_embassy::Halves;
    ///
    /// fn main() {
    ///     let halves = Halves::new(&b"from the server"[..], ());
    ///     assert_eq!(halves.into_inner().0, b"from the server");
    /// }
    /// ```
    pub const fn new(reader: R, writer: W) -> Self {
        Self { reader: Half::new(reader), writer: Half::new(writer) }
    }

    /// Returns the halves.
    ///
    /// ```
    /// use pure_mqtt_embassy::Halves;
    ///
    /// fn writer<R, W>(halves: Halves<R, W>) -> W {
    ///     halves.into_inner().1
    /// }
    /// ```
    pub fn into_inner(self) -> (R, W) {
        (self.reader.inner.into_inner(), self.writer.inner.into_inner())
    }
}

impl<R: ErrorType, W> ErrorType for &Halves<R, W> {
    type Error = R::Error;
}

impl<R: Read, W> Read for &Halves<R, W> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, R::Error> {
        self.reader.lock().await.inner.read(buffer).await
    }
}

impl<R: ErrorType, W: Write<Error = R::Error>> Write for &Halves<R, W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, R::Error> {
        self.writer.lock().await.inner.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), R::Error> {
        self.writer.lock().await.inner.flush().await
    }
}

/// One half, which one future has at a time. The mutex of embassy-sync would link a panic.
struct Half<T> {
    inner: RefCell<T>,
    waiting: RefCell<WakerRegistration>,
}

/// A half until this is dropped.
struct Guard<'h, T> {
    inner: RefMut<'h, T>,
    waiting: &'h RefCell<WakerRegistration>,
}

impl<T> Half<T> {
    const fn new(inner: T) -> Self {
        Self { inner: RefCell::new(inner), waiting: RefCell::new(WakerRegistration::new()) }
    }

    /// Waits until no other future has it.
    async fn lock(&self) -> Guard<'_, T> {
        poll_fn(|context| match self.inner.try_borrow_mut() {
            Ok(inner) => Poll::Ready(Guard { inner, waiting: &self.waiting }),
            Err(_) => {
                if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
                    waiting.register(context.waker());
                }
                Poll::Pending
            }
        })
        .await
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.wake();
        }
    }
}
