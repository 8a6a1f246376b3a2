//! One simulation: a log, a clock, a disk with faults and an index that is harmed, over several lives of an ingester.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quipu_disk::{Dice, FaultyDisk, Loss, Plan, Trust};
use quipu_ingest::{Clock, FlushPolicy, IngestError, Pipeline, PipelineOptions, Progress};
use quipu_store::sequence::BookOptions;
use quipu_store::{StoreErrorKind, Syncing, WriterOptions};

use crate::account::{Account, Positions};
use crate::book::{self, Harm};
use crate::log::{self, Partition};
use crate::seen::{self, Found, compare};
use crate::source::{Source, stored};

/// What happened in a simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) lives: usize,
    pub(crate) commits: u64,
    /// Calls to the disk.
    pub(crate) calls: usize,
    /// Those that met a fault.
    pub(crate) faults: usize,
    pub(crate) deaths: usize,
    pub(crate) power_losses: usize,
    /// Commits that failed and are there all the same.
    pub(crate) doubts_confirmed: usize,
    pub(crate) harms: usize,
    /// Of all calls and what became of them.
    pub(crate) hash: u64,
}

struct World {
    dice: Dice,
    trust: Trust,
    log: Vec<Partition>,
    folder: tempfile::TempDir,
    disk: FaultyDisk,
    options: PipelineOptions,
    now_ms: Arc<AtomicU64>,
    progress: Arc<Progress>,
    /// Where the store is for certain.
    certain: Positions,
    /// Where it may be instead, after a commit that failed.
    doubt: Option<Positions>,
    summary: Summary,
    hasher: DefaultHasher,
}

/// Runs a simulation to its end.
pub(crate) fn simulate(seed: u64, trust: Trust) -> Found<Summary> {
    let mut world = World::new(seed, trust);
    for _ in 0..2 + world.dice.below(6) {
        // Fewer calls than a life makes on average, so that most faults meet one.
        let plan = Plan::drawn(&mut world.dice, 120, 3);
        world.live(plan, false)?;
        world.end()?;
        world.harm_the_book();
    }
    world.live(Plan::none(), true)?;
    world.end()?;
    let ends = world
        .log
        .iter()
        .map(|partition| (partition.number(), partition.end()));
    if world.certain != ends.collect() {
        return Err(format!("the store ends at {:?}", world.certain));
    }
    world.summary.commits = world.progress.counts().commits;
    world.summary.hash = world.hasher.finish();
    Ok(world.summary)
}

