//! `quipu status`: how a store is, at rest or in use.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use clap::ValueEnum;
use quipu::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use quipu::ingest::kafka::{KafkaEnv, end_offsets};
use quipu::proto::LogPartition;
use quipu::{Completeness, Status};
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::failure::{OutputError, one_line};
use crate::output::{self, Format, Style};
use crate::query::{Output, Query};

const EXAMPLES: &str = "\
Examples:
  quipu status
  quipu status --brokers localhost:9092           with the lag as of now
  quipu status --format json | jq .completeness.ratio";

/// How long brokers have to tell where their logs end.
const BROKERS_WAIT: Duration = Duration::from_secs(3);

/// Arguments of `quipu status`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Brokers to ask where the logs end now, separated by commas [default: $KAFKA_BROKERS, else none are asked]
    #[arg(short, long, value_name = "HOST:PORT", value_parser = super::ingest::brokers)]
    brokers: Option<String>,

    /// Text for people, or one JSON object
    #[arg(long, value_enum, default_value_t = StatusFormat::Text, value_name = "FORMAT")]
    format: StatusFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusFormat {
    /// Lines and tables
    Text,
    /// One JSON object
    Json,
}

/// Letters by reason, those that a retry resolved left out.
const DEAD_LETTERS: &str =
    "select reason, count(*) as dead_letters from open_dead_letters group by reason order by reason";

/// Prints how the store is.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let query = Query::open(global)?;
    let status = query.quipu().status()?;
    let completeness = runtime.block_on(query.completeness())?;
    let (ends, trouble) = ends(args, &status);
    let partitions = partitions(&status, &ends)?;
    let tables = tables(&status)?;
    if let Some(trouble) = &trouble {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{trouble}");
    }
    let lag_of = if ends.is_empty() { "commit" } else { "now" };
    let mut out = query.output();
    match args.format {
        StatusFormat::Text => {
            let style = Style::for_stdout(Format::Table, true, "-".to_owned());
            for line in head(global, &status, &completeness) {
                out.line(&line)?;
            }
            print(&partitions, &style, &mut out)?;
            print(&tables, &style, &mut out)?;
            runtime.block_on(query.run(DEAD_LETTERS, &style, &mut out))?;
        }
        StatusFormat::Json => {
            let style = Style::for_stdout(Format::Json, true, String::new());
            let writer = status
                .writer
                .as_ref()
                .map_or_else(|| "null".to_owned(), |writer| format!("\"{writer}\""));
            out.text(&format!(
                "{{\"manifest\":{},\"committed_us\":{},\"writer\":{writer},\"disk_bytes\":{},\"lag_of\":\"{lag_of}\",\"completeness\":{},\n\
                 \"partitions\":",
                status.manifest,
                status.committed_us,
                status.disk_bytes,
                completeness.to_json()
            ))?;
            print(&partitions, &style, &mut out)?;
            out.text(",\"tables\":")?;
            print(&tables, &style, &mut out)?;
            out.text(",\"dead_letters\":")?;
            runtime.block_on(query.run(DEAD_LETTERS, &style, &mut out))?;
            out.line("}")?;
        }
    }
    out.flush()
}

/// The lines before the tables.
fn head(global: &Global, status: &Status, completeness: &Completeness) -> Vec<String> {
    let segments: u64 = status.tables.iter().map(|table| table.segments).sum();
    vec![
        format!("store      {}", global.store_path().display()),
        format!(
            "writer     {}",
            status
                .writer
                .as_ref()
                .map_or_else(|| "none".to_owned(), |writer| format!("process {writer}"))
        ),
        format!(
            "committed  manifest {}, {} ago",
            status.manifest,
            age(status.committed_us)
        ),
        format!(
            "disk       {} in {segments} segments and all else",
            size(status.disk_bytes)
        ),
        completeness.to_string(),
    ]
}

