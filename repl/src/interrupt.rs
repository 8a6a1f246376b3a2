//! Ctrl-C at the prompt: gives up the running query, and nothing else.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Whether the user wants the running query to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    pressed: AtomicBool,
    notify: Notify,
}

impl Interrupt {
    /// Takes over SIGINT for the rest of the process. It is listened for on a thread of its own: all threads of the
    /// runtime may be deep in a query, which is when somebody presses Ctrl-C.
    pub(crate) fn listen() -> Result<Self> {
        let interrupt = Self::default();
        let listener = interrupt.clone();
        let runtime = Builder::new_current_thread()
            .enable_io()
            .build()
            .context("cannot listen for SIGINT")?;
        let mut signals = {
            let _entered = runtime.enter();
            signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?
        };
        thread::Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    while signals.recv().await.is_some() {
                        listener.press();
                    }
                });
            })
            .context("cannot listen for SIGINT")?;
        Ok(interrupt)
    }

    fn press(&self) {
        self.shared.pressed.store(true, Ordering::Release);
        self.shared.notify.notify_waiters();
    }

    /// Forgets what was pressed before.
    pub(crate) fn clear(&self) {
        self.shared.pressed.store(false, Ordering::Release);
    }

    /// Whether the user wants to stop.
    pub(crate) fn is_pressed(&self) -> bool {
        self.shared.pressed.load(Ordering::Acquire)
    }

    /// Waits until the user wants to stop.
    pub(crate) async fn pressed(&self) {
        loop {
            // Registered before looking, so that a press in between is not missed.
            let notified = self.shared.notify.notified();
            if self.is_pressed() {
                return;
            }
            notified.await;
        }
    }
}

/// An output that refuses to go on once the user wants to stop: a result may take longer to print than to compute.
#[derive(Debug)]
pub(crate) struct Interruptible<W> {
    inner: W,
    interrupt: Interrupt,
}

impl<W: Write> Interruptible<W> {
    /// Wraps an output.
    pub(crate) fn new(inner: W, interrupt: Interrupt) -> Self {
        Self { inner, interrupt }
    }

    fn check(&self) -> io::Result<()> {
        if self.interrupt.is_pressed() {
            // Not `ErrorKind::Interrupted`, which asks for another try.
            return Err(io::Error::other("stopped by the user"));
        }
        Ok(())
    }
}

impl<W: Write> Write for Interruptible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_stops_once_pressed_and_goes_on_after_clear() {
        let interrupt = Interrupt::default();
        let mut out = Interruptible::new(Vec::new(), interrupt.clone());
        out.write_all(b"a").unwrap();
        interrupt.press();
        assert!(out.write_all(b"b").is_err());
        assert!(out.flush().is_err());
        interrupt.clear();
        out.write_all(b"c").unwrap();
        assert_eq!(out.inner, b"ac");
    }

    #[tokio::test]
    async fn a_press_before_waiting_is_not_missed() {
        let interrupt = Interrupt::default();
        interrupt.press();
        interrupt.pressed().await;
    }
}
