//! The DashStream protocol: from the bytes of a Kafka record to rows of Arrow columns.
//!
//! ```text
//! record value --unframe--> protobuf --parse--> Message (a view: can fail) --append--> TableBuilders (cannot fail)
//!                                  \--reject--> dead letter
//! ```
//!
//! - [`Decoder`] takes the framing off a value and reads the message into a borrowed view. Whatever is wrong with a
//!   record is found there and becomes a [`Rejection`] with one of a closed list of [`Reason`]s.
//! - [`TableBuilders`] appends views to the columns of the eleven tables that records become rows of.
//! - [`message`] has prost types of the same schema, for writing messages, and [`framing::Encoder`] makes values of them.
//! - [`json_form`] writes views as the JSON documents that people and scripts read.
//! - [`frames`] is a file format for recorded records.
//! - [`letter`] is the JSON form of a dead letter, for readers and producers.
//! - [`state`] follows the state of an agent through the messages that tell of it, and writes them.
//!
//! What this crate is not: it does not read Kafka, does not write files, and keeps no state between messages but
//! its buffers.
//!
//! ```
//! use quipu_proto::message::{DashStreamMessage, Event, Header, dash_stream_message::Message};
//! use quipu_proto::{Decoder, Numbered, Place, Policy, SequenceVerdict, Table, TableBuilders, TopicIncarnation};
//! use quipu_proto::framing::{self, Compression};
//!
//! let header = Header { thread_id: "session-1".into(), sequence: 1, ..Header::default() };
//! let event = Event { header: Some(header), event_type: 1, ..Event::default() };
//! let value = framing::encode(
//!     &DashStreamMessage { message: Some(Message::Event(event)) },
//!     Compression::default(),
//! );
//!
//! let mut decoder = Decoder::new(Policy::Compatible);
//! let mut tables = TableBuilders::new();
//! let log = tables.log_index(&TopicIncarnation::new("dashstream-events", "unknown"));
//! let place = Place { log, partition: 0, offset: 0, kafka_time_us: None, key: None, headers: None };
//! let decoded = decoder.decode(Some(&value))?;
//! tables.append(&place, &decoded, Numbered { verdict: SequenceVerdict::First, repeated: false }, &[]);
//!
//! let (table, rows) = tables.finish()?.remove(0);
//! assert_eq!(table, Table::Events);
//! assert_eq!(rows.num_rows(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod builders;
mod columns;
mod dead_letter;
mod decoder;
pub mod enums;
mod error;
mod expand;
pub mod frames;
pub mod framing;
mod header;
pub mod ids;
mod json;
pub mod json_form;
pub mod letter;
pub mod limits;
mod maps;
pub mod message;
mod messages;
mod policy;
pub mod schema;
mod scratch;
pub mod sequence;
pub mod state;
pub mod table;
mod unknown;
mod wire;

pub use builders::{BUFFERED_BYTES_MAX, TableBuilders};
pub use columns::{LogIndex, Numbered, Place};
pub use decoder::{Decoded, Decoder, Message};
pub use error::{Reason, Rejection, RejectionDetails};
pub use header::Header;
pub use ids::{LogPartition, Offset, PartitionId, RecordFingerprint, TopicIncarnation};
pub use json::{JsonField, json_bytes};
pub use policy::{Policy, SCHEMA_VERSION, UnknownPolicy};
pub use scratch::{ComposedText, Span};
pub use sequence::{Emitter, SequenceVerdict};
pub use table::Table;

/// The views of the nine message types.
pub mod views {
    pub use crate::messages::checkpoint::{CheckpointState, CompressionInfo};
    pub use crate::messages::event::HotAttributes;
    pub use crate::messages::metrics::{MetricValue, MetricView};
    pub use crate::messages::token_chunk::TokenStats;
    pub use crate::messages::{
        CheckpointView, ErrorView, EventBatchView, EventView, ExecutionTraceView, MetricsView, StateDiffView,
        TokenChunkView, ToolExecutionView,
    };
}