/// Where the logs end now, as far as brokers tell, and what to say where they do not.
fn ends(args: &Args, status: &Status) -> (HashMap<LogPartition, i64>, Option<String>) {
    let followed: Vec<LogPartition> = status
        .partitions
        .iter()
        .map(|partition| partition.log.clone())
        .filter(|log| !log.log.is_file())
        .collect();
    let named = args
        .brokers
        .clone()
        .or_else(|| std::env::var("KAFKA_BROKERS").ok());
    let Some(named) = named.filter(|named| !named.is_empty() && !followed.is_empty()) else {
        return (HashMap::new(), None);
    };
    let environment = KafkaEnv::from_lookup(|name| match name {
        "KAFKA_BROKERS" => Some(named.clone()),
        name => std::env::var(name).ok(),
    });
    let ends = environment
        .map_err(anyhow::Error::from)
        .and_then(|environment| Ok(end_offsets(&environment.options(), &followed, BROKERS_WAIT)?));
    match ends {
        Ok(ends) => (ends, None),
        Err(error) => {
            let said = one_line(&error.to_string());
            (
                HashMap::new(),
                Some(format!(
                    "brokers    do not answer, so lag is that of the last commit: {said}"
                )),
            )
        }
    }
}

fn partitions(status: &Status, ends: &HashMap<LogPartition, i64>) -> Result<RecordBatch> {
    let each = || status.partitions.iter();
    let end = |log: &LogPartition, committed: Option<i64>| ends.get(log).copied().or(committed);
    let high = || each().map(|state| end(&state.log, state.high_watermark.map(|offset| offset.0)));
    let lag = high()
        .zip(each())
        .map(|(high, state)| Some((high? - state.next_offset.0).max(0)));
    batch(vec![
        (
            "topic",
            Arc::new(StringArray::from_iter_values(
                each().map(|state| &*state.log.log.topic),
            )),
        ),
        (
            "incarnation",
            Arc::new(StringArray::from_iter_values(
                each().map(|state| &*state.log.log.incarnation),
            )),
        ),
        (
            "partition",
            Arc::new(Int32Array::from_iter_values(
                each().map(|state| state.log.partition.0),
            )),
        ),
        (
            "next_offset",
            Arc::new(Int64Array::from_iter_values(
                each().map(|state| state.next_offset.0),
            )),
        ),
        ("end_offset", Arc::new(Int64Array::from_iter(high()))),
        ("lag", Arc::new(Int64Array::from_iter(lag))),
        (
            "head",
            Arc::new(StringArray::from_iter_values(
                each().map(|state| state.head.as_str()),
            )),
        ),
    ])
}

fn tables(status: &Status) -> Result<RecordBatch> {
    let each = || status.tables.iter();
    let numbers = |number: fn(&quipu::TableUse) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(each().map(number)))
    };
    batch(vec![
        (
            "table",
            Arc::new(StringArray::from_iter_values(
                each().map(|used| used.table.name()),
            )),
        ),
        ("rows", numbers(|used| used.rows)),
        ("segments", numbers(|used| used.segments)),
        ("bytes", numbers(|used| used.bytes)),
    ])
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}

fn print(rows: &RecordBatch, style: &Style, out: &mut Output) -> Result<()> {
    let schema = rows.schema();
    out.rows(|out| {
        let mut writer = output::begin(&schema, style, out)?;
        writer.batch(rows)?;
        writer.finish()
    })
    .map_err(OutputError)?;
    Ok(())
}

/// How long ago a time lies, in its largest unit.
fn age(at_us: i64) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    let seconds = (now - at_us).max(0) / 1_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        0.0..1e6 => format!("{:.1} kB", bytes / 1e3),
        1e6..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_have_the_unit_that_fits() {
        assert_eq!(
            [900, 1_500_000, 2_000_000_000].map(size),
            ["0.9 kB", "1.5 MB", "2.0 GB"]
        );
        assert!(age(0).ends_with(" days"));
        assert_eq!(age(i64::MAX), "0 s");
    }
}
