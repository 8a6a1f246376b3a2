//! The handle to a store.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use quipu_ingest::{FramesFile, PipelineOptions, Progress, ProgressCounts, Stop, ingest_frames};
use quipu_sql::{
    Arguments, At, Completeness, PriceTable, Report, Session, SessionOptions, SqlError, ThreadState,
    completeness, thread_state,
};
use quipu_store::{Reader, Snapshot, Writer, WriterOptions};

use crate::error::Result;
use crate::report::OpenReport;
use crate::rows::Rows;

/// The price list of a store, in its root folder.
const PRICES: &str = "prices.csv";

/// A store, opened for questions. Any number of handles, in any number of processes, may be open beside one writer.
#[derive(Debug)]
pub struct Quipu {
    reader: Reader,
    options: SessionOptions,
    /// The session over the newest snapshot that was asked: the next question to the same one finds its tables made
    /// and the footers of its files read.
    session: Mutex<Option<Session>>,
}

impl Quipu {
    /// Opens the store in that folder.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, SessionOptions::default())
    }

    /// Opens the store in that folder, with settings for its sessions. Without a price list there, that of the store
    /// counts, if it has a file `prices.csv`.
    ///
    /// # Errors
    /// As [`Quipu::open`], and [`ErrorKind::Input`](crate::ErrorKind::Input) for a price list that is not one.
    pub fn open_with(path: impl AsRef<Path>, mut options: SessionOptions) -> Result<Self> {
        let reader = Reader::open(path)?;
        let prices = reader.root().join(PRICES);
        if options.prices.is_none() && prices.is_file() {
            options.prices = Some(Arc::new(PriceTable::read(&prices).map_err(SqlError::from)?));
        }
        Ok(Self {
            reader,
            options,
            session: Mutex::new(None),
        })
    }

    /// Opens the store in that folder, and makes it first if there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) if there is none and another process is making it.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        match Self::open(&path) {
            Err(error) if error.kind() == crate::ErrorKind::NotFound => {
                Writer::open(&path, WriterOptions::default())?.close();
                Self::open(path)
            }
            opened => opened,
        }
    }

    /// The root folder of the store.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.reader.root()
    }

    /// The newest snapshot. It stays as it is, and its files stay in place, while it or a clone of it lives.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) for a damaged manifest.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.reader.snapshot()?)
    }

    /// A session over the newest snapshot: all its answers are of the same moment.
    ///
    /// # Errors
    /// As [`Quipu::snapshot`].
    pub fn session(&self) -> Result<Session> {
        let snapshot = self.snapshot()?;
        let mut newest = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = newest.as_ref()
            && session.snapshot().manifest().id == snapshot.manifest().id
        {
            return Ok(session.clone());
        }
        let session = Session::new(snapshot, self.options.clone())?;
        *newest = Some(session.clone());
        Ok(session)
    }

    /// Asks one SQL statement of the newest snapshot. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Query`](crate::ErrorKind::Query) for what is wrong with the statement; errors of running it come
    /// with the rows.
    pub async fn sql(&self, statement: &str) -> Result<Rows> {
        Ok(Rows::new(self.session()?.sql(statement).await?))
    }

    /// Opens a report over the newest snapshot.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for arguments that the report does not take, or that it lacks; as
    /// [`Quipu::snapshot`].
    pub fn report(&self, report: Report, arguments: &Arguments) -> Result<OpenReport> {
        OpenReport::new(&self.session()?, report, arguments)
    }

    /// How complete the newest snapshot is: the line that every report states.
    ///
    /// # Errors
    /// As for any question.
    pub async fn completeness(&self) -> Result<Completeness> {
        Ok(completeness(&self.session()?).await?)
    }

    /// The state of a thread at a moment, one for each topic and incarnation in which it lies; none if nothing tells of
    /// it.
    ///
    /// # Errors
    /// As for any question.
    pub async fn state_at(&self, tenant_id: &str, thread_id: &str, at: At) -> Result<Vec<ThreadState>> {
        Ok(thread_state(&self.session()?, tenant_id, thread_id, at).await?)
    }

    /// Takes recorded files in, with default settings, and returns when they are durable. Taking one in twice adds
    /// nothing. Blocks the calling thread; [`ingest`](crate::ingest) has settings, Kafka, and a way to stop.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) while another process writes the store,
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) for a file that is not what it should be.
    pub fn ingest(&self, files: &[FramesFile]) -> Result<ProgressCounts> {
        let progress = Arc::new(Progress::default());
        Ok(ingest_frames(
            self.path(),
            files,
            PipelineOptions::default(),
            &Stop::default(),
            &progress,
        )?)
    }
}
