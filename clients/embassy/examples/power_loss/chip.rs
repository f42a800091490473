//! Simulated NOR flash, whose power fails at any word.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

const PAGE: usize = 4096;
const WORD: usize = 4;
/// The whole chip.
pub const SIZE: u32 = 4 * PAGE as u32;

/// The chip. Clones are the same.
#[derive(Clone)]
pub struct Chip(Rc<State>);

struct State {
    bytes: RefCell<Vec<u8>>,
    /// Words until the power fails; `None` for never.
    supply: Cell<Option<u32>>,
    written: Cell<usize>,
    erased: Cell<usize>,
}

impl Chip {
    pub fn new() -> Self {
        let bytes = RefCell::new(vec![0xFF; SIZE as usize]);
        Self(Rc::new(State { bytes, supply: Cell::new(None), written: Cell::new(0), erased: Cell::new(0) }))
    }

    pub fn power_on(&self, supply: Option<u32>) {
        self.0.supply.set(supply);
    }

    /// Ready once the power has failed.
    pub fn power_fails(&self) -> impl Future<Output = ()> {
        poll_fn(|context| {
            if self.0.supply.get() == Some(0) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    pub fn written(&self) -> usize {
        self.0.written.get()
    }

    pub fn erased(&self) -> usize {
        self.0.erased.get()
    }

    /// One word more. If that was the last, nothing goes on.
    async fn spend(&self) {
        self.0.supply.set(self.0.supply.get().map(|supply| supply.saturating_sub(1)));
        if self.0.supply.get() == Some(0) {
            pending::<()>().await;
        }
    }
}

impl ErrorType for Chip {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let cells = self.0.bytes.borrow();
        let cells = cells.get(offset as usize..).and_then(|cells| cells.get(..bytes.len()));
        bytes.copy_from_slice(cells.ok_or(NorFlashErrorKind::OutOfBounds)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        SIZE as usize
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        for page in (from as usize..to as usize).step_by(PAGE) {
            for half in [page, page + PAGE / 2] {
                self.spend().await; // half of a page may be erased
                let mut bytes = self.0.bytes.borrow_mut();
                bytes.get_mut(half..half + PAGE / 2).ok_or(NorFlashErrorKind::OutOfBounds)?.fill(0xFF);
            }
            self.0.erased.set(self.0.erased.get() + 1);
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        for (word, place) in bytes.chunks(WORD).zip((offset as usize..).step_by(WORD)) {
            for half in 0..2 {
                {
                    // Writing clears bits.
                    let mut cells = self.0.bytes.borrow_mut();
                    let cells = cells.get_mut(place..place + WORD).ok_or(NorFlashErrorKind::OutOfBounds)?;
                    cells.iter_mut().zip(word).skip(half * 2).take(2).for_each(|(cell, new)| *cell &= new);
                }
                if half == 0 {
                    self.spend().await; // half of a word may be there
                }
            }
            self.0.written.set(self.0.written.get() + WORD);
        }
        Ok(())
    }
}
