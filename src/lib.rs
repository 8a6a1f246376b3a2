//! Quipu: SQL over your agents' telemetry, with proof that nothing is missing.
//!
//! A store is a folder. [`Quipu`] is the handle to one: it takes recorded messages in and answers SQL.
//!
//! ```
//! use quipu::proto::framing::{self, Compression};
//! use quipu::proto::frames::{Frame, write_frame};
//! use quipu::proto::message::{DashStreamMessage, Event, Header, dash_stream_message::Message};
//! use quipu::{Quipu, ingest::FramesFile};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = |name: &str| folder.path().join(name);
//! // A recording with one message. `quipu ingest` follows Kafka instead.
//! let header = Header { thread_id: "session-1".into(), sequence: 1, ..Header::default() };
//! let message = Message::Event(Event { header: Some(header), event_type: 1, ..Event::default() });
//! let value = framing::encode(&DashStreamMessage { message: Some(message) }, Compression::default());
//! let mut file = std::fs::File::create(path("day.frames"))?;
//! write_frame(&mut file, &Frame { partition: 0, key: b"session-1", payload: &value })?;
//!
//! let quipu = Quipu::create(path("store"))?;
//! quipu.ingest(&[FramesFile::new(path("day.frames"))])?;
//!
//! let rows = quipu.sql("select thread_id, event_type from events").await?.collect().await?;
//! assert_eq!(rows[0].num_rows(), 1);
//! println!("{}", quipu.completeness().await?);
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`Quipu`], [`Rows`], [`OpenReport`] | the handle, and answers |
//! | [`ThreadState`], [`StateStatus`] | the state of an agent at a moment, and whether a hash proves it |
//! | [`Status`] | how a store is: positions, disk use, who writes it |
//! | [`Error`], [`ErrorKind`] | one error type, sorted by what a caller can do |
//! | [`ingest`] | sources and the pipeline into the store |
//! | [`metrics`] | the counters of a run for Prometheus |
//! | [`client`] | what applications write telemetry with: producer, recorder, consumer, rate limits |
//! | [`sql`] | sessions over one snapshot |
//! | [`store`] | snapshots and manifests |
//! | [`proto`] | messages, framing, the frames file format |
//! | [`gate`] | metrics of two selections of runs, and what follows |
//! | [`evals`] | metrics, baselines, suites, benchmarks, verdicts |
//! | [`arrow`] | the types that answers are made of |

mod error;
pub mod gate;
mod handle;
pub mod ingest;
mod last_sequence;
pub mod metrics;
mod report;
mod rows;
mod status;
mod telemetry;
mod typed;

pub use error::{Error, ErrorKind, Result};
pub use handle::Quipu;
pub use quipu_client as client;
pub use quipu_evals as evals;
pub use quipu_evals::{
    assert_metric_within_threshold, assert_no_critical_regressions, assert_quality_maintained,
};
pub use quipu_proto as proto;
pub use quipu_proto::schema::{DISPLAY_KEY, Display};
pub use quipu_proto::state::Status as StateStatus;
pub use quipu_proto::{Policy, Table};
pub use quipu_sql as sql;
pub use quipu_sql::{Access, At, Completeness, PriceTable, SessionOptions, Tails, ThreadState, arrow};
pub use quipu_store as store;
pub use quipu_store::Snapshot;
pub use report::OpenReport;
pub use rows::Rows;
pub use status::{Status, TableUse};
pub use telemetry::{TELEMETRY_VARIABLE, TelemetryProbe};
