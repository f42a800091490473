//! Simulated NOR flash: writing clears bits, erasing sets them. The power may fail at any unit that is written and in any erase, and a future may be dropped
//! there. What was caught so holds some of both, and must be erased before it is written again: a page always, a unit if anything is to be seen of it.

use std::cell::RefCell;
use std::rc::Rc;

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

use crate::executor::pass;
use crate::time::Time;

/// The flash refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl NorFlashError for Refused {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

struct State {
    bytes: Vec<u8>,
    /// Units that were caught half-way.
    caught: Vec<bool>,
    /// Moments at which the power may fail that are still to come before it does; `None` for never.
    supply: Option<u64>,
    is_dead: bool,
    /// All words of a call are written at the same time, as pages of serial flash are.
    writes_at_once: bool,
    /// It refuses once, so many calls from now.
    refuses_after: Option<u32>,
    has_refused: bool,
    counts: Counts,
    /// Milliseconds for a write and for the erasure of a page; 0 for none.
    slowness: (u64, u64),
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Moments at which the power could fail.
    pub moments: u64,
    pub written: u64,
    pub erased: u64,
}

/// The chip, which outlives the program.
#[derive(Clone)]
pub struct Chip<const UNIT: usize, const PAGE: usize> {
    state: Rc<RefCell<State>>,
    time: Time,
}

impl<const UNIT: usize, const PAGE: usize> Chip<UNIT, PAGE> {
    pub fn new(time: &Time, pages: usize) -> Self {
        let state = State {
            bytes: vec![0xFF; pages * PAGE],
            caught: vec![false; pages * PAGE / UNIT],
            supply: None,
            is_dead: false,
            writes_at_once: false,
            refuses_after: None,
            has_refused: false,
            counts: Counts::default(),
            slowness: (0, 0),
        };
        Self { state: Rc::new(RefCell::new(state)), time: time.clone() }
    }

    /// The power is there, until so many moments have passed.
    pub fn power_on(&self, supply: Option<u64>) {
        let mut state = self.state.borrow_mut();
        (state.supply, state.is_dead) = (supply, false);
    }

    pub fn slow_down(&self, write: u64, erase: u64) {
        self.state.borrow_mut().slowness = (write, erase);
    }

    pub fn write_at_once(&self) {
        self.state.borrow_mut().writes_at_once = true;
    }

    pub fn refuse_after(&self, calls: u32) {
        self.state.borrow_mut().refuses_after = Some(calls);
    }

    pub fn has_refused(&self) -> bool {
        self.state.borrow().has_refused
    }

    pub fn is_dead(&self) -> bool {
        self.state.borrow().is_dead
    }

    pub fn counts(&self) -> Counts {
        self.state.borrow().counts
    }

    pub fn with_bytes<R>(&self, work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        work(&mut self.state.borrow_mut().bytes)
    }

    /// A moment at which the power may fail. If it does, this never returns.
    async fn moment(&self) {
        let fails = {
            let state = &mut *self.state.borrow_mut();
            state.counts.moments += 1;
            state.is_dead |= state.supply == Some(0);
            state.supply = state.supply.map(|supply| supply.saturating_sub(1));
            state.is_dead
        };
        if fails {
            std::future::pending::<()>().await;
        }
    }

    /// What is being written may be there in part, of each unit.
    fn catch(&self, offset: usize, bytes: &[u8]) {
        let state = &mut *self.state.borrow_mut();
        for (word, place) in bytes.chunks(UNIT).zip((offset..).step_by(UNIT)) {
            let (cells, how) = (&mut state.bytes[place..place + UNIT], fastrand::u8(..3));
            cells.iter_mut().zip(word).for_each(|(cell, new)| *cell = caught_between(0xFF, *new, how));
            state.caught[place / UNIT] = cells.iter().any(|cell| *cell != 0xFF);
        }
    }

