//! A benchmark as it is saved.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::command::CommandLine;
use super::environment::Environment;
use super::error::BenchError;
use super::sample::Sample;

/// The version of the file's form that this program writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// What makes a file a benchmark.
const KIND: &str = "quipu-benchmark";

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Existing {
    /// It stays, and saving fails.
    Keep,
    /// It is replaced.
    Replace,
}

/// A command that was measured: every run, and under which conditions. As a file it is this, as JSON; keys that it does not
/// know are passed over.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Benchmark {
    kind: String,
    schema_version: u32,
    /// What it is called.
    pub name: String,
    /// What was run.
    pub command: CommandLine,
    /// When the first run began, RFC 3339, UTC.
    pub started_at: String,
    /// Under which conditions.
    pub environment: Environment,
    /// Runs that were made and thrown away before the first that counts.
    pub warmup: usize,
    /// The seed of the order in which two commands were run; null for one.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Every run that counts, in the order in which they were made. Those that failed are among them.
    pub samples: Vec<Sample>,
}

impl Benchmark {
    /// A benchmark without runs that begins now.
    #[must_use]
    pub fn begin(name: impl Into<String>, command: CommandLine) -> Self {
        let now = chrono::Utc::now();
        Self {
            kind: KIND.to_owned(),
            schema_version: SCHEMA_VERSION,
            name: name.into(),
            command,
            started_at: now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            environment: Environment::current(),
            warmup: 0,
            seed: None,
            samples: Vec::new(),
        }
    }

    /// Names of the metrics of all runs, in alphabetical order.
    #[must_use]
    pub fn metrics(&self) -> Vec<&str> {
        let mut names: Vec<&str> = (self.samples.iter())
            .flat_map(|sample| sample.metrics.keys().map(String::as_str))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The values of a metric: one for each run that has it, in the order of the runs. Where a run has several values it is
    /// their mean: those of one run are no samples of their own, since what made the run slow made all of them slow.
    #[must_use]
    pub fn values(&self, metric: &str) -> Vec<f64> {
        (self.samples.iter())
            .filter_map(|sample| sample.metrics.get(metric))
            .filter(|values| !values.is_empty())
            .map(|values| values.iter().sum::<f64>() / values.len() as f64)
            .collect()
    }

    /// How many runs failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.samples
            .iter()
            .filter(|sample| sample.failure.is_some())
            .count()
    }

