//! The log that counts, among what is left of others.

use embedded_storage_async::nor_flash::NorFlash;

use super::layout::{Layout, frame_length, marked, sealed};
use super::{FlashJournal, JournalError, Log};

impl<F: NorFlash, const LOG: usize> FlashJournal<F, LOG> {
    /// Looks through the region. Areas tell their own length, so those that were written with another `LOG` are found as well.
    pub(crate) async fn find(&mut self) -> Result<(), JournalError<F::Error>> {
        self.forget();
        let page = Layout::<F, LOG>::PAGE;
        for address in self.region.clone().step_by(page as usize) {
            let Some(size) = self.size_at(address).await? else { continue };
            self.marked = Some(address);
            for index in 0..page.checked_div(size).unwrap_or(0).max(1) {
                self.look_at(address + index * size, size).await?;
            }
        }
        if self.log.is_none() {
            self.check_beginning().await?;
        }
        self.is_found = true;
        Ok(())
    }

    /// The length of the areas of which the first is marked here.
    async fn size_at(&mut self, address: u32) -> Result<Option<u32>, JournalError<F::Error>> {
        let size = marked(&self.read(address).await?);
        let room = self.region.end - address;
        Ok(size.filter(|size| (Layout::<F, LOG>::FRAMES..=room).contains(size)))
    }

    async fn look_at(&mut self, area: u32, size: u32) -> Result<(), JournalError<F::Error>> {
        if marked(&self.read(area).await?) != Some(size) {
            return Ok(());
        }
        let Some(sequence) = sealed(&self.read(area + Layout::<F, LOG>::SEAL).await?) else { return Ok(()) };
        if sequence > self.sequence {
            let position = Layout::<F, LOG>::FRAMES;
            self.sequence = sequence;
            self.log = Some(Log { area, size, sequence, position, length: 0, is_open: false });
        }
        Ok(())
    }

    /// Whether there is no log because none was ever begun to its end.
    async fn check_beginning(&mut self) -> Result<(), JournalError<F::Error>> {
        let Some(address) = self.marked else {
            return if self.is_unused().await? { Ok(()) } else { Err(JournalError::Foreign) };
        };
        if self.has_records(address).await? { Err(JournalError::Damaged { address }) } else { Ok(()) }
    }

    /// Whether more than one frame stands in an area that is not sealed. Then it was.
    async fn has_records(&mut self, area: u32) -> Result<bool, JournalError<F::Error>> {
        let first = area + Layout::<F, LOG>::FRAMES;
        let Some(length) = frame_length(&self.read(first).await?) else { return Ok(false) };
        let (second, end) = (first + Layout::<F, LOG>::frame(length), area + Layout::<F, LOG>::AREA);
        Ok(!self.is_blank(second, end.min(self.region.end)).await?)
    }

    /// Whether nothing was ever written here, but perhaps the start of a mark.
    async fn is_unused(&mut self) -> Result<bool, JournalError<F::Error>> {
        let block = Layout::<F, LOG>::BLOCK;
        for address in self.region.clone().step_by(block as usize) {
            let end = (address + block).min(self.region.end);
            if !self.is_blank(address + Layout::<F, LOG>::SEAL, end).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
