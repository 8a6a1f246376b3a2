//! Reports: one that ships with Quipu, and one of one's own with parameters.
//!
//! `cargo run --release --example report -p quipu`

mod recording;

use std::error::Error;
use std::io::Write;

use quipu::sql::reports::Filter;
use quipu::sql::{Arguments, Report};

/// A report is SQL with a header that says what may be asked of it.
const SLOW: &str = "\
-- slow: runs that took longer than they should.
-- Param: least_ms integer -- what is too long
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
-- Section: run
select thread_id, duration_us / 1000 as ms from runs where duration_us >= $least_ms * 1000 and $filter order by thread_id;
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let quipu = recording::store(&folder.path().join("store"))?;
    let mut out = std::io::stdout();

    let nodes = quipu.report(Report::built_in("nodes")?, &Arguments::default())?;
    let batches = nodes.section(0).await?.collect().await?;
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);

    let arguments = Arguments {
        named: [("least_ms".to_owned(), "500".to_owned())].into(),
        filter: Filter {
            thread: Some("session-2".to_owned()),
            ..Filter::default()
        },
        ..Arguments::default()
    };
    let slow = quipu.report(Report::parse("slow", SLOW)?, &arguments)?;
    let rows: Vec<(String, i64)> = slow.section(0).await?.collect_as().await?;
    assert_eq!(rows, [("session-2".to_owned(), 600)]);
    writeln!(out, "{}: {rows:?}", slow.report().about())?;

    // All sections, and this line, are of one moment, however fast the store grows.
    writeln!(out, "{}", slow.completeness().await?)?;

    // What is asked wrongly is told before anything runs.
    let missing = quipu.report(Report::parse("slow", SLOW)?, &Arguments::default());
    assert!(missing.is_err());
    if let Err(error) = missing {
        writeln!(out, "{error}")?;
    }
    Ok(())
}
