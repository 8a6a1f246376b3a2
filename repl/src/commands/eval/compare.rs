//! `quipu eval compare`: judges runs against a baseline, or against other runs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use quipu::Completeness;
use quipu::evals::judge::{ComparisonDocument, GateFailOn, Judgement, Limit, MetricFile, Rules};
use quipu::evals::kept::Kept;
use quipu::evals::{Baseline, Overwrite, ThresholdMode, Verdict};
use quipu::gate::{BaselineSide, Gate, Measured, selection_in_words};
use tokio::runtime::Runtime;

use super::metrics::{MetricArgs, document as document_wrong, left_out, library, not_judged};
use super::selection::SelectionArgs;
use crate::cli::Global;
use crate::completeness::CompletenessArgs;
use crate::failure::{CannotJudge, UsageError};
use crate::outcome::OutcomeArgs;
use crate::query::Query;
use crate::reports::time;

/// Arguments of `quipu eval compare`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The baseline: a file, or the name of one that the store keeps
    #[arg(long, value_name = "FILE|NAME", required_unless_present_any = ["baseline_since", "baseline_until", "baseline_where"])]
    baseline: Option<PathBuf>,

    /// Compare with runs of the store from this time on
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "baseline")]
    baseline_since: Option<i64>,

    /// Compare with runs of the store before this time
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "baseline")]
    baseline_until: Option<i64>,

    /// Compare with runs of the store that fulfil a condition
    #[arg(long, value_name = "SQL", conflicts_with = "baseline")]
    baseline_where: Option<String>,

    /// Name of the application
    #[arg(long, value_name = "NAME")]
    app: Option<String>,

    /// Compare also with the baseline of another application than --app
    #[arg(long)]
    any_app: bool,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    metrics: MetricArgs,

    #[command(flatten)]
    rules: RuleArgs,

    /// What fails the gate: critical, warning (a regression beyond its threshold), or inconclusive (either, or that nothing
    /// follows)
    #[arg(long, default_value = "critical", value_name = "WHAT", value_parser = fail_on)]
    fail_on: GateFailOn,

    /// Keep the comparison in the store, for the views comparisons and regressions
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    completeness: CompletenessArgs,

    #[command(flatten)]
    outcome: OutcomeArgs,
}

/// By which rules the gate judges.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Rules")]
pub(super) struct RuleArgs {
    /// Fixed thresholds: default, strict or lenient
    #[arg(long, default_value = "default", value_name = "MODE", value_parser = mode)]
    threshold_mode: ThresholdMode,

    /// The fixed threshold of a metric: a multiple such as avg_latency=1.3x, or a difference such as success_rate=0.02; may
    /// be given several times
    #[arg(long = "threshold", value_name = "METRIC=LIMIT", value_parser = threshold)]
    thresholds: Vec<(String, Limit)>,

    /// Confidence level of intervals and tests
    #[arg(long, default_value_t = 0.95, value_name = "LEVEL", value_parser = level)]
    level: f64,

    /// The least change that counts, as a share of the baseline
    #[arg(long, default_value_t = 0.05, value_name = "SHARE", value_parser = share)]
    min_effect: f64,

    /// Values on each side below which nothing is proven
    #[arg(long, default_value_t = 5, value_name = "N")]
    min_samples: usize,

    /// Where resampling begins
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
}

impl RuleArgs {
    /// The rules in words, for whoever reads an outcome later.
    fn told(&self) -> Vec<(String, String)> {
        let mut told = vec![
            ("threshold_mode".to_owned(), self.threshold_mode.name().to_owned()),
            ("level".to_owned(), self.level.to_string()),
            ("min_effect".to_owned(), self.min_effect.to_string()),
            ("min_samples".to_owned(), self.min_samples.to_string()),
            ("seed".to_owned(), self.seed.to_string()),
        ];
        let limits = self.thresholds.iter();
        told.extend(limits.map(|(metric, limit)| (format!("threshold {metric}"), limit.to_string())));
        told
    }

    pub(super) fn rules(&self) -> Rules {
        let mut rules = Rules {
            level: self.level,
            effect_min: self.min_effect,
            // A sample of one has no spread.
            samples_min: self.min_samples.max(2),
            seed: self.seed,
            ..Rules::new(&self.threshold_mode.thresholds())
        };
        for (metric, limit) in &self.thresholds {
            rules.set_limit(metric, *limit);
        }
        rules
    }
}

