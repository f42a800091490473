//! A timer for fractions of a millisecond, which tokio's own timer does not support.
//!
//! On Linux the runtime watches a timer of the kernel beside the sockets. Elsewhere, and where the runtime watches no sockets, a thread of its blocking pool sleeps.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Sleep;

/// A timer that has not ended after this time is waiting for a free thread.
const LIMIT: Duration = Duration::from_millis(4);

#[derive(Default)]
pub(crate) struct Timer {
    #[cfg(target_os = "linux")]
    kernel: Option<kernel::Timer>,
    running: Option<Running>,
}

enum Running {
    #[cfg(target_os = "linux")]
    Kernel,
    Thread(Thread),
}

/// No thread was free.
pub(crate) struct Starved;

impl Timer {
    /// Starts the timer. `watches_sockets`: whether the runtime is known to watch sockets.
    pub(crate) fn start(&mut self, length: Duration, watches_sockets: bool) {
        #[cfg(target_os = "linux")]
        if watches_sockets && self.start_kernel(length) {
            self.running = Some(Running::Kernel);
            return;
        }
        let _ = watches_sockets;
        self.running = Some(Running::Thread(Thread::start(length)));
    }

    /// Starts a timer of the kernel. Returns false if there is none.
    #[cfg(target_os = "linux")]
    fn start_kernel(&mut self, length: Duration) -> bool {
        if self.kernel.is_none() {
            self.kernel = kernel::Timer::new().ok();
        }
        self.kernel.as_ref().is_some_and(|timer| timer.start(length).is_ok())
    }

    /// Returns `Pending` while the timer runs.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Starved>> {
        let result = match &mut self.running {
            None => Ok(()),
            #[cfg(target_os = "linux")]
            Some(Running::Kernel) => {
                if let Some(timer) = &self.kernel {
                    ready!(timer.poll(cx));
                }
                Ok(())
            }
            Some(Running::Thread(thread)) => ready!(thread.poll(cx)),
        };
        self.running = None;
        Poll::Ready(result)
    }
}

/// A thread that sleeps.
struct Thread {
    sleeps: JoinHandle<()>,
    limit: Pin<Box<Sleep>>,
}

impl Thread {
    fn start(length: Duration) -> Self {
        let sleeps = spawn_blocking(move || std::thread::sleep(length));
        Self { sleeps, limit: Box::pin(tokio::time::sleep(LIMIT)) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Starved>> {
        if Pin::new(&mut self.sleeps).poll(cx).is_ready() {
            return Poll::Ready(Ok(())); // it fails only when the runtime shuts down
        }
        self.limit.as_mut().poll(cx).map(|()| Err(Starved))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.sleeps.abort(); // if it has not started
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::task::{Context, Poll, ready};
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    const ZERO: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        // The replacement in tokio 1.54 is unsafe. The timer's descriptor belongs only to this value, and lives as long.
        #[allow(deprecated)]
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            AsyncFd::with_interest(timer, Interest::READABLE).map(Self)
        }

        pub(super) fn start(&self, length: Duration) -> io::Result<()> {
            let length = Timespec::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
            let once = Itimerspec { it_interval: ZERO, it_value: length };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            Ok(())
        }

        /// Does not read the timer: starting it again clears its expiry.
        pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
            if let Ok(mut ended) = ready!(self.0.poll_read_ready(cx)) {
                ended.clear_ready();
            }
            Poll::Ready(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn it_ends_after_its_length_and_starts_again() {
        const LENGTH: Duration = Duration::from_micros(300);
        for watches_sockets in [true, false] {
            let mut timer = Timer::default();
            for _ in 0..20 {
                let start = Instant::now();
                timer.start(LENGTH, watches_sockets);
                let _ = poll_fn(|cx| timer.poll(cx)).await;
                assert!(start.elapsed() >= LENGTH, "{:?}, {watches_sockets}", start.elapsed());
                assert!(poll_fn(|cx| timer.poll(cx)).await.is_ok(), "none runs");
            }
        }
    }
}
