//! A simulated NOR flash: words of four bytes, pages of 512; writing clears bits, erasing sets them; the power may fail at any word.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

const PAGE: usize = 512;
const PAGES: usize = 8;

pub struct Chip {
    bytes: Vec<u8>,
    /// Words until the power fails.
    pub supply: u64,
    pub words: u64,
    pub erased: u64,
}

/// The power is gone; what was being written may be there in part.
#[derive(Clone, Copy, Debug)]
pub struct PowerLost;

impl NorFlashError for PowerLost {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl Chip {
    pub fn new(supply: u64) -> Self {
        Self { bytes: vec![0xFF; PAGE * PAGES], supply, words: 0, erased: 0 }
    }

    fn spend(&mut self) -> Result<(), PowerLost> {
        self.supply = self.supply.checked_sub(1).ok_or(PowerLost)?;
        self.words += 1;
        Ok(())
    }
}

impl ErrorType for Chip {
    type Error = PowerLost;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PowerLost> {
        bytes.copy_from_slice(&self.bytes[offset as usize..offset as usize + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerLost> {
        assert!((from as usize).is_multiple_of(PAGE) && (to as usize).is_multiple_of(PAGE));
        for page in (from as usize..to as usize).step_by(PAGE) {
            let half = page + PAGE / 2;
            self.bytes[page..half].fill(0xFF);
            self.spend()?;
            self.bytes[half..page + PAGE].fill(0xFF);
            self.erased += 1;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), PowerLost> {
        assert!(offset.is_multiple_of(4) && bytes.len().is_multiple_of(4), "whole words only");
        for (word, place) in bytes.chunks(4).zip((offset as usize..).step_by(4)) {
            let cell = &mut self.bytes[place..place + 4];
            assert_eq!(cell, [0xFF; 4], "a word is written once");
            // Half of it may be there when the power fails.
            cell[..2].copy_from_slice(&word[..2]);
            self.spend()?;
            self.bytes[place + 2..place + 4].copy_from_slice(&word[2..]);
        }
        Ok(())
    }
}