fn fail_on(name: &str) -> Result<GateFailOn, String> {
    let found = GateFailOn::NAMES.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, fail_on)| *fail_on)
        .ok_or_else(|| "use critical, warning or inconclusive".to_owned())
}

fn mode(name: &str) -> Result<ThresholdMode, String> {
    let found = ThresholdMode::NAMES.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, mode)| *mode)
        .ok_or_else(|| "use default, strict or lenient".to_owned())
}

fn threshold(text: &str) -> Result<(String, Limit), String> {
    let (metric, limit) = crate::reports::named(text)?;
    Ok((
        metric,
        limit
            .parse()
            .map_err(|error: quipu::evals::judge::LimitError| error.to_string())?,
    ))
}

fn level(text: &str) -> Result<f64, String> {
    let level: f64 = text.parse().map_err(|_| "use a number such as 0.95".to_owned())?;
    if level > 0.5 && level < 1.0 {
        Ok(level)
    } else {
        Err("use a number between 0.5 and 1, such as 0.95".to_owned())
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "use a number such as 0.05".to_owned())?;
    if (0.0..1.0).contains(&share) {
        Ok(share)
    } else {
        Err("use a number from 0 and below 1, such as 0.05".to_owned())
    }
}

/// Runs it.
pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let rules = args.rules.rules();
    let (query, gate) = args.metrics.open(global, runtime)?;
    if let Some((unknown, _)) = args
        .rules
        .thresholds
        .iter()
        .find(|(metric, _)| gate.metrics().all(|of| of.metric.name != *metric))
    {
        return Err(UsageError(format!(
            "--threshold names {unknown}, which the gate does not measure"
        ))
        .into());
    }
    let is_bare = |(name, limit): &&(String, Limit)| {
        let is_fraction = |of: &MetricFile| of.metric.name == *name && of.metric.unit.is_fraction();
        matches!(limit, Limit::Difference(_)) && !gate.metrics().any(is_fraction)
    };
    if let Some((name, limit)) = args.rules.thresholds.iter().find(is_bare) {
        return Err(UsageError(format!(
            "--threshold {name}={limit}: a difference is for fractions and scores; write a multiple such as {name}=1.3x"
        ))
        .into());
    }
    let against = runtime.block_on(against(args, &query, &gate))?;
    let current = runtime
        .block_on(gate.measure(&args.selection.filter()))
        .map_err(library)?;
    if current.samples.iter().all(|sample| sample.values.is_empty()) {
        return Err(CannotJudge(anyhow!("no run is selected: see `quipu report runs`")).into());
    }
    let judgement = runtime
        .block_on(gate.judge(&against.side, &current, &rules))
        .map_err(library)?;
    let found = runtime.block_on(query.completeness()).map_err(not_judged)?;
    if judgement.is_empty() {
        return Err(CannotJudge(anyhow!(
            "no metric was measured on both sides: see `quipu eval show`, and what the baseline holds"
        ))
        .into());
    }
    let judgement = on_completeness(judgement, &found, args.completeness.bound()?);
    let app = args
        .app
        .clone()
        .or(against.app)
        .unwrap_or_else(|| "app".to_owned());
    let mut outcome = judgement.outcome(&format!("{app} against {}", against.name), args.fail_on);
    for (finding, of) in outcome.findings.iter_mut().zip(&judgement.comparisons) {
        if of.verdict == Verdict::Regressed {
            let explanation = runtime
                .block_on(gate.explain(of, &against.side, &current))
                .map_err(library)?;
            finding.details.extend(explanation.lines());
        }
    }
    outcome.notes.extend(against.notes);
    outcome.notes.extend(left_out(&current));
    outcome.notes.extend(on_both_sides(&against.side, &current));
    outcome.notes.push(found.to_string());
    outcome
        .properties
        .push(("store".to_owned(), query.quipu().path().display().to_string()));
    outcome.properties.extend(args.rules.told());
    let document = ComparisonDocument::new(
        &judgement,
        &outcome,
        &app,
        &against.name,
        selection_in_words(&args.selection.filter()),
    );
    outcome.document = Some(document.to_value());
    if args.keep {
        let kept = Kept::Comparison
            .keep(
                query.quipu().path(),
                &Kept::name_of_now(&app),
                &document,
                Overwrite::No,
            )
            .map_err(document_wrong);
        match kept {
            Ok(path) => outcome.notes.push(format!("kept as {}", path.display())),
            // The gate has judged: that is told first.
            Err(error) => {
                args.outcome.tell(&outcome)?;
                return Err(error);
            }
        }
    }
    args.outcome.tell(&outcome)
}

