//! Two halves of a stream behind one handle.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embedded_io_async::{ErrorType, Read, Write};

/// A reader and a writer of one stream behind a handle that can be copied: `&Halves` reads with the one and writes with the other, at the same time.
///
/// TLS libraries want their socket so. `TlsConnection::split` of embedded-tls clones it, which the socket of embassy-net and its two halves can't do:
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
    reader: Mutex<NoopRawMutex, R>,
    writer: Mutex<NoopRawMutex, W>,
}

impl<R, W> Halves<R, W> {
    /// Takes the two halves. It reads and writes if both have the same errors.
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
        Self { reader: Mutex::new(reader), writer: Mutex::new(writer) }
    }

    /// Gives the halves back.
    ///
    /// ```
    /// use pure_mqtt_embassy::Halves;
    ///
    /// fn writer<R, W>(halves: Halves<R, W>) -> W {
    ///     halves.into_inner().1
    /// }
    /// ```
    pub fn into_inner(self) -> (R, W) {
        (self.reader.into_inner(), self.writer.into_inner())
    }
}

impl<R: ErrorType, W> ErrorType for &Halves<R, W> {
    type Error = R::Error;
}

impl<R: Read, W> Read for &Halves<R, W> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, R::Error> {
        self.reader.lock().await.read(buffer).await
    }
}

impl<R: ErrorType, W: Write<Error = R::Error>> Write for &Halves<R, W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, R::Error> {
        self.writer.lock().await.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), R::Error> {
        self.writer.lock().await.flush().await
    }
}
