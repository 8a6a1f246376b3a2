//! Metrics as files of SQL.

use std::fmt;

use quipu_stats::difference::Statistic;

use super::bound::{Bound, Limit};
use super::metric::{Better, Metric};
use super::unit::Unit;
use crate::output::Severity;

/// A metric as a file of SQL: a query that gives one row for each sample, with its number in the column `value`. A column
/// `run_id` names the run that it came from.
///
/// ```sql
/// -- retries_per_run: tries beyond the first, in the mean of the runs
/// -- Unit: count
/// -- Better: lower
/// -- Statistic: mean
/// -- Threshold: 1.3x critical
/// -- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
/// SELECT max(run_id) AS run_id, CAST(sum(attempts - 1) AS DOUBLE) AS value
/// FROM tool_calls WHERE $filter
/// GROUP BY topic, incarnation, tenant_id, thread_id, run_number
/// ```
///
/// The first line names the metric. `Unit` is one of [`Unit::NAMES`], `Better` is `lower` or `higher`, `Statistic` is `mean`,
/// `rate` (of values 0 and 1) or a percentile such as `p95`. `Exact: yes` says that it has no noise. `Threshold` is its fixed
/// threshold (`1.2x` of the baseline, or a difference such as `0.05`), with `critical` or `warning`. `Default: no` leaves it
/// out of gates that do not name it. The rest is that of a report.
#[derive(Clone, Debug)]
pub struct MetricFile {
    /// What it declares.
    pub metric: Metric,
    /// Its text, header included.
    pub sql: String,
    /// Whether gates that name no metrics take it.
    pub is_default: bool,
}

/// What is wrong with the header of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricFileError {
    file: String,
    wrong: String,
}

impl fmt::Display for MetricFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no metric: {}", self.file, self.wrong)
    }
}

impl std::error::Error for MetricFileError {}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        /// The metrics that ship with the program, with their texts: those of the README's tables first, in their order.
        const BUILT_IN: &[(&str, &str)] = &[$(($name, include_str!(concat!("metrics/", $name, ".sql")))),*];
    };
}

built_in!(
    "correctness",
    "relevance",
    "safety",
    "hallucination_rate",
    "quality_score",
    "p95_latency",
    "avg_latency",
    "time_to_first_token",
    "success_rate",
    "error_rate",
    "total_tokens",
    "cost_per_run",
    "tool_calls",
    "completeness",
);

impl MetricFile {
    /// The metrics that ship with the program, in the order of a report.
    ///
    /// # Errors
    /// [`MetricFileError`] for a header that is not understood, which a test rules out.
    pub fn built_in() -> Result<Vec<Self>, MetricFileError> {
        let texts = BUILT_IN.iter();
        texts.map(|(name, text)| Self::parse(name, text)).collect()
    }

    /// Reads a metric. `file` is its name without `.sql`: the metric is called so.
    ///
    /// # Errors
    /// [`MetricFileError`] names the line of the header that is missing or wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, MetricFileError> {
        let wrong = |wrong: String| MetricFileError {
            file: file.to_owned(),
            wrong,
        };
        let header = |key: &str| {
            let lines = text
                .lines()
                .map(str::trim)
                .take_while(|line| line.starts_with("--"));
            let mut comments = lines.map(|line| line.trim_start_matches('-').trim());
            comments.find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim))
        };
        let about = header(file).ok_or_else(|| {
            wrong(format!(
                "its first line must be \"-- {file}: WHAT IT TELLS\", as the file is called"
            ))
        })?;
        let needed = |key: &str, form: &str| {
            header(key).ok_or_else(|| wrong(format!("it lacks the line \"-- {key}: {form}\"")))
        };
        let units = || Unit::NAMES.map(|(name, _)| name).join("|");
        let unit = needed("Unit", &units())?;
        let unit =
            Unit::parse(unit).ok_or_else(|| wrong(format!("\"{unit}\" is no unit: use {}", units())))?;
        let better = needed("Better", "lower|higher")?;
        let better = Better::parse(better)
            .ok_or_else(|| wrong(format!("\"{better}\" is no direction: use lower or higher")))?;
        let statistic = header("Statistic").unwrap_or("mean");
        let statistic = Statistic::parse(statistic).ok_or_else(|| {
            wrong(format!(
                "\"{statistic}\" is no statistic: use mean, rate or a percentile such as p95"
            ))
        })?;
        let switch = |key: &str, default: bool| match header(key) {
            None => Ok(default),
            Some("yes") => Ok(true),
            Some("no") => Ok(false),
            Some(other) => Err(wrong(format!("{key} is \"{other}\": use yes or no"))),
        };
        let bound = header("Threshold")
            .map(|text| bound(text).map_err(&wrong))
            .transpose()?;
        Ok(Self {
            metric: Metric {
                name: file.to_owned(),
                about: about.to_owned(),
                unit,
                better,
                statistic,
                is_exact: switch("Exact", false)?,
                bound,
            },
            sql: text.to_owned(),
            is_default: switch("Default", true)?,
        })
    }
}

