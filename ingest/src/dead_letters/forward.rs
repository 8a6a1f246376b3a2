//! Forwarding letters to a Kafka topic, in the form that other tools for dead letters read.
//!
//! ```text
//! commit --(segments of letters)--> waiting --> one by one, up to three attempts each --> topic
//!                     full: dropped --'                    all failed: a failure
//! ```
//!
//! Only what is committed is forwarded, and what waits is a name of a segment, not the letters. A letter that cannot be
//! forwarded is not lost: it is in the store, and [`forward`] can send it later. One that is told as sent may be on the
//! topic twice, as an attempt whose answer was lost is repeated.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use quipu_proto::Table;
use quipu_store::{Segment, Snapshot};
use tokio::sync::watch;

use crate::clock::now_us;
use crate::dead_letters::form::library_letter;
use crate::dead_letters::index::segment_letters;
use crate::dead_letters::{Letter, LetterChoice, LetterIndex};
use crate::error::{IngestError, Result};
use crate::kafka::ConnectOptions;
use crate::kafka::address::BrokerAddress;
use crate::kafka::produce::{Producer, wait_before_retry};
use crate::progress::{ForwardCounts, Progress};

/// Where letters are forwarded to, and how hard it is tried.
#[derive(Clone, Debug)]
pub struct ForwardOptions {
    /// Brokers to ask first.
    pub brokers: Vec<BrokerAddress>,
    /// The topic. It must exist.
    pub topic: String,
    /// Who the letters say found them. Default `quipu`.
    pub consumer_id: String,
    /// Attempts for each letter, from 1 to 20. Default 3. Between two lies a wait of 100 ms, doubled each time up to
    /// 5 s, and up to a quarter more.
    pub attempts_max: u32,
    /// Time for one attempt. Default 5 s.
    pub attempt_timeout: Duration,
    /// Commits whose letters may wait; those of further ones are dropped. Default 100.
    pub commits_waiting_max: usize,
    /// How long the end of a run waits for letters that are still to be sent; then they are dropped. Default 10 s.
    pub close_timeout: Duration,
    /// How connections are made.
    pub connect: ConnectOptions,
}

impl ForwardOptions {
    /// The defaults for that topic.
    pub fn new(brokers: Vec<BrokerAddress>, topic: impl Into<String>) -> Self {
        Self {
            brokers,
            topic: topic.into(),
            consumer_id: "quipu".to_owned(),
            attempts_max: 3,
            attempt_timeout: Duration::from_secs(5),
            commits_waiting_max: 100,
            close_timeout: Duration::from_secs(10),
            connect: ConnectOptions::default(),
        }
    }
}

/// Forwards letters of a snapshot now, in the order of their places, and counts them in `progress`.
///
/// # Errors
/// A segment that cannot be read, or no runtime. A letter that cannot be sent is counted and is no error.
pub fn forward(
    snapshot: &Snapshot,
    choice: &LetterChoice,
    options: &ForwardOptions,
    progress: &Arc<Progress>,
) -> Result<ForwardCounts> {
    let runtime = runtime()?;
    let mut sending = Sending::new(options.clone(), Arc::clone(progress));
    for letters in LetterIndex::read(snapshot)?.letters(choice) {
        for letter in letters? {
            runtime.block_on(sending.send(&letter));
        }
    }
    Ok(progress.forwarded())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(IngestError::Runtime)
}

/// Letters that one commit made durable.
struct Committed {
    /// Keeps the files.
    snapshot: Snapshot,
    segments: Vec<Arc<Segment>>,
}

/// Forwards the letters of commits beside the pipeline, in a thread of its own.
#[derive(Debug)]
pub(crate) struct Forwarder {
    /// None once no more is to come.
    waiting: Option<SyncSender<Committed>>,
    done: Receiver<()>,
    give_up: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    close_timeout: Duration,
    progress: Arc<Progress>,
}

impl std::fmt::Debug for Committed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committed").finish_non_exhaustive()
    }
}

