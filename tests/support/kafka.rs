//! A node of Apache Kafka, and a transactional producer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use quipu_proto::frames::{FramesReader, write_frame};
use serde_json::Value;

/// The variable that forbids to skip tests where no Kafka can be had.
const REQUIRED: &str = "QUIPU_REQUIRE_KAFKA";

/// Exit code of the scripts where something that they need is not installed.
const UNAVAILABLE: i32 = 3;

/// A node. It is stopped when this is dropped.
#[derive(Debug)]
pub struct Node {
    /// Its state; none for a node that is not ours.
    state: Option<tempfile::TempDir>,
    brokers: String,
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka").join(name)
}

/// The node of `KAFKA_BROKERS`, or one of our own; none where that cannot be had, which is printed.
#[must_use]
pub fn node() -> Option<Node> {
    match std::env::var("KAFKA_BROKERS") {
        Ok(brokers) if !brokers.is_empty() => Some(Node { state: None, brokers }),
        _ => own_node(),
    }
}

/// A node of our own, which may be restarted; none where that cannot be had, which is printed.
///
/// # Panics
/// Where the node fails to start, and where it cannot be had though `QUIPU_REQUIRE_KAFKA` is set.
#[must_use]
pub fn own_node() -> Option<Node> {
    let state = tempfile::tempdir().unwrap();
    let output = started(&[], state.path())?;
    Some(Node {
        brokers: brokers_of(&output),
        state: Some(state),
    })
}

fn started(arguments: &[&str], state: &Path) -> Option<Output> {
    // The node inherits no pipe of ours: output() would wait for its end.
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(script("start"))
        .args(arguments)
        .arg(state)
        .env_remove("KAFKA_BROKERS")
        .stdin(Stdio::null())
        .stderr(log.reopen().unwrap())
        .output()
        .unwrap();
    let errors = std::fs::read_to_string(log.path()).unwrap();
    available("tests/kafka/start", &output, &errors).then_some(output)
}

/// Whether a script did what it should; false where it cannot here.
fn available(what: &str, output: &Output, errors: &str) -> bool {
    if output.status.code() == Some(UNAVAILABLE) {
        skip(errors.trim());
        return false;
    }
    assert!(output.status.success(), "{what}: {}: {errors}", output.status);
    true
}

/// Says why a test is skipped, where that is allowed.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip(reason: &str) {
    let required = std::env::var_os(REQUIRED).is_some_and(|value| value != "0");
    assert!(!required, "{REQUIRED} is set, but {reason}");
    eprintln!("skipped: {reason}");
}

fn brokers_of(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.trim().strip_prefix("KAFKA_BROKERS=").unwrap().to_owned()
}

impl Node {
    /// Where it listens.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    fn state(&self) -> &Path {
        self.state
            .as_ref()
            .expect("only a node of our own is stopped")
            .path()
    }

    /// Stops it; its data stay.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn stop(&self) {
        assert!(
            Command::new(script("stop"))
                .arg(self.state())
                .status()
                .unwrap()
                .success()
        );
    }

    /// Kills it; its data stay.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn kill(&self) {
        assert!(
            Command::new(script("stop"))
                .arg("--kill")
                .arg(self.state())
                .status()
                .unwrap()
                .success()
        );
    }

    /// Starts it again at the same address.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start_again(&self) {
        started(&["--again"], self.state()).expect("it was to be had before");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            // A panic here would hide the one that brought us here.
            let _ = Command::new(script("stop"))
                .arg("--kill")
                .arg(state.path())
                .status();
        }
    }
}

/// Recorded frames, and the record that each is.
#[derive(Debug)]
pub struct Recording {
    /// The file.
    pub path: PathBuf,
    /// Partition, and place among the frames of its partition, by frame number.
    pub places: Vec<(i32, i64)>,
}

impl Recording {
    /// Records so many messages of the canonical workload in 4 partitions.
    ///
    /// # Panics
    /// Where the file cannot be written.
    #[must_use]
    pub fn canonical(path: PathBuf, seed: u64, messages: u64) -> Self {
        let options = quipu_fleet::CanonicalOptions {
            seed,
            messages,
            ..quipu_fleet::CanonicalOptions::default()
        };
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        for record in quipu_fleet::Canonical::new(options) {
            write_frame(&mut file, &record.frame()).unwrap();
        }
        file.into_inner().unwrap().sync_all().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let mut next: BTreeMap<u32, i64> = BTreeMap::new();
        let places = FramesReader::new(&bytes)
            .map(|frame| {
                let partition = frame.unwrap().partition;
                let next = next.entry(partition).or_default();
                *next += 1;
                (i32::try_from(partition).unwrap(), *next - 1)
            })
            .collect();
        Self { path, places }
    }
}

