//! Reading and writing whole units.

use embedded_storage_async::nor_flash::NorFlash;

use super::layout::{FRAME_HEAD, Layout, veil};
use super::{Aligned, FlashJournal, JournalError};
use crate::copying::copy;

/// Bytes that are read at a time.
const STAGE: usize = 64;

impl<F: NorFlash, const LOG: usize> FlashJournal<F, LOG> {
    /// Reads up to [`STAGE`] bytes from the start of a unit or half of one.
    async fn stage(&mut self, address: u32, length: usize) -> Result<Aligned<STAGE>, JournalError<F::Error>> {
        let mut stage = Aligned([0; STAGE]);
        let whole = length.next_multiple_of(F::READ_SIZE).min(STAGE);
        let room = stage.0.get_mut(..whole).unwrap_or_default();
        self.flash.read(address, room).await.map_err(JournalError::Flash)?;
        Ok(stage)
    }

    pub(super) async fn read<const N: usize>(&mut self, address: u32) -> Result<[u8; N], JournalError<F::Error>> {
        let mut bytes = [0; N];
        copy(&self.stage(address, N).await?.0, &mut bytes);
        Ok(bytes)
    }

    /// Reads so many bytes into the buffer, behind the first `start` of its body. They fit.
    pub(super) async fn read_body(
        &mut self,
        address: u32,
        (start, length): (usize, usize),
    ) -> Result<(), JournalError<F::Error>> {
        for done in (0..length).step_by(STAGE) {
            let count = (length - done).min(STAGE);
            let stage = self.stage(address + done as u32, count).await?;
            let room = self.body().get_mut(start + done..start + done + count).unwrap_or_default();
            copy(&stage.0, room);
        }
        Ok(())
    }

    /// Whether everything from one address to before another is erased.
    pub(super) async fn is_blank(&mut self, from: u32, to: u32) -> Result<bool, JournalError<F::Error>> {
        for address in (from..to).step_by(STAGE) {
            let count = ((to - address) as usize).min(STAGE);
            let stage = self.stage(address, count).await?;
            if stage.0.iter().take(count).any(|byte| *byte != 0xFF) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes a few bytes, up to a whole unit.
    pub(super) async fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), JournalError<F::Error>> {
        let mut stage = Aligned([0xFF; STAGE]);
        copy(bytes, &mut stage.0);
        let whole = bytes.len().next_multiple_of(Layout::<F, LOG>::UNIT);
        let padded = stage.0.get(..whole).unwrap_or_default();
        self.flash.write(address, padded).await.map_err(JournalError::Flash)
    }

    /// Writes a frame: the first `length` bytes of the body, behind this head. The body is veiled then.
    pub(super) async fn write_frame(
        &mut self,
        address: u32,
        head: [u8; FRAME_HEAD],
        length: usize,
    ) -> Result<(), JournalError<F::Error>> {
        let whole = Layout::<F, LOG>::frame(length) as usize;
        copy(&head, &mut self.buffer.0);
        veil(&head, self.body().get_mut(..length).unwrap_or_default());
        if let Some(padding) = self.buffer.0.get_mut(FRAME_HEAD + length..whole) {
            padding.fill(0xFF);
        }
        let frame = self.buffer.0.get(..whole).unwrap_or_default();
        self.flash.write(address, frame).await.map_err(JournalError::Flash)
    }

    pub(super) async fn erase_page(&mut self, address: u32) -> Result<(), JournalError<F::Error>> {
        let end = address + Layout::<F, LOG>::PAGE;
        self.flash.erase(address, end).await.map_err(JournalError::Flash)
    }
}
