//! Runs of the ingester, here or in a child.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quipu_ingest::kafka::address::BrokerAddress;
use quipu_ingest::kafka::batch::OnCorrupt;
use quipu_ingest::kafka::{KafkaOptions, Until};
use quipu_ingest::{
    FlushPolicy, IngestError, KafkaRunOptions, Notice, PipelineOptions, Progress, ProgressCounts, Stop,
    ingest_kafka,
};
use quipu_store::Reader;
use quipu_store::sequence::BookOptions;

use crate::child::{self, Process};

/// What a run over Kafka is told.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// Brokers, separated by commas.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// Whether it ends where the topic ends; else it follows.
    pub until_end: bool,
    /// Rows that make a commit due.
    pub rows_max: usize,
    /// Age of the oldest row that makes a commit due.
    pub age_max: Duration,
    /// Threads that the sequence book keeps in memory.
    pub hot_threads_max: usize,
}

impl Ingest {
    /// A run to the end of a topic, with a few large commits.
    #[must_use]
    pub fn to_end(brokers: &str, topic: &str) -> Self {
        let FlushPolicy {
            rows_max, age_max, ..
        } = FlushPolicy::default();
        Self {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            until_end: true,
            rows_max,
            age_max,
            hot_threads_max: BookOptions::default().hot_threads_max,
        }
    }

    /// A run that follows, and commits so often.
    #[must_use]
    pub fn following(brokers: &str, topic: &str, rows_max: usize, age_max: Duration) -> Self {
        Self {
            until_end: false,
            rows_max,
            age_max,
            ..Self::to_end(brokers, topic)
        }
    }

    /// The settings as the library takes them.
    #[must_use]
    pub fn options(&self) -> KafkaRunOptions {
        let mut source = KafkaOptions::new(BrokerAddress::parse_list(&self.brokers).unwrap());
        source.topics = vec![self.topic.clone()];
        source.until = if self.until_end { Until::End } else { Until::Follow };
        let mut pipeline = PipelineOptions::default();
        pipeline.flush.rows_max = self.rows_max;
        pipeline.flush.age_max = self.age_max;
        pipeline.book.hot_threads_max = self.hot_threads_max;
        KafkaRunOptions {
            source,
            on_corrupt: OnCorrupt::default(),
            pipeline,
        }
    }

    /// Runs it here.
    ///
    /// # Panics
    /// Where the run fails.
    pub fn run(&self, store: &Path) -> ProgressCounts {
        let progress = Arc::new(Progress::default());
        ingest_kafka(store, self.options(), &Stop::default(), &progress, |_| {}).unwrap()
    }

    /// Runs it in a child whose role is a test function that calls [`role`].
    #[must_use]
    pub fn spawn(&self, role: &str, store: &Path) -> Process {
        child::spawn(
            role,
            &[
                store.to_str().unwrap(),
                &self.brokers,
                &self.topic,
                &self.until_end.to_string(),
                &self.rows_max.to_string(),
                &self.age_max.as_millis().to_string(),
                &self.hot_threads_max.to_string(),
            ],
        )
    }

    fn of(arguments: &[String]) -> Self {
        Self {
            brokers: arguments[1].clone(),
            topic: arguments[2].clone(),
            until_end: arguments[3].parse().unwrap(),
            rows_max: arguments[4].parse().unwrap(),
            age_max: Duration::from_millis(arguments[5].parse().unwrap()),
            hot_threads_max: arguments[6].parse().unwrap(),
        }
    }
}

/// The role of a child that ingests: until the end, or until SIGTERM. Says `ready` once it listens to that, `records N` and `commits N` as both grow,
/// and `warning TEXT` for each warning. Does nothing in a process that is no child.
///
/// # Panics
/// Where the run fails.
pub fn role() {
    let Some(arguments) = child::arguments() else {
        return;
    };
    let stop = Stop::default();
    stop_at_sigterm(&stop);
    child::say("ready");
    child::with_parent(|| std::process::exit(1));
    let progress = Arc::new(Progress::default());
    tell(&progress);
    let notify = |notice| {
        if let Notice::Warning(text) = notice {
            child::say(&format!("warning {text}"));
        }
    };
    let run: Result<ProgressCounts, IngestError> = ingest_kafka(
        &arguments[0],
        Ingest::of(&arguments).options(),
        &stop,
        &progress,
        notify,
    );
    let counts = run.unwrap();
    child::say(&format!("records {}", counts.records));
}

fn stop_at_sigterm(stop: &Stop) {
    let stop = stop.clone();
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut signal =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
            ready.send(()).unwrap();
            signal.recv().await;
            stop.raise();
        });
    });
    is_ready.recv().unwrap();
}

fn tell(progress: &Arc<Progress>) {
    let progress = Arc::clone(progress);
    std::thread::spawn(move || {
        let mut told = ProgressCounts::default();
        loop {
            let counts = progress.counts();
            if counts.records != told.records {
                child::say(&format!("records {}", counts.records));
            }
            if counts.commits != told.commits {
                child::say(&format!("commits {}", counts.commits));
            }
            told = counts;
            std::thread::sleep(Duration::from_millis(5));
        }
    });
}

/// Number of the newest manifest of a store; 0 where there is none yet. Cheap: reads names only.
#[must_use]
pub fn newest_manifest(store: &Path) -> u64 {
    let Ok(names) = std::fs::read_dir(store.join("manifest")) else {
        return 0;
    };
    names
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .to_str()?
                .strip_suffix(".manifest")?
                .parse()
                .ok()
        })
        .max()
        .unwrap_or(0)
}

/// Sum of the next offsets of all partitions of a topic in a store; 0 where there is no store yet.
///
/// # Panics
/// Where the store is damaged.
#[must_use]
pub fn stored_offsets(store: &Path, topic: &str) -> i64 {
    let Ok(reader) = Reader::open(store) else { return 0 };
    let snapshot = reader.snapshot().unwrap();
    let states = snapshot.manifest().partitions.iter();
    states
        .filter(|state| &*state.log.log.topic == topic)
        .map(|state| state.next_offset.0)
        .sum()
}