impl World {
    fn new(seed: u64, trust: Trust) -> Self {
        let mut dice = Dice::new(seed);
        let log = {
            let (partitions, entries) = (1 + dice.below(3), 50 + dice.below(250));
            log::draw(&mut dice, partitions, entries)
        };
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(folder.path());
        let (now_ms, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let clock = Arc::clone(&now_ms);
        let options = PipelineOptions {
            flush: FlushPolicy {
                rows_max: *dice.one_of(&[20, 60, 500_000]),
                pressed_rows: *dice.one_of(&[5, 30, 65_536]),
                ..FlushPolicy::default()
            },
            book: BookOptions {
                hot_threads_max: *dice.one_of(&[1, 4, 1_000_000, 1_000_000, 1_000_000]),
                ..BookOptions::default()
            },
            // One thread, so that the calls to the disk come in the same order every time.
            writer: WriterOptions {
                encoding_threads_max: NonZeroUsize::MIN,
                syncing: Syncing::OneByOne,
                disk: Arc::new(disk.clone()),
            },
            clock: Clock::new(move || start + Duration::from_millis(clock.load(Ordering::Relaxed))),
            ..PipelineOptions::default()
        };
        Self {
            dice,
            trust,
            log,
            folder,
            disk,
            options,
            now_ms,
            progress: Arc::new(Progress::default()),
            certain: Positions::new(),
            doubt: None,
            summary: Summary::default(),
            hasher: DefaultHasher::new(),
        }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// One life of the ingester, which ends with the first error, at some moment, or with the log.
    fn live(&mut self, plan: Plan, to_the_end: bool) -> Found<()> {
        self.summary.lives += 1;
        self.disk.start(plan.with_trust(self.trust));
        let opened = Pipeline::open(self.store(), self.options.clone(), Arc::clone(&self.progress));
        let mut pipeline = match opened {
            Ok(pipeline) => pipeline,
            Err(error) => return self.is_the_disks_fault(&error),
        };
        // Opening makes durable what it builds on.
        let stored_now = stored(&pipeline);
        self.must_be(&stored_now)?;
        (self.certain, self.doubt) = (stored_now, None);
        let log = self.log.clone();
        let mut source = Source::open(&log, &mut pipeline, &mut self.dice);
        if let Err(error) = self.feed(&mut pipeline, &mut source, to_the_end) {
            self.doubt = Some(source.taken(&pipeline));
            return self.is_the_disks_fault(&error);
        }
        if !to_the_end && self.dice.once_in(2) {
            // Killed: what was not committed is gone.
            return Ok(());
        }
        let taken = source.taken(&pipeline);
        match pipeline.close() {
            Ok(()) => self.certain = taken,
            Err(error) => {
                self.doubt = Some(taken);
                self.is_the_disks_fault(&error)?;
            }
        }
        Ok(())
    }

    fn feed(
        &mut self,
        pipeline: &mut Pipeline,
        source: &mut Source<'_>,
        to_the_end: bool,
    ) -> Result<(), IngestError> {
        loop {
            let unread = source.unread();
            if unread.is_empty() || !to_the_end && self.dice.once_in(20) {
                return Ok(());
            }
            let partition = *self.dice.one_of(&unread);
            for _ in 0..=self.dice.below(30) {
                if source.unread().contains(&partition) {
                    source.hand(partition, pipeline)?;
                    self.certain = stored(pipeline);
                }
            }
            let passed = self.dice.number() % 2_500;
            self.now_ms.fetch_add(passed, Ordering::Relaxed);
            if pipeline.flush_due() {
                pipeline.flush()?;
                self.certain = stored(pipeline);
            }
        }
    }

    /// What an error may be: the disk refused, and nothing else.
    fn is_the_disks_fault(&self, error: &IngestError) -> Found<()> {
        let kind = match error {
            IngestError::Store(error) => Some(error.kind()),
            _ => None,
        };
        let refused = matches!(kind, Some(StoreErrorKind::Io | StoreErrorKind::Poisoned));
        if refused && !self.disk.faulted().is_empty() {
            Ok(())
        } else {
            Err(format!("{error} ({error:?})"))
        }
    }

    /// The end of a life: perhaps the power fails. Then the store is compared with what the log says.
    fn end(&mut self) -> Found<()> {
        for call in self.disk.calls() {
            // Names of unfinished files end with what is not the same in every run.
            let path = call.path.to_string_lossy();
            let path = path.split_once(".tmp-").map_or(&*path, |(folder, _)| folder);
            (call.op, call.outcome, path).hash(&mut self.hasher);
            self.summary.calls += 1;
        }
        self.summary.faults += self.disk.faulted().len();
        self.summary.deaths += usize::from(self.disk.is_dead());
        if let [first, ..] = &self.disk.writes_after_a_failed_sync()[..] {
            return Err(format!("{first:?} comes after a sync that failed"));
        }
        let loss = match self.dice.below(4) {
            0 => Some(Loss::Unsynced),
            1 => Some(Loss::Some(self.dice.number())),
            _ => None,
        };
        if let Some(loss) = loss {
            self.disk.power_loss(loss);
            self.summary.power_losses += 1;
        }
        let snapshot = seen::snapshot(&self.store())?;
        let seen = snapshot.as_ref().map(seen::positions).unwrap_or_default();
        self.must_be(&seen)?;
        self.summary.doubts_confirmed += usize::from(seen != self.certain);
        if let Some(snapshot) = snapshot {
            compare(&seen::account(&snapshot)?, &Account::of(&self.log, &seen))?;
        }
        if loss.is_some() {
            (self.certain, self.doubt) = (seen, None);
        }
        Ok(())
    }

    /// All partitions are where one commit has them.
    fn must_be(&self, seen: &Positions) -> Found<()> {
        if *seen == self.certain || self.doubt.as_ref() == Some(seen) {
            return Ok(());
        }
        Err(format!(
            "the store is at {seen:?}, though {:?} was committed and {:?} was tried",
            self.certain, self.doubt
        ))
    }

    fn harm_the_book(&mut self) {
        let (store, earlier) = (self.store(), self.folder.path().join("earlier"));
        if self.dice.once_in(2) {
            let harm = *self.dice.one_of(&Harm::ALL);
            harm.befall(&store, &earlier, &mut self.dice);
            self.summary.harms += usize::from(harm != Harm::Nothing);
        }
        if self.dice.once_in(3) {
            book::copy(&store.join("book"), &earlier);
        }
    }
}