    /// Reads a saved benchmark.
    ///
    /// # Errors
    /// [`BenchError::Read`], and [`BenchError::Format`] for a file that is none, or is of a newer version.
    pub fn load(path: &Path) -> Result<Self, BenchError> {
        let text = fs::read(path).map_err(|source| BenchError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|wrong| BenchError::Format {
            path: path.to_owned(),
            wrong,
        })
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            kind: Option<String>,
            schema_version: Option<u32>,
        }
        let head: Head = serde_json::from_slice(text).map_err(|wrong| wrong.to_string())?;
        if head.kind.as_deref() != Some(KIND) {
            return Err(format!("it has no \"kind\": {KIND:?}"));
        }
        match head.schema_version {
            Some(1..=SCHEMA_VERSION) => {}
            Some(version) => {
                return Err(format!(
                    "its schema_version is {version}, this program reads up to {SCHEMA_VERSION}: use a newer one"
                ));
            }
            None => return Err("it has no schema_version".to_owned()),
        }
        serde_json::from_slice(text).map_err(|wrong| wrong.to_string())
    }

    /// Saves the benchmark, as a whole or not at all. Folders that are missing are made.
    ///
    /// # Errors
    /// [`BenchError::Exists`] if a file is there and is to be kept, [`BenchError::Write`] if it cannot be written.
    pub fn save(&self, path: &Path, existing: Existing) -> Result<(), BenchError> {
        match write(path, &self.to_json(), existing) {
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists && existing == Existing::Keep => {
                Err(BenchError::Exists {
                    path: path.to_owned(),
                })
            }
            written => written.map_err(|source| BenchError::Write {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// The file as text: JSON, indented by two spaces.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, and numbers that were measured: a float that is not finite becomes null.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Writes a file beside its place, syncs it and gives it its name.
fn write(path: &Path, text: &str, existing: Existing) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".quipu-").suffix(".tmp");
    // As for any new file: what the umask leaves. The default of the library is for secrets.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Keep => file.persist_noclobber(path)?,
        Existing::Replace => file.persist(path)?,
    };
    // The new name as well, where a folder can be opened.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sample::Failure;

    fn benchmark() -> Benchmark {
        let run = |number, metrics: &[(&str, &[f64])]| Sample {
            number,
            failure: None,
            metrics: (metrics.iter())
                .map(|(name, values)| ((*name).to_owned(), values.to_vec()))
                .collect(),
        };
        Benchmark {
            warmup: 5,
            seed: Some(u64::MAX),
            samples: vec![
                run(1, &[("wall_time_ms", &[12.5]), ("run_ms", &[1.0, 3.0])]),
                Sample {
                    number: 2,
                    failure: Some(Failure::ExitCode(3)),
                    ..Sample::default()
                },
                run(3, &[("wall_time_ms", &[0.375]), ("run_ms", &[])]),
            ],
            ..Benchmark::begin("agent", CommandLine::split("agent 'a b'").unwrap())
        }
    }

    #[test]
    fn what_is_saved_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/agent.json");
        benchmark().save(&path, Existing::Keep).unwrap();
        let read = Benchmark::load(&path).unwrap();
        assert_eq!(
            read,
            Benchmark {
                started_at: read.started_at.clone(),
                environment: read.environment.clone(),
                ..benchmark()
            }
        );
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing else is left"
        );
    }

    #[test]
    fn a_file_that_is_there_is_kept_unless_it_is_to_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.json");
        fs::write(&path, "mine").unwrap();
        let error = benchmark().save(&path, Existing::Keep).unwrap_err();
        assert!(matches!(error, BenchError::Exists { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        benchmark().save(&path, Existing::Replace).unwrap();
        assert!(Benchmark::load(&path).is_ok());
    }

    #[test]
    fn a_run_is_one_value_whatever_it_measured() {
        let benchmark = benchmark();
        assert_eq!(benchmark.metrics(), ["run_ms", "wall_time_ms"]);
        assert_eq!(benchmark.values("wall_time_ms"), [12.5, 0.375]);
        assert_eq!(benchmark.values("run_ms"), [2.0]);
        assert!(benchmark.values("other").is_empty());
        assert_eq!(benchmark.failed(), 1);
    }

    #[test]
    fn what_is_no_benchmark_is_told() {
        let told = |text: &str| Benchmark::parse(text.as_bytes()).unwrap_err();
        assert!(told("{").contains("EOF"));
        assert!(told("{}").contains("has no \"kind\""));
        assert!(told(r#"{"kind": "quipu-benchmark"}"#).contains("no schema_version"));
        let newer = benchmark()
            .to_json()
            .replace("\"schema_version\": 1", "\"schema_version\": 2");
        assert!(told(&newer).contains("its schema_version is 2, this program reads up to 1"));
        let cut = benchmark().to_json().replace("\"samples\"", "\"other\"");
        assert!(told(&cut).contains("missing field `samples`"));
        let empty = benchmark().to_json().replace("\"agent\",\n    \"a b\"", "");
        assert!(told(&empty).contains("names no program"), "{empty}");
        let more = benchmark().to_json().replacen('{', "{\"later\": 1,", 1);
        assert!(Benchmark::parse(more.as_bytes()).is_ok());
        let missing = Benchmark::load(Path::new("/missing/agent.json")).unwrap_err();
        assert!(matches!(missing, BenchError::Read { .. }), "{missing}");
    }
}
