//! A Redis server of a test's own.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

/// Where this is set, a missing `redis-server` fails the tests.
const REQUIRED: &str = "QUIPU_REQUIRE_REDIS";
/// Longest time for a server to start.
const START_MAX: Duration = Duration::from_secs(20);

/// Ends with the test. What it holds survives a restart.
pub(crate) struct Server {
    port: u16,
    folder: TempDir,
    more: Vec<&'static str>,
    child: Option<Child>,
}

impl Server {
    /// None where there is no `redis-server` and none is required.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(more: &[&'static str]) -> Option<Self> {
        let mut server = Self::reserve(more);
        server.run().await.then_some(server)
    }

    /// A server that does not run yet.
    pub(crate) fn reserve(more: &[&'static str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        Self {
            port,
            folder: TempDir::new().unwrap(),
            more: more.to_vec(),
            child: None,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it, with what it held before. False where there is no `redis-server`.
    pub(crate) async fn run(&mut self) -> bool {
        assert!(self.child.is_none(), "it runs");
        let started = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
            .args(&self.more)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        match started {
            Ok(child) => self.child = Some(child),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set: {error}");
                println!("skipped: there is no redis-server here");
                return false;
            }
            Err(error) => panic!("redis-server: {error}"),
        }
        let began = Instant::now();
        loop {
            if let Ok(mut connection) = self.try_connect().await {
                // A server with a password answers too.
                match redis::cmd("PING").query_async::<()>(&mut connection).await {
                    Err(error) if error.code() == Some("LOADING") => {}
                    _ => return true,
                }
            }
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "redis-server ended: {ended:?}");
            assert!(began.elapsed() < START_MAX, "redis-server does not answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        self.try_connect().await.unwrap()
    }

    async fn try_connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        let client = redis::Client::open(self.url())?;
        client.get_multiplexed_async_connection().await
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Lets it answer nothing while its connections stay.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
