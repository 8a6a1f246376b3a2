//! Runs of small commands of the shell.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::command::CommandLine;
use super::error::BenchError;
use super::plan::{Plan, Side};
use super::probe::{Probe, ProbeError, WallTime};
use super::runner::{Commands, RunOptions, Samples, run};
use super::sample::Failure;

fn shell(script: &str) -> CommandLine {
    CommandLine::new(["sh", "-c", script].map(str::to_owned).to_vec()).unwrap()
}

fn single(plan: &Plan, script: &str, options: &RunOptions) -> Result<Samples, BenchError> {
    let commands = Commands {
        current: &shell(script),
        baseline: None,
    };
    run(
        plan,
        &commands,
        options,
        &mut [&mut WallTime::default()],
        |_, _| {},
    )
}

#[test]
fn each_run_has_its_own_time_and_warmup_is_left_out() {
    let mut seen = Vec::new();
    let command = shell("exit 0");
    let commands = Commands {
        current: &command,
        baseline: None,
    };
    let samples = run(
        &Plan::single(2, 4),
        &commands,
        &RunOptions::default(),
        &mut [&mut WallTime::default()],
        |turn, _| seen.push(turn.phase),
    )
    .unwrap();
    assert_eq!(seen.len(), 6);
    assert_eq!(samples.current.len(), 4);
    let mut times: Vec<f64> = samples
        .current
        .iter()
        .map(|sample| sample.metrics[WallTime::METRIC][0])
        .collect();
    assert!(times.iter().all(|time| *time > 0.0), "{times:?}");
    times.sort_by(f64::total_cmp);
    times.dedup();
    assert!(times.len() > 1, "no run is a copy of another: {times:?}");
}

#[test]
fn two_commands_are_run_in_turns_and_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let (a, b) = (
        shell(&format!("echo a >> {}", log.display())),
        shell(&format!("echo b >> {}", log.display())),
    );
    let commands = Commands {
        current: &a,
        baseline: Some(&b),
    };
    let plan = Plan::interleaved(1, 6, 3);
    let samples = run(&plan, &commands, &RunOptions::default(), &mut [], |_, _| {}).unwrap();
    assert_eq!((samples.current.len(), samples.baseline.len()), (6, 6));
    let expected: Vec<&str> = (plan.turns().iter())
        .map(|turn| match turn.side {
            Side::Current => "a",
            Side::Baseline => "b",
        })
        .collect();
    let text = fs::read_to_string(log).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_run_that_fails_has_no_metrics_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let script = format!("test -e {0} && exit 0; touch {0}; exit 3", mark.display());
    let samples = single(&Plan::single(0, 3), &script, &RunOptions::default()).unwrap();
    assert_eq!(samples.current[0].failure, Some(Failure::ExitCode(3)));
    assert!(samples.current[0].metrics.is_empty());
    assert_eq!(samples.current[1].failure, None);
    assert_eq!(samples.current[1].metrics.len(), 1);
}

#[test]
fn a_benchmark_whose_runs_fail_is_given_up_at_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let options = RunOptions {
        failures_max: 2,
        ..RunOptions::default()
    };
    let script = format!("echo x >> {}; kill -9 $$", log.display());
    let error = single(&Plan::single(1, 50), &script, &options).unwrap_err();
    assert!(
        matches!(
            error,
            BenchError::TooManyFailures {
                failed: 3,
                last: Failure::Signal(9),
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 3);
}

#[test]
fn a_run_that_takes_too_long_is_ended() {
    let options = RunOptions {
        timeout: Some(Duration::from_millis(50)),
        ..RunOptions::default()
    };
    let samples = single(&Plan::single(0, 1), "exec sleep 600", &options).unwrap();
    assert_eq!(samples.current[0].failure, Some(Failure::TimedOutAfterMs(50)));
    let samples = single(
        &Plan::single(0, 1),
        "exit 0",
        &RunOptions {
            timeout: Some(Duration::from_secs(600)),
            ..RunOptions::default()
        },
    );
    assert_eq!(samples.unwrap().current[0].failure, None);
}

#[test]
fn a_command_that_is_not_there_is_told() {
    let commands = Commands {
        current: &CommandLine::split("quipu-no-such-program --x").unwrap(),
        baseline: None,
    };
    let error = run(
        &Plan::single(0, 1),
        &commands,
        &RunOptions::default(),
        &mut [],
        |_, _| {},
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot start quipu-no-such-program --x: "),
        "{error}"
    );
}

/// Counts the lines that a command has written into a file, and notes when it is asked.
struct Lines<'a> {
    file: PathBuf,
    asked: &'a RefCell<Vec<&'static str>>,
}

impl Probe for Lines<'_> {
    fn variables(&self) -> Vec<(String, OsString)> {
        vec![("LINES_TO".to_owned(), self.file.clone().into_os_string())]
    }

    fn before(&mut self) -> Result<(), ProbeError> {
        self.asked.borrow_mut().push("lines before");
        Ok(fs::write(&self.file, "")?)
    }

    fn after(&mut self) -> Result<Vec<(String, f64)>, ProbeError> {
        self.asked.borrow_mut().push("lines after");
        let text = fs::read_to_string(&self.file)?;
        let values = text.lines().map(|line| Ok(("line".to_owned(), line.parse()?)));
        values.collect()
    }
}

struct Noted<'a>(&'a RefCell<Vec<&'static str>>);

impl Probe for Noted<'_> {
    fn before(&mut self) -> Result<(), ProbeError> {
        self.0.borrow_mut().push("inner before");
        Ok(())
    }

    fn after(&mut self) -> Result<Vec<(String, f64)>, ProbeError> {
        self.0.borrow_mut().push("inner after");
        Ok(vec![("inner".to_owned(), 1.0)])
    }
}

#[test]
fn a_probe_may_give_the_command_a_variable_and_take_several_values() {
    let folder = tempfile::tempdir().unwrap();
    let asked = RefCell::default();
    let mut lines = Lines {
        file: folder.path().join("lines"),
        asked: &asked,
    };
    let command = shell("echo 1.5 >> $LINES_TO; echo 2 >> $LINES_TO");
    let commands = Commands {
        current: &command,
        baseline: None,
    };
    let samples = run(
        &Plan::single(0, 1),
        &commands,
        &RunOptions::default(),
        &mut [&mut lines, &mut Noted(&asked)],
        |_, _| {},
    )
    .unwrap();
    assert_eq!(samples.current[0].metrics["line"], [1.5, 2.0]);
    assert_eq!(samples.current[0].metrics["inner"], [1.0]);
    assert_eq!(
        *asked.borrow(),
        ["lines before", "inner before", "inner after", "lines after"],
        "the last probe is the nearest to the run"
    );
    let command = shell("echo much >> $LINES_TO");
    let commands = Commands {
        current: &command,
        baseline: None,
    };
    let error = run(
        &Plan::single(0, 1),
        &commands,
        &RunOptions::default(),
        &mut [&mut lines],
        |_, _| {},
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("cannot measure a run of sh -c"), "{error}");
}
