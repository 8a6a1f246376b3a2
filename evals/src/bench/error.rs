//! What can go wrong with a benchmark.

use std::io;
use std::path::PathBuf;

use super::sample::Failure;

/// What can go wrong with a benchmark.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A text is no command line.
    #[error("{text:?} is no command line: {wrong}; quote it as in a shell, or run a shell: sh -c '...'")]
    CommandLine {
        /// The text.
        text: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// The command could not be started.
    #[error("cannot start {command}: {source}; is it installed, and on the PATH?")]
    Start {
        /// The command.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// Waiting for a command failed.
    #[error("lost {command}: {source}")]
    Wait {
        /// The command.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// So many runs failed that the others are of no use.
    #[error(
        "stopped: {failed} runs of {command} failed, {allowed} may; the last one {last}: run it by itself, or allow more failures"
    )]
    TooManyFailures {
        /// The command.
        command: String,
        /// How many failed.
        failed: usize,
        /// How many may.
        allowed: usize,
        /// How the last one failed.
        last: Failure,
    },
    /// What a run measured could not be taken.
    #[error("cannot measure a run of {command}: {wrong}")]
    Probe {
        /// The command.
        command: String,
        /// What is wrong.
        wrong: String,
    },
    /// A saved benchmark cannot be read.
    #[error("cannot read the benchmark {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is no saved benchmark.
    #[error("{} is no benchmark: {wrong}; save one with quipu bench run --save", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        wrong: String,
    },
    /// A file is there already.
    #[error("{} is there already: choose another name, or ask for it to be replaced", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A benchmark cannot be saved.
    #[error("cannot save the benchmark to {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
