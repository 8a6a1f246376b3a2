//! Questions in SQL: answers as values of a type of one's own, and as Arrow.
//!
//! `cargo run --release --example query -p quipu`

mod recording;

use std::error::Error;
use std::io::Write;

use serde::Deserialize;

/// A row of view `runs`, as far as it matters here.
#[derive(Debug, Deserialize, PartialEq)]
struct Run {
    thread_id: String,
    status: Status,
    started: String,
    duration_us: Option<i64>,
    tool_calls: u64,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Completed,
    Failed,
    Running,
    Abandoned,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let quipu = recording::store(&folder.path().join("store"))?;
    let mut out = std::io::stdout();

    // Columns are read by the names of fields.
    let runs: Vec<Run> = quipu
        .sql("select thread_id, status, started, duration_us, tool_calls from runs order by thread_id")
        .await?
        .collect_as()
        .await?;
    for run in &runs {
        writeln!(out, "{run:?}")?;
    }
    assert_eq!(runs[0].status, Status::Completed);
    assert_eq!(runs[1].status, Status::Failed);

    // Or by their order.
    let tools: Vec<(String, u64, Option<f64>)> = quipu
        .sql("select tool_name, calls, success_rate from tool_stats")
        .await?
        .collect_as()
        .await?;
    assert_eq!(tools, [("web_search".to_owned(), 2, Some(0.5))]);

    // As Arrow record batches, one after another, with a known schema before the first.
    let mut rows = quipu
        .sql("select event_type, attributes ->> 'graph_name' from events")
        .await?;
    writeln!(
        out,
        "{:?}",
        rows.schema()
            .fields()
            .iter()
            .map(|field| field.name())
            .collect::<Vec<_>>()
    )?;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += batch?.num_rows();
    }
    assert_eq!(count, 8);

    // And what it is worth: how much of what was sent is there.
    let completeness = quipu.completeness().await?;
    assert!(completeness.reaches(1.0));
    writeln!(out, "{completeness}")?;
    Ok(())
}
