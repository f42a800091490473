//! What all programs share: a UART's registers, a clock's register, and what a panic does.

#![no_std]

use core::hint;
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

/// The clock of the client for embassy.
#[cfg(feature = "embassy")]
pub struct Tick;

#[cfg(feature = "embassy")]
impl pure_mqtt_embassy::Clock for Tick {
    fn now(&self) -> pure_mqtt_embassy::Instant {
        pure_mqtt_embassy::Instant::from_millis(tick().into())
    }

    /// Everything is polled all the time.
    async fn wait_until(&self, at: pure_mqtt_embassy::Instant) {
        core::future::poll_fn(
            |_| if self.now() < at { core::task::Poll::Pending } else { core::task::Poll::Ready(()) },
        )
        .await;
    }
}

/// Lets a static have what only one thread may use.
pub struct OneThread<T>(pub T);

// SAFETY: the program has one thread, and no interrupts.
unsafe impl<T> Sync for OneThread<T> {}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if cfg!(feature = "panics") {
        hint::black_box(info); // or functions that differ in their message alone would become one
    }
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
    //! For the clients that are async: tasks in statics, an executor that only polls, and the UART as a stream.

    use core::cell::UnsafeCell;
    use core::convert::Infallible;
    use core::future::{Future, poll_fn};
    use core::mem::MaybeUninit;
    use core::pin::Pin;
    use core::task::{Context, Poll, Waker};

    /// Memory for the future of a task.
    #[repr(C, align(8))]
    pub struct Task<const SIZE: usize>(UnsafeCell<MaybeUninit<[u8; SIZE]>>);

    // SAFETY: the program has one thread, which starts each task once.
    unsafe impl<const SIZE: usize> Sync for Task<SIZE> {}

    impl<const SIZE: usize> Task<SIZE> {
        #[allow(clippy::new_without_default, reason = "a static needs a const fn")]
        pub const fn new() -> Self {
            Self(UnsafeCell::new(MaybeUninit::uninit()))
        }

        #[allow(clippy::mut_from_ref, reason = "each task is started once")]
        pub fn start<F: Future>(&'static self, task: F) -> Pin<&'static mut F> {
            const { assert!(size_of::<F>() <= SIZE && align_of::<F>() <= align_of::<Self>()) };
            let place = self.0.get().cast::<F>();
            // SAFETY: the place is large enough and aligned. Nothing else refers to it, and it never moves.
            unsafe {
                place.write(task);
                Pin::new_unchecked(&mut *place)
            }
        }
    }

    /// Bytes of the future of an async function.
    pub const fn size<F: Future>(_: fn() -> F) -> usize {
        size_of::<F>()
    }

    /// The same of one with an argument.
    pub const fn size_with<A, F: Future>(_: fn(A) -> F) -> usize {
        size_of::<F>()
    }

    /// Starts an async function as a task. Its future lies in a static, as executors for firmware keep it.
    #[macro_export]
    macro_rules! start {
        ($task:ident()) => {{
            use $crate::asynchronous::{Task, size};
            static TASK: Task<{ size($task) }> = Task::new();
            TASK.start($task())
        }};
        ($task:ident($argument:expr)) => {{
            use $crate::asynchronous::{Task, size_with};
            static TASK: Task<{ size_with($task) }> = Task::new();
            TASK.start($task($argument))
        }};
    }

    /// Polls a task, which never ends.
    pub fn poll<F: Future<Output = Never>>(task: &mut Pin<&'static mut F>) {
        let _ = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }

    /// What a task returns that never ends.
    pub type Never = Infallible;

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

#[cfg(feature = "embassy-flash")]
pub mod flash {
    //! A flash that is not there, behind the traits of drivers.

    use core::convert::Infallible;
    use core::hint::black_box;

    use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

    /// The driver. What it reads comes from the UART.
    #[derive(Debug)]
    pub struct Chip;

    impl ErrorType for Chip {
        type Error = Infallible;
    }

    impl ReadNorFlash for Chip {
        const READ_SIZE: usize = 4;

        async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
            black_box((offset, super::read(bytes)));
            Ok(())
        }

        fn capacity(&self) -> usize {
            1 << 21
        }
    }

    impl NorFlash for Chip {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = 4096;

        async fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
            black_box((from, to));
            Ok(())
        }

        async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
            black_box((offset, super::write(bytes)));
            Ok(())
        }
    }
}