impl Forwarder {
    pub(crate) fn start(options: ForwardOptions, progress: Arc<Progress>) -> Result<Self> {
        let (waiting, committed) = sync_channel::<Committed>(options.commits_waiting_max);
        let (ended, done) = sync_channel(1);
        let (give_up, given_up) = watch::channel(false);
        let close_timeout = options.close_timeout;
        let runtime = runtime()?;
        let mut sending = Sending::new(options, Arc::clone(&progress));
        let thread = std::thread::Builder::new()
            .name("quipu-forward".to_owned())
            .spawn(move || {
                for commit in committed {
                    sending.send_commit(&runtime, &commit, &given_up);
                }
                let _ = ended.send(());
            })
            .map_err(IngestError::Runtime)?;
        Ok(Self {
            waiting: Some(waiting),
            done,
            give_up,
            thread: Some(thread),
            close_timeout,
            progress,
        })
    }

    /// Takes the letters of a commit, if it made any. Never waits.
    pub(crate) fn offer(&self, snapshot: impl FnOnce() -> Snapshot, segments: &[Arc<Segment>]) {
        let segments: Vec<_> = segments
            .iter()
            .filter(|segment| segment.table == Table::DeadLetters)
            .cloned()
            .collect();
        let letters: u64 = segments.iter().map(|segment| segment.rows).sum();
        if letters == 0 {
            return;
        }
        let committed = Committed {
            snapshot: snapshot(),
            segments,
        };
        let taken = self
            .waiting
            .as_ref()
            .is_some_and(|waiting| waiting.try_send(committed).is_ok());
        if !taken {
            tracing::warn!(
                letters,
                "too many commits wait for their letters to be forwarded; these are not"
            );
            self.progress.forward_dropped(letters);
        }
    }

    /// Sends what is left, for as long as the options say.
    pub(crate) fn close(mut self) {
        self.waiting = None;
        if let Err(RecvTimeoutError::Timeout) = self.done.recv_timeout(self.close_timeout) {
            tracing::warn!("letters that are still to be forwarded are given up; they are in the store");
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.waiting = None;
        self.give_up.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic there was told already, and nothing of the store depends on it.
            let _ = thread.join();
        }
    }
}

/// Sends letters one after the other, and counts.
struct Sending {
    producer: Producer,
    consumer_id: String,
    attempts_max: u32,
    progress: Arc<Progress>,
}

impl Sending {
    fn new(options: ForwardOptions, progress: Arc<Progress>) -> Self {
        Self {
            producer: Producer::new(
                options.brokers,
                &options.topic,
                options.connect,
                options.attempt_timeout,
            ),
            consumer_id: options.consumer_id,
            attempts_max: options.attempts_max.clamp(1, 20),
            progress,
        }
    }

    fn send_commit(
        &mut self,
        runtime: &tokio::runtime::Runtime,
        commit: &Committed,
        given_up: &watch::Receiver<bool>,
    ) {
        let mut left: u64 = commit.segments.iter().map(|segment| segment.rows).sum();
        for segment in &commit.segments {
            let letters = segment_letters(commit.snapshot.path_of(segment), segment);
            let sent = letters.and_then(|batches| {
                for letters in batches {
                    for letter in letters? {
                        let mut given_up = given_up.clone();
                        runtime.block_on(async {
                            tokio::select! {
                                biased;
                                _ = given_up.wait_for(|given_up| *given_up) => {}
                                () = self.send(&letter) => left -= 1,
                            }
                        });
                        if *given_up.borrow() {
                            return Ok(());
                        }
                    }
                }
                Ok(())
            });
            if let Err(error) = sent {
                tracing::warn!(%error, "letters cannot be read, so that they are not forwarded");
            }
        }
        self.progress.forward_dropped(left);
    }

    async fn send(&mut self, letter: &Letter) {
        let told = library_letter(letter, &self.consumer_id, now_us());
        let value = told.to_json();
        for attempt in 0..self.attempts_max {
            if attempt > 0 {
                tokio::time::sleep(wait_before_retry(attempt)).await;
            }
            match self
                .producer
                .send(told.key(), value.clone(), now_us() / 1_000)
                .await
            {
                Ok(()) => return self.progress.forward_sent(),
                Err(error) => {
                    self.progress.forward_attempt_failed();
                    tracing::warn!(place = %letter.place, attempt = attempt + 1, %error, "a letter was not forwarded");
                }
            }
        }
        self.progress.forward_failed();
    }
}
