//! Running the binary.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A recorded file of a few thousand messages.
pub(crate) const SMALL_FRAMES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/small.frames");

/// The binary, with no setting of whoever runs the tests.
pub(crate) fn quipu() -> Command {
    program(env!("CARGO_BIN_EXE_quipu"))
}

/// A binary, likewise.
pub(crate) fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("KAFKA_")
            || name_text.starts_with("QUIPU_")
            || name_text.starts_with("DASHSTREAM_")
        {
            command.env_remove(&name);
        }
    }
    command
}

/// What a run said and how it ended.
#[derive(Debug)]
pub(crate) struct Told {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Told {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command with something on its standard input.
    pub(crate) fn with_input(command: &mut Command, input: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        match child.stdin.take().unwrap().write_all(input.as_bytes()) {
            // It may end without having read.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
        let output = child.wait_with_output().unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A store with a recorded file in it, made once. It is only read.
pub(crate) fn recorded_store() -> &'static Path {
    static STORE: OnceLock<PathBuf> = OnceLock::new();
    STORE.get_or_init(|| {
        // Below the build folder, as a static is never dropped and would leave a temporary folder behind.
        let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded-store");
        if store.exists() {
            std::fs::remove_dir_all(&store).unwrap();
        }
        let told = Told::of(
            quipu()
                .args(["ingest", "frames", SMALL_FRAMES, "--store"])
                .arg(&store),
        );
        assert_eq!(told.code, 0, "{}", told.err);
        store
    })
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
