//! Ctrl-C: the first ends the reading, the second the program.

use std::thread;

use anyhow::{Context, Result};
use quipu::ingest::Stop;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a program that a signal ended (128 + SIGINT).
const KILLED: i32 = 130;

/// What listens for SIGINT and SIGTERM, for the rest of the process.
#[derive(Debug)]
pub(super) struct Signals {
    /// Raised by the first signal.
    pub(super) stop: Stop,
}

impl Signals {
    pub(super) fn listen() -> Result<Self> {
        let stop = Stop::default();
        let raised = stop.clone();
        let runtime = Builder::new_current_thread()
            .enable_io()
            .build()
            .context("cannot listen for signals")?;
        let (mut interrupt, mut terminate) = {
            let _entered = runtime.enter();
            let listen = |kind| signal(kind).context("cannot listen for signals");
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?)
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    loop {
                        tokio::select! {
                            _ = interrupt.recv() => {}
                            _ = terminate.recv() => {}
                        }
                        if raised.is_raised() {
                            end_at_once();
                        }
                        raised.raise();
                    }
                });
            })
            .context("cannot listen for signals")?;
        Ok(Self { stop })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "asked for twice, and nothing is held that would be left behind"
)]
fn end_at_once() -> ! {
    std::process::exit(KILLED)
}
