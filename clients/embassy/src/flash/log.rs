//! The frames of a log: read at the start, and written one behind the other.

use embedded_storage_async::nor_flash::NorFlash;

use super::layout::{FRAME_HEAD, Layout, MOST_BODY, frame_head, frame_length, veil};
use super::{FlashJournal, JournalError, Log};

/// What stands at a place.
enum Next {
    /// Nothing.
    End,
    /// A frame of so many bytes, which are in the buffer.
    Frame(usize),
    /// A frame that was not written to its end.
    Torn,
}

impl<F: NorFlash, const LOG: usize> FlashJournal<F, LOG> {
    /// Reads the log that counts into the buffer, and returns its length.
    pub(crate) async fn load(&mut self) -> Result<usize, JournalError<F::Error>> {
        let Some(mut log) = self.log else { return Ok(0) };
        log.is_open = log.size == Layout::<F, LOG>::AREA;
        (log.position, log.length) = (Layout::<F, LOG>::FRAMES, 0);
        loop {
            match self.next_frame(&log).await? {
                Next::Frame(length) => {
                    log.length += length;
                    log.position += Layout::<F, LOG>::frame(length);
                }
                Next::End => break,
                Next::Torn => {
                    log.is_open = false;
                    break;
                }
            }
        }
        // Field by field: the compiler would bring `memmove` for the whole, which takes 1,600 bytes.
        let Log { area, size, sequence, position, length, is_open } = log;
        self.log = Some(Log { area, size, sequence, position, length, is_open });
        Ok(length)
    }

    async fn next_frame(&mut self, log: &Log) -> Result<Next, JournalError<F::Error>> {
        let (place, end) = (log.area + log.position, log.area + log.size);
        // All of it: a chip that writes many words at once may have begun with the last.
        if self.is_blank(place, end).await? { Ok(Next::End) } else { self.read_frame(log).await }
    }

    async fn read_frame(&mut self, log: &Log) -> Result<Next, JournalError<F::Error>> {
        let (address, end) = (log.area + log.position, log.area + log.size);
        let is_first = log.position == Layout::<F, LOG>::FRAMES;
        let damaged = Err(JournalError::Damaged { address });
        if address + FRAME_HEAD as u32 > end {
            return damaged;
        }
        let head: [u8; FRAME_HEAD] = self.read(address).await?;
        let fits = |length: &usize| address + Layout::<F, LOG>::frame(*length) <= end;
        let length = frame_length(&head).filter(|length| fits(length) && (is_first || *length <= MOST_BODY));
        let behind = address + Layout::<F, LOG>::frame(length.unwrap_or(MOST_BODY));
        if let Some(length) = length {
            if log.length + length > Self::CAPACITY {
                return Err(JournalError::LogTooLong);
            }
            self.read_body(address + FRAME_HEAD as u32, (log.length, length)).await?;
            let body = self.body().get_mut(log.length..log.length + length).unwrap_or_default();
            veil(&head, body);
            if head == frame_head(log.sequence, body) {
                // Behind a frame without bytes the log went on elsewhere, and that is not to be found any more.
                return if length == 0 { damaged } else { Ok(Next::Frame(length)) };
            }
        }
        // Whatever was torn is the last that was written. The first frame was there before the area was sealed.
        let is_last = !is_first && self.is_blank(behind.min(end), end).await?;
        if is_last { Ok(Next::Torn) } else { damaged }
    }

    /// Where the log that counts stands.
    pub(crate) fn address(&self) -> u32 {
        self.log.map_or(self.region.start, |log| log.area)
    }

    /// Whether the region was looked through.
    pub(crate) const fn is_found(&self) -> bool {
        self.is_found
    }

    /// Nothing more is to be written behind what there is.
    pub(crate) const fn close(&mut self) {
        if let Some(log) = &mut self.log {
            log.is_open = false;
        }
    }

    /// How many of so many bytes can be appended at once; 0 if a new log has to begin.
    pub(crate) fn room_for(&self, length: usize) -> usize {
        let Some(log) = self.log.filter(|log| log.is_open) else { return 0 };
        let length = length.min(MOST_BODY);
        let ending = Layout::<F, LOG>::frame(0);
        let fits = log.position + Layout::<F, LOG>::frame(length) + ending <= log.size;
        if fits && log.length + length <= Self::CAPACITY { length } else { 0 }
    }

    /// Appends the first `length` bytes of the body, for which there is [room](Self::room_for).
    pub(crate) async fn append(&mut self, length: usize) -> Result<(), JournalError<F::Error>> {
        let Some(log) = self.log else { return Ok(()) };
        let body = self.body().get(..length).unwrap_or_default();
        let head = frame_head(log.sequence, body);
        self.close(); // until it is there
        self.write_frame(log.area + log.position, head, length).await?;
        let position = log.position + Layout::<F, LOG>::frame(length);
        self.log = Some(Log { position, length: log.length + length, ..log });
        Ok(())
    }
}
