use core::future::{Future, pending};

use embassy_futures::select::{Either3, select3};
use embassy_time::Timer;
use embedded_io_async::{Read, Write};
use pure_mqtt::{Instant, Transmit};

/// The transport is closed or has failed.
pub struct Gone;

/// Reads, writes or waits, whichever completes first; the other two are dropped. Returns how many bytes were read into
/// `room`.
///
/// Dropping them loses nothing: bytes that were not read are still in the reader, and bytes that `write` has not
/// confirmed are still in `transmit`.
pub async fn exchange<R: Read, W: Write>(
    reader: &mut R,
    writer: &mut W,
    room: &mut [u8],
    mut transmit: Transmit<'_>,
    is_flushed: &mut bool,
    until: Instant,
) -> Result<usize, Gone> {
    let is_writing = !transmit.chunk().is_empty();
    let wants_bytes = !room.is_empty(); // a read into an empty slice looks like end of stream
    let write = async {
        match transmit.chunk() {
            [] => writer.flush().await.map(|()| 0),
            chunk => writer.write(chunk).await,
        }
    };
    let read = when(wants_bytes, reader.read(room));
    let write = when(is_writing || !*is_flushed, write);
    let timer = Timer::at(embassy_time::Instant::from_millis(until.as_millis()));
    match select3(read, write, timer).await {
        Either3::First(Ok(0)) | Either3::First(Err(_)) | Either3::Second(Err(_)) => Err(Gone),
        Either3::First(Ok(count)) => Ok(count),
        Either3::Second(Ok(count)) => {
            transmit.advance(count);
            *is_flushed = !is_writing;
            Ok(0)
        }
        Either3::Third(()) => Ok(0),
    }
}

/// Awaits `future` if `is_wanted`; otherwise never completes.
async fn when<T>(is_wanted: bool, future: impl Future<Output = T>) -> T {
    if is_wanted { future.await } else { pending().await }
}
