//! The byte streams that links run over.

use embassy_futures::select::{Either, select};
use embedded_io_async::{Read, Write};

use crate::client::sealed::Access;
use crate::link::Wire;

/// A byte stream to the server: any type that implements [`Read`] and [`Write`], or a [`Split`]. Sealed.
///
/// A stream that is not split writes and reads in turn. Its `read` future is dropped when there is something to write, so dropping it must lose no byte, as
/// embedded-io-async recommends. Its `write` future is not dropped before the end of the link.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// use pure_mqtt_embassy::{Split, Transport};
///
/// /// A serial port in two halves, as most chips' crates give it.
/// fn uart(reader: impl Read, writer: impl Write) -> impl Transport {
///     Split { reader, writer }
/// }
/// ```
pub trait Transport: sealed::Carry {}

impl<T: sealed::Carry> Transport for T {}

/// The reader and the writer of a stream, which are used at the same time. Neither future is dropped before the end of the link, as TLS and DMA need it.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// use pure_mqtt_embassy::{Client, LinkEnd, RunError, Runner, Split};
///
/// /// One link over a line that is always there.
/// async fn link(
///     runner: &mut Runner<'_, impl Client, 256>,
///     reader: &mut impl Read,
///     writer: &mut impl Write,
/// ) -> Result<LinkEnd, RunError> {
///     runner.link(Split { reader, writer }).await
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Split<R, W> {
    /// Receives bytes from the server.
    pub reader: R,
    /// Sends bytes to the server.
    pub writer: W,
}

pub mod sealed {
    use core::future::Future;

    use super::{Access, Wire};

    pub trait Carry {
        /// Moves bytes until the transport fails or ends.
        fn carry<Q: Access, const N: usize>(self, wire: &Wire<'_, Q, N>) -> impl Future<Output = ()>;
    }
}

impl<R: Read, W: Write> sealed::Carry for Split<R, W> {
    async fn carry<Q: Access, const N: usize>(mut self, wire: &Wire<'_, Q, N>) {
        let receive = async { while wire.receive(&mut self.reader).await {} };
        let send = async { while wire.send(&mut self.writer).await {} };
        select(receive, send).await;
    }
}

impl<T: Read + Write> sealed::Carry for T {
    async fn carry<Q: Access, const N: usize>(mut self, wire: &Wire<'_, Q, N>) {
        loop {
            let goes_on = match wire.has_output() {
                true => wire.send(&mut self).await,
                false => match select(wire.receive(&mut self), wire.output()).await {
                    Either::First(goes_on) => goes_on,
                    Either::Second(()) => true,
                },
            };
            if !goes_on {
                return;
            }
        }
    }
}
