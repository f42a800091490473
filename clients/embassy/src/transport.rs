//! What carries the bytes of a link.

use embassy_futures::select::{Either, select};
use embedded_io_async::{Read, Write};

use crate::client::sealed::Access;
use crate::link::{STAGE, Wire};

/// A byte stream to the server: anything that is [`Read`] and [`Write`], or a [`Split`] one. Sealed.
///
/// A stream that is not split writes and reads in turn: its `read` is dropped when there is something to write, so that must lose no byte, as
/// embedded-io-async encourages. Its `write` is never dropped before the end of the link.
pub trait Transport: sealed::Carry {}

impl<T: sealed::Carry> Transport for T {}

/// A reader and a writer of one stream, which work at the same time. Neither is dropped before the end of the link: right for TLS, and for DMA.
#[derive(Clone, Copy, Debug)]
pub struct Split<R, W> {
    /// What comes.
    pub reader: R,
    /// What leaves.
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

/// Writes all of it. False if the transport failed.
pub async fn write_all(writer: &mut impl Write, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match writer.write(bytes).await {
            Ok(count @ 1..) => bytes = bytes.get(count..).unwrap_or_default(),
            _ => return false,
        }
    }
    true
}

const _: () = assert!(STAGE > 0);
