use core::future::{Future, pending};

use embassy_futures::select::{Either3, select3};
use embassy_time::Timer;
use embedded_io_async::{Read, Write};
use pure_mqtt::{Instant, Transmit};

/// The transport is gone, or broken.
pub struct Gone;

/// Reads, writes or waits, whichever is done first; the two others are dropped. Returns how many bytes were read into `room`.
///
/// Nothing is lost by dropping them: what was not read is still with the reader, and what `write` has not returned is still in `transmit`.
pub async fn exchange<R: Read, W: Write>(
    reader: &mut R,
    writer: &mut W,
    room: &mut [u8],
    mut transmit: Transmit<'_>,
    is_flushed: &mut bool,
    until: Instant,
) -> Result<usize, Gone> {
    let is_writing = !transmit.chunk().is_empty();
    let wants_bytes = !room.is_empty(); // a read into nothing looks like the end
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

/// A future that is never done unless `is_wanted`.
async fn when<T>(is_wanted: bool, future: impl Future<Output = T>) -> T {
    if is_wanted { future.await } else { pending().await }
}
