//! `quipu check`: claims about the data, each a file of SQL whose rows are violations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, anyhow};
use quipu::arrow::array::RecordBatch;
use quipu::evals::check::{Answer, Answered, Claim, Claims, Violation, Violations, judge};
use quipu::evals::output::Severity;
use quipu::sql::reports::{Kind, OpenReport};
use quipu::sql::{Arguments, Report, Session, SqlError};
use quipu::{Error, Rows};
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::completeness::CompletenessArgs;
use crate::failure::{CannotJudge, UsageError};
use crate::outcome::OutcomeArgs;
use crate::output::cell::Cell;
use crate::query::Query;
use crate::reports;

const EXAMPLES: &str = "\
Examples:
  quipu check checks                             every .sql file of the folder and below it
  quipu check checks/no_gaps.sql -p graph=support
  quipu check checks --tag ci --fail-on warning
  quipu check checks --format junit --output check.xml

A claim is a file with a query; a row that it returns is a violation. Every line of its header may be left out:

  -- every_run_ends: a run that began ends or fails.
  -- Severity: critical
  -- Message: run {run_id} of thread {thread_id} never ended
  -- Tags: ci
  -- Param: graph text = -- only of this graph
  select run_id, thread_id from runs
  where status = 'abandoned' and ($graph is null or graph_name = $graph)

In GitHub Actions violations are annotated at their claims, and the step has a summary.

Exit codes: 0 every claim holds, or is violated by less than --fail-on; 1 one is violated;
2 wrong usage; 3 a claim could not be judged, and no other fails the gate.";

/// Arguments of `quipu check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Folder with claims, or the file of one
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// The value of a parameter, for each claim that has it; may be given several times
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = reports::named)]
    param: Vec<(String, String)>,

    /// Only claims with this tag; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,

    /// The least severity of a violation that fails the gate: critical, warning or info
    #[arg(long, default_value_t = Severity::Critical, value_name = "SEVERITY")]
    fail_on: Severity,

    /// Rows that are shown of a claim that is violated
    #[arg(long, default_value_t = 10, value_name = "N")]
    rows: usize,

    #[command(flatten)]
    outcome: OutcomeArgs,

    #[command(flatten)]
    completeness: CompletenessArgs,
}

/// Judges the claims of a folder.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let mut claims = Claims::read(&args.path).map_err(|wrong| CannotJudge(wrong.into()))?;
    let left_out = claims
        .keep_tagged(&args.tag)
        .map_err(|wrong| UsageError(wrong.to_string()))?;
    let reports: Vec<Result<Report, SqlError>> = (claims.claims.iter())
        .map(|claim| Report::parse(&claim.name, &claim.text))
        .collect();
    let values = args.values(&reports, claims.unreadable.is_empty())?;
    let query = Query::open(global).map_err(judged_not)?;
    let session = query
        .quipu()
        .session()
        .map_err(|error| CannotJudge(error.into()))?;
    let found = runtime
        .block_on(quipu::sql::completeness(&session))
        .map_err(|error| CannotJudge(Error::from(error).into()))?;
    args.completeness.check_gate(&found)?;
    let mut answered = Vec::new();
    for (claim, report) in claims.claims.into_iter().zip(reports) {
        let began = Instant::now();
        let rows = runtime.block_on(violations(&session, &claim, report, &values, args.rows));
        answered.push(Answered {
            claim,
            answer: match rows {
                Ok(rows) => Answer::Rows(rows),
                Err(wrong) => Answer::Failed(wrong.to_string()),
            },
            duration: Some(began.elapsed()),
        });
    }
    let title = format!("checks of {}", args.path.display());
    let mut outcome = judge(&title, &answered, &claims.unreadable, args.fail_on);
    if left_out > 0 {
        outcome.notes.push(format!(
            "claims without tag {}: {left_out}, left out",
            args.tag.join(" or ")
        ));
    }
    outcome.notes.push(found.to_string());
    outcome.properties.extend([
        ("store".to_owned(), query.quipu().path().display().to_string()),
        ("fail_on".to_owned(), args.fail_on.to_string()),
    ]);
    outcome.properties.extend(values);
    args.outcome.tell(&outcome)
}

/// Whoever cannot read the store cannot judge; what is wrong with the command line stays wrong usage.
fn judged_not(error: anyhow::Error) -> anyhow::Error {
    if error.is::<UsageError>() {
        error
    } else {
        CannotJudge(error).into()
    }
}

impl Args {
    /// The values of parameters by name. One that no claim has is a slip, unless claims that cannot be read might have it.
    fn values(
        &self,
        reports: &[Result<Report, SqlError>],
        is_all_readable: bool,
    ) -> Result<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        for (name, value) in &self.param {
            if values.insert(name.clone(), value.clone()).is_some() {
                return Err(UsageError(format!("the parameter {name} is given twice: give it once")).into());
            }
        }
        let names: Vec<&str> = (reports.iter().flatten())
            .flat_map(|report| report.parameters())
            .map(|known| known.name.as_str())
            .collect();
        let is_all_known = is_all_readable && reports.iter().all(Result::is_ok);
        match values.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) if is_all_known => Err(UsageError(format!(
                "no claim has a parameter {name:?}; leave it out, or declare it in a header: -- Param: {name} text"
            ))
            .into()),
            _ => Ok(values),
        }
    }
}

/// The rows that a claim returns: the first so many of them, and how many there are.
async fn violations(
    session: &Session,
    claim: &Claim,
    report: Result<Report, SqlError>,
    values: &BTreeMap<String, String>,
    shown_max: usize,
) -> Result<Violations> {
    let report = report.map_err(Error::from)?;
    let shown: Vec<usize> = (0..report.sections().len())
        .filter(|at| report.sections()[*at].kind() != Kind::Table)
        .collect();
    let [section] = shown[..] else {
        return Err(anyhow!(
            "{} has {} queries whose rows would be violations: keep one, and let the others be tables (-- Section: NAME (table))",
            claim.name,
            shown.len()
        ));
    };
    let mut arguments = Arguments::default();
    for known in report.parameters() {
        if let Some(value) = values.get(&known.name) {
            arguments.named.insert(known.name.clone(), value.clone());
        }
    }
    let opened = OpenReport::new(session, report, &arguments).map_err(Error::from)?;
    let mut rows = Rows::from(opened.section(section).await.map_err(Error::from)?);
    let columns = rows.schema();
    let mut violations = Violations {
        columns: columns
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect(),
        ..Violations::default()
    };
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let room = shown_max.saturating_sub(violations.shown.len());
        violations
            .shown
            .extend((0..batch.num_rows().min(room)).map(|row| violation(&batch, row)));
        violations.count += batch.num_rows();
    }
    Ok(violations)
}

fn violation(batch: &RecordBatch, row: usize) -> Violation {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns());
    let values = cells.map(|(field, column)| match Cell::of(field, column, row) {
        Cell::Null => None,
        cell => Some(cell.as_text("").into_owned()),
    });
    Violation {
        values: values.collect(),
    }
}
