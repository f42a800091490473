//! Signals that end a program: Ctrl-C, and SIGTERM where it exists. [`Signals`] is for tokio, [`watch`] for mio.

use std::io::Result;

#[cfg(unix)]
use mio::{Interest, Registry, Token, net::UnixStream};
#[cfg(unix)]
use signal_hook::consts::{SIGINT, SIGTERM};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// Listens from the beginning, so that no signal is missed between two calls of [`recv`](Self::recv).
pub struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(windows)]
    interrupt: CtrlC,
}

impl Signals {
    /// Begins to listen. The signals don't end the program by themselves any more.
    ///
    /// # Errors
    /// The system can't listen.
    pub fn new() -> Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(windows)]
            interrupt: ctrl_c()?,
        })
    }

    /// Waits for a signal. Dropping the future loses none.
    pub async fn recv(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(windows)]
        self.interrupt.recv().await;
    }
}

/// Has `registry` report signals as `token`: they come as bytes in this pipe, as long as it is there. They don't end the program by themselves any more.
///
/// # Errors
/// The system can't listen.
#[cfg(unix)]
pub fn watch(registry: &Registry, token: Token) -> Result<UnixStream> {
    let (signals, sender) = std::os::unix::net::UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    signals.set_nonblocking(true)?;
    let mut signals = UnixStream::from_std(signals);
    registry.register(&mut signals, token, Interest::READABLE)?;
    Ok(signals)
}