    /// Each word is written once.
    fn check(&self, offset: usize, length: usize) {
        let state = self.state.borrow();
        let is_blank = state.bytes[offset..offset + length].iter().all(|cell| *cell == 0xFF);
        assert!(is_blank, "written twice, at {offset:#x}");
        let is_caught = state.caught[offset / UNIT..(offset + length) / UNIT].contains(&true);
        assert!(!is_caught, "written where an erasure was caught half-way, at {offset:#x}");
    }

    fn call(&self) -> Result<(), Refused> {
        let state = &mut *self.state.borrow_mut();
        let refuses = state.refuses_after == Some(0);
        state.refuses_after = state.refuses_after.and_then(|calls| calls.checked_sub(1));
        state.has_refused |= refuses;
        if refuses { Err(Refused) } else { Ok(()) }
    }

    async fn wait(&self, millis: u64) {
        if millis > 0 { self.time.sleep(millis).await } else { pass().await }
    }
}

/// Some of the bits that are to change have changed: none, all, or any.
fn caught_between(before: u8, after: u8, how: u8) -> u8 {
    let changed = match how {
        0 => 0,
        1 => 0xFF,
        _ => fastrand::u8(..),
    };
    before & !changed | after & changed
}

impl<const UNIT: usize, const PAGE: usize> ErrorType for Chip<UNIT, PAGE> {
    type Error = Refused;
}

impl<const UNIT: usize, const PAGE: usize> ReadNorFlash for Chip<UNIT, PAGE> {
    const READ_SIZE: usize = if UNIT < 4 { 1 } else { 4 };

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Refused> {
        let is_aligned = |number: usize| number.is_multiple_of(Self::READ_SIZE);
        assert!(is_aligned(offset as usize) && is_aligned(bytes.len()) && bytes.as_ptr().addr().is_multiple_of(4));
        self.call()?;
        let state = self.state.borrow();
        bytes.copy_from_slice(&state.bytes[offset as usize..offset as usize + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.state.borrow().bytes.len()
    }
}

impl<const UNIT: usize, const PAGE: usize> NorFlash for Chip<UNIT, PAGE> {
    const WRITE_SIZE: usize = UNIT;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Refused> {
        assert!((from as usize).is_multiple_of(PAGE) && (to as usize).is_multiple_of(PAGE));
        self.call()?;
        for page in (from as usize..to as usize).step_by(PAGE) {
            let units = page / UNIT..(page + PAGE) / UNIT;
            self.moment().await;
            {
                let state = &mut *self.state.borrow_mut();
                let how = fastrand::u8(..3);
                let cells = state.bytes[page..page + PAGE].iter_mut();
                cells.for_each(|cell| *cell = caught_between(*cell, 0xFF, how));
                state.caught[units.clone()].fill(true);
            }
            let erasing = self.state.borrow().slowness.1;
            self.wait(erasing).await;
            self.moment().await;
            {
                let state = &mut *self.state.borrow_mut();
                state.bytes[page..page + PAGE].fill(0xFF);
                state.caught[units].fill(false);
                state.counts.erased += 1;
            }
            self.moment().await;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Refused> {
        assert!((offset as usize).is_multiple_of(UNIT) && bytes.len().is_multiple_of(UNIT), "whole units only");
        assert!(bytes.as_ptr().addr().is_multiple_of(4));
        self.call()?;
        self.check(offset as usize, bytes.len());
        let writing = self.state.borrow().slowness.0;
        if writing > 0 {
            self.time.sleep(writing).await;
        }
        for (word, place) in bytes.chunks(UNIT).zip((offset as usize..).step_by(UNIT)) {
            let at_once =
                if self.state.borrow().writes_at_once { bytes.len() - (place - offset as usize) } else { UNIT };
            self.catch(place, &bytes[place - offset as usize..][..at_once]);
            self.moment().await;
            pass().await;
            let state = &mut *self.state.borrow_mut();
            state.bytes[place..place + UNIT].copy_from_slice(word);
            state.caught[place / UNIT] = false;
            state.counts.written += UNIT as u64;
        }
        Ok(())
    }
}
