//! The board: QEMU's `lm3s6965evb`. Its clock, its UARTs, and the console of the debugger.
//!
//! QEMU needs no pins and no PLL to be set up; a board of metal does, before [`line::open`].

#![no_std]

pub mod console;
pub mod line;
#[cfg(feature = "defmt")]
mod logger;
pub mod tick;
mod uart;
