//! What all programs share: a UART's registers, a clock's register, and what a panic does.

#![no_std]

use core::panic::PanicInfo;
use core::ptr;

const DATA: *mut u32 = 0x4000_C000 as *mut u32;
const STATUS: *const u32 = 0x4000_C018 as *const u32;
const TICK: *const u32 = 0xE000_E018 as *const u32;
const EMPTY: u32 = 1 << 4;
const FULL: u32 = 1 << 5;

/// Takes what has come; the count of bytes.
#[inline(never)]
pub fn read(room: &mut [u8]) -> usize {
    let mut count = 0;
    for place in room {
        // SAFETY: registers of the measured board.
        if unsafe { ptr::read_volatile(STATUS) } & EMPTY != 0 {
            break;
        }
        // SAFETY: as above.
        *place = unsafe { ptr::read_volatile(DATA) } as u8;
        count += 1;
    }
    count
}

/// Sends what there is room for; the count of bytes.
#[inline(never)]
pub fn write(bytes: &[u8]) -> usize {
    let mut count = 0;
    for byte in bytes {
        // SAFETY: registers of the measured board.
        if unsafe { ptr::read_volatile(STATUS) } & FULL != 0 {
            break;
        }
        // SAFETY: as above.
        unsafe { ptr::write_volatile(DATA, u32::from(*byte)) };
        count += 1;
    }
    count
}

/// Milliseconds.
pub fn tick() -> u32 {
    // SAFETY: a register of the measured board.
    unsafe { ptr::read_volatile(TICK) }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

#[cfg(any(
    feature = "embassy",
    feature = "minimq",
    feature = "mqttrust",
    feature = "mountain-mqtt",
    feature = "rust-mqtt"
))]
pub mod asynchronous {
    //! For the peers that are async: the UART as a stream, and an executor that only polls.

    use core::convert::Infallible;
    use core::future::{Future, poll_fn};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    /// Polls until it is done.
    pub fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
        }
    }

    /// The UART.
    #[derive(Debug)]
    pub struct Uart;

    impl embedded_io_async::ErrorType for Uart {
        type Error = Infallible;
    }

    impl embedded_io_async::Read for Uart {
        async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
            poll_fn(|_| match super::read(room) {
                0 if !room.is_empty() => Poll::Pending,
                count => Poll::Ready(Ok(count)),
            })
            .await
        }
    }

    impl embedded_io_async::Write for Uart {
        async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            poll_fn(|_| match super::write(bytes) {
                0 if !bytes.is_empty() => Poll::Pending,
                count => Poll::Ready(Ok(count)),
            })
            .await
        }

        async fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }
}
