//! A small executor: one thread, tasks polled in random order, and a wrapper that drops a future at any poll.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::tally::DROPPED_FUTURES;

/// Whether a task wants to be polled.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task<'t> {
    name: &'static str,
    future: Pin<Box<dyn Future<Output = ()> + 't>>,
    flag: Arc<Flag>,
}

/// Tasks that are not finished.
#[derive(Default)]
pub struct Executor<'t> {
    tasks: Vec<Task<'t>>,
}

impl<'t> Executor<'t> {
    pub fn spawn(&mut self, name: &'static str, future: impl Future<Output = ()> + 't) {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.push(Task { name, future: Box::pin(future), flag });
    }

    /// Polls one task that was woken. False if there is none.
    pub fn step(&mut self) -> bool {
        let woken = |task: &(usize, &Task<'_>)| task.1.flag.0.load(Ordering::Relaxed);
        let ready: Vec<usize> = self.tasks.iter().enumerate().filter(woken).map(|(index, _)| index).collect();
        let Some(index) = fastrand::choice(ready) else { return false };
        let task = &mut self.tasks[index];
        task.flag.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&task.flag));
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            drop(self.tasks.swap_remove(index));
        }
        true
    }

    /// Whether a task with this name is unfinished.
    pub fn has(&self, name: &str) -> bool {
        self.tasks.iter().any(|task| task.name == name)
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.tasks.iter().map(|task| task.name).collect()
    }
}

/// A future that is dropped at one poll in `rarity` at which it is not ready; `None` then.
pub async fn fickle<F: Future>(rarity: u32, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if fastrand::u32(..rarity) == 0 => {
            DROPPED_FUTURES.count();
            Poll::Ready(None)
        }
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Lets the others go first.
pub async fn pass() {
    let mut has_passed = false;
    std::future::poll_fn(move |context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut has_passed, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
