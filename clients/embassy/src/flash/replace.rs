//! A new log in place of the one that counts.

use embedded_storage_async::nor_flash::NorFlash;

use super::layout::{Layout, frame_head, mark, seal};
use super::{FlashJournal, JournalError, Log};

impl<F: NorFlash, const LOG: usize> FlashJournal<F, LOG> {
    /// Begins a log with the first `length` bytes of the body. The one before counts until all of it is there. Erases at most one block.
    pub(crate) async fn replace(&mut self, length: usize) -> Result<(), JournalError<F::Error>> {
        let before = self.log;
        self.close();
        let (block, index) = self.free_area().await?;
        let (area, size) = (block + index * Layout::<F, LOG>::AREA, Layout::<F, LOG>::AREA);
        let sequence = self.sequence + 1;
        self.sequence = sequence; // never used again, even if this is dropped: the seal may be there all the same
        let body = self.body().get(..length).unwrap_or_default();
        let head = frame_head(sequence, body);
        self.write(area, &mark(size)).await?;
        (self.next, self.marked) = (Some((block, index + 1)), Some(block));
        self.write_frame(area + Layout::<F, LOG>::FRAMES, head, length).await?;
        self.write(area + Layout::<F, LOG>::SEAL, &seal(sequence)).await?;
        let position = Layout::<F, LOG>::FRAMES + Layout::<F, LOG>::frame(length);
        self.log = Some(Log { area, size, sequence, position, length, is_open: true });
        match before {
            Some(before) if before.is_open => self.end(&before).await,
            _ => Ok(()),
        }
    }

    /// Says at the end of a log that it counts no more: so it is not taken for the latest where that is damaged.
    async fn end(&mut self, before: &Log) -> Result<(), JournalError<F::Error>> {
        if before.position + Layout::<F, LOG>::frame(0) > before.size {
            return Ok(());
        }
        self.write(before.area + before.position, &frame_head(before.sequence, &[])).await
    }

    /// An area that is erased: the block where it is, and which it is there.
    async fn free_area(&mut self) -> Result<(u32, u32), JournalError<F::Error>> {
        let Some(log) = self.log else { return self.first_area().await };
        let (mut block, mut index) = self.next.unwrap_or_else(|| self.behind(&log));
        for _ in 0..=self.blocks() + 1 {
            while index < Layout::<F, LOG>::AREAS {
                if index == 0 {
                    if self.is_of(&log, block) {
                        break; // it is not to be erased
                    }
                    self.next = Some((block, 0)); // if this is interrupted, it is erased again
                    self.erase_block(block).await?;
                    return Ok((block, 0));
                }
                let area = block + index * Layout::<F, LOG>::AREA;
                if self.is_blank(area, area + Layout::<F, LOG>::AREA).await? {
                    return Ok((block, index));
                }
                index += 1;
            }
            (block, index) = (self.block_behind(block), 0);
        }
        let needed = 2 * log.size.max(Layout::<F, LOG>::AREA) + Self::REGION;
        Err(JournalError::RegionTooSmall { needed })
    }

    /// The first of all. One block is left as it is, so that a start which is interrupted again and again doesn't make the region look like a foreign one.
    async fn first_area(&mut self) -> Result<(u32, u32), JournalError<F::Error>> {
        let first = self.region.start;
        let is_marked = self.marked.is_some_and(|page| page < first + Layout::<F, LOG>::BLOCK);
        let block = if is_marked { self.block_behind(first) } else { first };
        self.erase_block(block).await?;
        Ok((block, 0))
    }

    async fn erase_block(&mut self, block: u32) -> Result<(), JournalError<F::Error>> {
        for page in (block..block + Layout::<F, LOG>::BLOCK).step_by(Layout::<F, LOG>::PAGE as usize) {
            self.erase_page(page).await?;
        }
        Ok(())
    }

    const fn blocks(&self) -> u32 {
        (self.region.end - self.region.start) / Layout::<F, LOG>::BLOCK
    }

    /// The next block, or the first one behind the last.
    const fn block_behind(&self, block: u32) -> u32 {
        let next = block + Layout::<F, LOG>::BLOCK;
        if next + Layout::<F, LOG>::BLOCK > self.region.end { self.region.start } else { next }
    }

    /// Whether the log stands in this block, if only in part: it may have been written with another `LOG`.
    const fn is_of(&self, log: &Log, block: u32) -> bool {
        log.area < block + Layout::<F, LOG>::BLOCK && log.area + log.size > block
    }

    /// The area behind the log, or behind its block if areas had another length.
    const fn behind(&self, log: &Log) -> (u32, u32) {
        let offset = log.area - self.region.start;
        let block = self.region.start + offset / Layout::<F, LOG>::BLOCK * Layout::<F, LOG>::BLOCK;
        let has_same_areas = log.size == Layout::<F, LOG>::AREA;
        let index = (log.area - block) / Layout::<F, LOG>::AREA + 1;
        (block, if has_same_areas { index } else { Layout::<F, LOG>::AREAS })
    }
}