/// The other side.
struct Against {
    side: BaselineSide,
    name: String,
    app: Option<String>,
    notes: Vec<String>,
}

async fn against(args: &Args, query: &Query, gate: &Gate) -> Result<Against> {
    let Some(named) = &args.baseline else {
        return with_runs(args, gate).await;
    };
    let baseline = load(named, query)?;
    if let Some(app) = &args.app
        && *app != baseline.app_name
        && !args.any_app
    {
        return Err(CannotJudge(anyhow!(
            "{} is a baseline of {}, not of {app}: name the right one, or say --any-app",
            named.display(),
            baseline.app_name
        ))
        .into());
    }
    if baseline.schema_version.is_none() {
        return Err(CannotJudge(anyhow!(
            "{} has no schema version: its values were computed from analytics by the formulas of dashflow-streaming, which are \
             not those of runs in a store; compare it by eval_runner, or keep a new one by `quipu eval save`",
            named.display()
        ))
        .into());
    }
    let mut notes = Vec::new();
    if baseline.samples.is_empty() {
        notes.push(format!(
            "{} keeps no samples: fixed thresholds decide alone",
            named.display()
        ));
    }
    Ok(Against {
        side: BaselineSide::from(&baseline),
        name: format!("{} {}", baseline.app_name, baseline.version),
        app: Some(baseline.app_name),
        notes,
    })
}

/// Other runs of the same store.
async fn with_runs(args: &Args, gate: &Gate) -> Result<Against> {
    let filter = quipu::sql::reports::Filter {
        since_us: args.baseline_since,
        until_us: args.baseline_until,
        condition: args.baseline_where.clone(),
        ..args.selection.filter()
    };
    let measured: Measured = gate.measure(&filter).await.map_err(library)?;
    if measured.samples.iter().all(|sample| sample.values.is_empty()) {
        return Err(CannotJudge(anyhow!(
            "no run is selected for the baseline: see `quipu report runs`"
        ))
        .into());
    }
    let side = BaselineSide::from(&measured);
    let words = selection_in_words(&filter);
    let words: Vec<String> = words
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    Ok(Against {
        side,
        name: format!("runs of {}", words.join(", ")),
        app: None,
        notes: Vec::new(),
    })
}

/// A file, or a baseline that the store keeps.
fn load(named: &Path, query: &Query) -> Result<Baseline> {
    let kept = Kept::Baseline.path(query.quipu().path(), &named.to_string_lossy());
    let path = if !named.exists() && kept.exists() {
        &kept
    } else {
        named
    };
    Baseline::load(path).map_err(document_wrong)
}

/// A note of runs that are on both sides: they pull the two together.
fn on_both_sides(baseline: &BaselineSide, current: &Measured) -> Option<String> {
    let mut most = 0;
    for sample in &current.samples {
        let Some(before) = baseline.runs.get(&sample.metric.name) else {
            continue;
        };
        let now: HashSet<&str> = sample.runs.iter().flatten().map(String::as_str).collect();
        let shared = before.iter().flatten().filter(|run| now.contains(run.as_str()));
        most = most.max(shared.count());
    }
    (most > 0).then(|| {
        format!(
            "{most} runs are on both sides, which pulls them together: narrow one down, by --since or --until"
        )
    })
}

/// What incomplete data cannot carry is taken back.
fn on_completeness(judgement: Judgement, found: &Completeness, bound: Option<f64>) -> Judgement {
    match bound {
        Some(bound) if !found.reaches(bound) => judgement.on_incomplete_data(format!(
            "less than {} % of the messages are there, so nothing but a regression is believed",
            bound * 100.0
        )),
        _ => judgement,
    }
}
