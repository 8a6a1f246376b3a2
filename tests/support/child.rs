//! This test program once more, as a process of its own.
//!
//! A test calls [`spawn`] with the name of another test function in the same file, its role. That function asks
//! [`arguments`] for what it is to do; run by the test harness as any other test it gets none, and returns.
//!
//! A child reads its standard input to know whether its parent lives: [`with_parent`] ends it when that closes.

use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The variable that hands a child its arguments.
const ARGUMENTS: &str = "QUIPU_TEST_CHILD";

/// Sets the lines of a role apart from those of the test harness.
const LINE: &str = "child: ";

/// Separates arguments: occurs in no path and no name.
const SEPARATOR: &str = "\u{1f}";

/// A child process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

/// Starts the role (the full name of a test function in this test program) with these arguments.
#[must_use]
pub fn spawn(role: &str, arguments: &[&str]) -> Process {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", role, "--nocapture", "--test-threads=1"])
        .env(ARGUMENTS, arguments.join(SEPARATOR))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines_of(child.stdout.take().unwrap());
    let errors = text_of(child.stderr.take().unwrap());
    Process {
        child,
        lines,
        errors: Some(errors),
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The harness does not end its own line before the role runs.
            if let Some((_, line)) = line.split_once(LINE)
                && sender.send(line.to_owned()).is_err()
            {
                return;
            }
        }
    });
    receiver
}

fn text_of(mut output: ChildStderr) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Process {
    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says; none within that time, or when it has ended.
    #[must_use]
    pub fn line(&self, within: Duration) -> Option<String> {
        self.lines.recv_timeout(within).ok()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it as a crash does: SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end: SIGTERM. Gives how long that took.
    pub fn terminate(self) -> Duration {
        let began = Instant::now();
        let pid = self.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.ended(Duration::from_secs(60));
        began.elapsed()
    }

    /// Closes its standard input and waits for it to end well.
    pub fn succeed(mut self, within: Duration) -> Vec<String> {
        drop(self.child.stdin.take());
        self.ended(within)
    }

    /// Waits for it to end well by itself. Gives the lines that were not read yet.
    ///
    /// # Panics
    /// Where it fails or does not end within that time.
    pub fn ended(mut self, within: Duration) -> Vec<String> {
        let deadline = Instant::now() + within;
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "the child did not end within {within:?}"
            );
            std::thread::sleep(Duration::from_millis(2));
        };
        let errors = self.errors.take().unwrap().join().unwrap();
        assert!(status.success(), "the child failed ({status}): {errors}");
        std::iter::from_fn(|| self.line(Duration::from_secs(1))).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the parent asks of this process; none where it is no child.
#[must_use]
pub fn arguments() -> Option<Vec<String>> {
    let text = std::env::var(ARGUMENTS).ok()?;
    Some(text.split(SEPARATOR).map(str::to_owned).collect())
}

/// Says a line to the parent.
#[allow(clippy::print_stdout, reason = "the way to the parent")]
pub fn say(line: &str) {
    println!("{LINE}{line}");
}

/// Calls `orphaned` when the parent closes our standard input, or has died.
pub fn with_parent(orphaned: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        orphaned();
    });
}
