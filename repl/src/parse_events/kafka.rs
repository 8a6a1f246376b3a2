//! Kafka topics as the source.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use quipu::ingest::kafka::{KafkaOptions, StartFrom, Until};
use quipu::ingest::records::{RecordsEvent, RecordsOptions, read_records};
use quipu::ingest::{IngestError, Notice, Stop};

use super::cli::Args;
use super::job::Job;
use super::pool::{self, Jobs};
use super::printer::Printer;
use super::say;
use super::signals::Signals;
use crate::failure::OutputError;

/// How long brokers are waited for at the start.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a broker may be silent while there are records left to read.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How many times as far back it is looked when too few messages were found.
const WIDER: u64 = 8;

/// Prints the messages of the topics.
pub(super) fn run(args: &Args) -> Result<()> {
    let mut options = args.kafka()?;
    options.startup_timeout = STARTUP_TIMEOUT;
    options.until = if args.tail { Until::Follow } else { Until::End };
    say(&banner(args, &options));
    if args.limit == Some(0) {
        Printer::new(args).account.tell();
        return Ok(());
    }
    let signals = Signals::listen()?;
    // Offsets without a message, and partitions of different age, are why the newest messages may lie farther back.
    let mut back = args
        .last
        .map(|last| last as u64)
        .filter(|_| !args.choice().looks_inside());
    loop {
        options.from = match back {
            _ if args.tail => StartFrom::Latest,
            Some(offsets) => StartFrom::BeforeEnd(offsets),
            None => StartFrom::Earliest,
        };
        let mut printer = Printer::new(args);
        let (jobs, pieces) = pool::start(args)?;
        let reading = Reading::start(args, options.clone(), jobs, &signals.stop)?;
        let mut printed = Ok(ControlFlow::Continue(()));
        for piece in pieces {
            printed = printer.take(&piece);
            if !matches!(printed, Ok(ControlFlow::Continue(()))) {
                break;
            }
        }
        if printer.is_satisfied() {
            printer.finish()?;
            printer.account.tell();
            return Ok(());
        }
        if let Err(error) = printed {
            if !error.is::<OutputError>() {
                printer.account.tell();
            }
            return Err(error);
        }
        let is_cut_off = reading.is_cut_off.load(Ordering::Acquire);
        let ended = reading.end();
        let too_few = args.last.is_some_and(|last| printer.newest_count() < last);
        if let Some(offsets) = back
            && ended.is_ok()
            && too_few
            && is_cut_off
            && !signals.stop.is_raised()
        {
            back = Some(offsets.max(1).saturating_mul(WIDER));
            continue;
        }
        printer.finish()?;
        printer.account.tell();
        ended?;
        if signals.stop.is_raised() && !args.tail {
            return Err(anyhow!("interrupted before the end of the topics"));
        }
        return Ok(());
    }
}

fn banner(args: &Args, options: &KafkaOptions) -> String {
    let brokers: Vec<String> = options.brokers.iter().map(ToString::to_string).collect();
    let topics = if options.topics.is_empty() {
        "the default topics".to_owned()
    } else {
        format!("topic {}", options.topics.join(", "))
    };
    let mode = match (args.tail, args.last) {
        (true, _) => "from now on".to_owned(),
        (_, Some(last)) => format!("the newest {last} messages"),
        _ => "from beginning to the present end".to_owned(),
    };
    let limit = args
        .limit
        .map_or(String::new(), |limit| format!(", at most {limit} messages"));
    format!("Reading {topics} of {}, {mode}{limit}", brokers.join(","))
}

/// The thread that reads.
struct Reading {
    thread: thread::JoinHandle<Result<(), IngestError>>,
    /// Whether some partition begins before the place where reading began.
    is_cut_off: Arc<AtomicBool>,
}

impl Reading {
    fn start(args: &Args, source: KafkaOptions, mut jobs: Jobs, stop: &Stop) -> Result<Self> {
        let options = RecordsOptions {
            source,
            silence_max: (!args.tail).then_some(SILENCE_MAX),
        };
        let is_cut_off = Arc::new(AtomicBool::new(false));
        let (choice, stop, cut_off) = (args.choice(), stop.clone(), Arc::clone(&is_cut_off));
        let thread = thread::Builder::new()
            .name("read".to_owned())
            .spawn(move || {
                read_records(options, &stop, |event| {
                    match event {
                        RecordsEvent::Opened {
                            start_offset,
                            log_start,
                            partition,
                        } => {
                            let is_wanted = choice.has_partition(partition.partition.0);
                            if is_wanted && start_offset > log_start {
                                cut_off.store(true, Ordering::Release);
                            }
                        }
                        RecordsEvent::Notice(Notice::Info(text)) => say(&text),
                        RecordsEvent::Notice(Notice::Warning(text)) => say(&format!("warning: {text}")),
                        RecordsEvent::Fetched(fetched) => {
                            let is_wanted = choice.has_partition(fetched.partition.log.partition.0);
                            if is_wanted && !jobs.send(Job::Fetched(fetched)) {
                                return ControlFlow::Break(());
                            }
                        }
                    }
                    ControlFlow::Continue(())
                })
            })
            .context("cannot start a thread")?;
        Ok(Self { thread, is_cut_off })
    }

    /// How reading ended.
    fn end(self) -> Result<(), IngestError> {
        self.thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