/// Reads `1.3x critical`.
fn bound(text: &str) -> Result<Bound, String> {
    let (limit, severity) = text.split_once(char::is_whitespace).unwrap_or((text, "warning"));
    let severity = match severity.trim() {
        "critical" => Severity::Critical,
        "warning" => Severity::Warning,
        other => {
            return Err(format!(
                "\"{other}\" is no severity of a threshold: use critical or warning"
            ));
        }
    };
    let limit: Limit = limit
        .parse()
        .map_err(|error: super::LimitError| error.to_string())?;
    Ok(Bound { limit, severity })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "-- retries: tries beyond the first\n-- Unit: count\n-- Better: lower\nSELECT 1 AS value";

    fn told(text: &str) -> String {
        MetricFile::parse("retries", text).unwrap_err().to_string()
    }

    #[test]
    fn metrics_that_ship_are_well_formed() {
        let metrics = MetricFile::built_in().unwrap();
        assert_eq!(metrics.len(), BUILT_IN.len());
        for file in metrics {
            assert!(!file.metric.about.is_empty(), "{}", file.metric.name);
            assert!(file.sql.contains("$filter"), "{}", file.metric.name);
        }
    }

    #[test]
    fn a_header_says_what_the_metric_is() {
        let file = MetricFile::parse("retries", TEXT).unwrap();
        assert_eq!(file.metric.about, "tries beyond the first");
        assert_eq!(
            (file.metric.unit, file.metric.better),
            (Unit::Count, Better::Lower)
        );
        assert_eq!(file.metric.statistic, Statistic::Mean);
        assert!(file.is_default && !file.metric.is_exact);
        let text = TEXT.replace(
            "SELECT",
            "-- Threshold: 1.3x critical\n-- Exact: yes\n-- Default: no\n-- Statistic: p90\nSELECT",
        );
        let file = MetricFile::parse("retries", &text).unwrap();
        let bound = file.metric.bound.unwrap();
        assert_eq!(
            (bound.limit, bound.severity),
            (Limit::Ratio(1.3), Severity::Critical)
        );
        assert!(!file.is_default && file.metric.is_exact);
        assert_eq!(file.metric.statistic, Statistic::Percentile(0.9));
    }

    #[test]
    fn what_is_wrong_with_a_header_is_told() {
        assert!(told("SELECT 1").contains("first line must be \"-- retries: "));
        assert!(
            told(&TEXT.replace("-- Unit: count\n", "")).contains("lacks the line \"-- Unit: ms|fraction")
        );
        assert!(told(&TEXT.replace("count", "pieces")).contains("\"pieces\" is no unit"));
        assert!(told(&TEXT.replace("lower", "less")).contains("\"less\" is no direction"));
        let with = |line: &str| told(&TEXT.replace("SELECT", &format!("-- {line}\nSELECT")));
        assert!(with("Statistic: median").contains("\"median\" is no statistic"));
        assert!(with("Exact: maybe").contains("use yes or no"));
        assert!(with("Threshold: much").contains("\"much\" is no threshold"));
        assert!(with("Threshold: 2x fatal").contains("\"fatal\" is no severity"));
    }
}
