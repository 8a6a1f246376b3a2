//! `quipu dlq import`.

use std::path::PathBuf;

use anyhow::Result;
use quipu::ingest::dead_letters::{LettersFile, import_files, import_kafka};
use quipu::ingest::kafka::batch::OnCorrupt;
use quipu::ingest::{KafkaRunOptions, PipelineOptions};
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::commands::ingest::KafkaArgs;
use crate::commands::ingest::attend::{self, Remaining, Watch};
use crate::failure::UsageError;

/// Arguments of `quipu dlq import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files of letters, one JSON object a line; a file that is in the store already adds nothing. Without files the
    /// letters are read from the Kafka topics that --topic names
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    kafka: KafkaArgs,
}

pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let store = global.store_path();
    let watch = Watch::default();
    let counts = if args.files.is_empty() {
        if args.kafka.first_topic().is_none() {
            return Err(UsageError(
                "name files of letters, or with --topic the Kafka topic that letters lie on".to_owned(),
            )
            .into());
        }
        let options = KafkaRunOptions {
            source: args.kafka.options()?,
            on_corrupt: OnCorrupt::default(),
            pipeline: PipelineOptions::default(),
        };
        attend::run(runtime, Remaining::Records, &watch, move |run| {
            Ok(import_kafka(
                store,
                options,
                &run.stop,
                &run.progress,
                |notice| {
                    run.notify(notice);
                },
            )?)
        })?
    } else {
        let topic = args.kafka.first_topic().map(str::to_owned);
        let files: Vec<LettersFile> = args
            .files
            .iter()
            .map(|path| match &topic {
                Some(topic) => LettersFile::new(path).with_topic(topic.as_str()),
                None => LettersFile::new(path),
            })
            .collect();
        attend::run(runtime, Remaining::Bytes, &watch, move |run| {
            Ok(import_files(
                store,
                &files,
                PipelineOptions::default(),
                &run.stop,
                &run.progress,
            )?)
        })?
    };
    attend::say_summary(&counts);
    Ok(())
}
