//! Several workers, whose pieces come out in the order in which their jobs went in.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, Result};

use super::cli::Args;
use super::job::Job;
use super::piece::Piece;
use super::worker::Worker;

/// Most workers. Above this the printer is what is waited for.
const WORKERS_MAX: usize = 4;

/// Jobs, and pieces, that wait for each worker.
const WAITING_MAX: usize = 2;

/// Deals jobs to the workers in turn.
#[derive(Debug)]
pub(super) struct Jobs {
    senders: Vec<SyncSender<Job>>,
    turn: usize,
}

impl Jobs {
    /// Hands a job out; false when nobody wants pieces any more.
    pub(super) fn send(&mut self, job: Job) -> bool {
        let turn = self.turn % self.senders.len();
        self.turn += 1;
        self.senders[turn].send(job).is_ok()
    }
}

/// Takes the pieces in the order of their jobs.
#[derive(Debug)]
pub(super) struct Pieces {
    receivers: Vec<Receiver<Piece>>,
    turn: usize,
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let turn = self.turn % self.receivers.len();
        self.turn += 1;
        // Jobs are dealt in turn: the first worker without one is the end.
        self.receivers[turn].recv().ok()
    }
}

/// Starts the workers.
pub(super) fn start(args: &Args) -> Result<(Jobs, Pieces)> {
    let workers = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(WORKERS_MAX);
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for _ in 0..workers {
        let (sender, jobs) = sync_channel::<Job>(WAITING_MAX);
        let (pieces, receiver) = sync_channel(WAITING_MAX);
        let mut worker = Worker::new(args);
        thread::Builder::new()
            .name("decode".to_owned())
            .spawn(move || {
                for job in jobs {
                    if pieces.send(worker.work(job)).is_err() {
                        return;
                    }
                }
            })
            .context("cannot start a thread")?;
        senders.push(sender);
        receivers.push(receiver);
    }
    Ok((Jobs { senders, turn: 0 }, Pieces { receivers, turn: 0 }))
}