/// What is produced to a topic.
#[derive(Clone, Copy, Debug)]
pub struct Production<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Its `compression.type`.
    pub compression: &'a str,
    /// Number of the first frame.
    pub first: usize,
    /// Records, aborted ones included.
    pub count: usize,
    /// Whether the topic exists.
    pub existing: bool,
    /// Further settings of the topic, each as `name=value`; only where it does not exist.
    pub settings: &'a [&'a str],
}

/// Where records went, by partition: offset to frame number.
pub type Offsets = BTreeMap<i32, BTreeMap<i64, usize>>;

/// What became of the records of one or more productions.
#[derive(Debug, Default)]
pub struct Produced {
    /// Records of transactions that were committed.
    pub committed: Offsets,
    /// Records of transactions that were aborted.
    pub aborted: Offsets,
}

/// Produces frames of a recording in transactions; none where that cannot be done here, which is printed.
///
/// # Panics
/// Where Kafka refuses.
#[must_use]
pub fn produce(node: &Node, recording: &Recording, production: Production<'_>) -> Option<Produced> {
    let mut command = Command::new("python3");
    command
        .arg(script("produce_transactions.py"))
        .args([
            "--brokers",
            node.brokers(),
            "--topic",
            production.topic,
            "--compression",
            production.compression,
        ])
        .args([
            "--first",
            &production.first.to_string(),
            "--count",
            &production.count.to_string(),
        ])
        .arg("--frames")
        .arg(&recording.path);
    if production.existing {
        command.arg("--existing");
    }
    for setting in production.settings {
        command.args(["--config", setting]);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("python3 cannot be run: {error}"));
            return None;
        }
    };
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if !available("produce_transactions.py", &output, &errors) {
        return None;
    }
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    Some(Produced {
        committed: offsets(&answer["committed"]),
        aborted: offsets(&answer["aborted"]),
    })
}

/// Deletes a topic; none where that cannot be done here, which is printed.
///
/// # Panics
/// Where Kafka refuses.
#[must_use]
pub fn delete_topic(node: &Node, topic: &str) -> Option<()> {
    administer(node, &["delete", topic])
}

/// Deletes the records of a topic before these offsets, by partition; none where that cannot be done here, which is
/// printed.
///
/// # Panics
/// Where Kafka refuses.
#[must_use]
pub fn delete_records(node: &Node, topic: &str, before: &BTreeMap<i32, i64>) -> Option<()> {
    let places: Vec<String> = before
        .iter()
        .map(|(partition, offset)| format!("{partition}={offset}"))
        .collect();
    let mut arguments = vec!["delete-records", topic];
    arguments.extend(places.iter().map(String::as_str));
    administer(node, &arguments)
}

fn administer(node: &Node, arguments: &[&str]) -> Option<()> {
    let mut command = Command::new("python3");
    command
        .arg(script("topics.py"))
        .args(["--brokers", node.brokers()])
        .args(arguments);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("python3 cannot be run: {error}"));
            return None;
        }
    };
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    available("topics.py", &output, &errors).then_some(())
}

fn offsets(partitions: &Value) -> Offsets {
    let numbers = |list: &Value| -> Vec<i64> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_i64().unwrap())
            .collect()
    };
    partitions
        .as_object()
        .unwrap()
        .iter()
        .map(|(partition, records)| {
            let frames = numbers(&records["frames"])
                .into_iter()
                .map(|frame| usize::try_from(frame).unwrap());
            (
                partition.parse().unwrap(),
                numbers(&records["offsets"]).into_iter().zip(frames).collect(),
            )
        })
        .collect()
}

impl Produced {
    /// Adds what came later to the same topic.
    pub fn extend(&mut self, later: Self) {
        for (all, more) in [
            (&mut self.committed, later.committed),
            (&mut self.aborted, later.aborted),
        ] {
            for (partition, offsets) in more {
                all.entry(partition).or_default().extend(offsets);
            }
        }
    }

    /// Committed records.
    #[must_use]
    pub fn committed_count(&self) -> usize {
        self.committed.values().map(BTreeMap::len).sum()
    }

    /// Aborted records.
    #[must_use]
    pub fn aborted_count(&self) -> usize {
        self.aborted.values().map(BTreeMap::len).sum()
    }
}
