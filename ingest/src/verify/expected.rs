//! What the store must have of a range of records, gathered until it is much, then compared with the segments.

use quipu_proto::{Decoded, Message, Reason, Table};
use xxhash_rust::xxh3::xxh3_128;

/// What the store must have at one offset.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) log: usize,
    pub(super) offset: i64,
    pub(super) what: What,
    /// Rows that are as they should be.
    pub(super) right: usize,
    /// The first thing that is not, in words.
    pub(super) wrong: Option<String>,
}

/// What a record must have become.
#[derive(Debug)]
pub(super) enum What {
    /// Rows.
    Rows(Rows),
    /// A dead letter.
    Letter {
        /// Why.
        reason: Reason,
        /// Its bytes.
        payload: Option<Box<[u8]>>,
    },
}

/// The rows of one record.
#[derive(Debug)]
pub(super) struct Rows {
    /// The table of the message.
    table: Table,
    /// Its rows there.
    count: usize,
    id: MessageId,
    /// Ids of the events of a batch.
    events: Box<[MessageId]>,
}

impl Rows {
    pub(super) fn of(decoded: &Decoded<'_>) -> Self {
        let message = &decoded.message;
        let events = match message {
            Message::EventBatch(batch) => batch
                .events
                .iter()
                .map(|event| MessageId::of(event.header.map_or(&[][..], |header| header.message_id)))
                .collect(),
            _ => Box::default(),
        };
        Self {
            table: message.table(),
            count: message.row_count(),
            id: MessageId::of(message.header().map_or(&[][..], |header| header.message_id)),
            events,
        }
    }

    /// How many rows there must be in all tables.
    pub(super) fn total(&self) -> usize {
        self.count + self.events.len()
    }

    /// Whether a row is one of these; if not, why, in words.
    pub(super) fn check(&self, table: Table, item: i32, message_id: &[u8]) -> Result<(), String> {
        let item = usize::try_from(item).unwrap_or(usize::MAX);
        let expected = if table == self.table && item < self.count {
            self.id
        } else if table == Table::Events && self.table == Table::EventBatches && item < self.events.len() {
            self.events[item]
        } else {
            return Err(format!("a row of {table} with item {item}"));
        };
        let found = MessageId::of(message_id);
        if found == expected {
            Ok(())
        } else {
            Err(format!(
                "message {found} in {table} item {item} instead of {expected}"
            ))
        }
    }

    /// In words.
    pub(super) fn describe(&self) -> String {
        match (self.events.len(), self.count) {
            (0, 1) => format!("a row of {} with message {}", self.table, self.id),
            (0, count) => format!("{count} rows of {} with message {}", self.table, self.id),
            (events, _) => format!("a row of {} and {events} of {}", self.table, Table::Events),
        }
    }

    /// About the memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.events.len() * size_of::<MessageId>()
    }
}

/// An id of a message; of one that is longer than 16 bytes, its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MessageId {
    bytes: [u8; 16],
    /// Of the id itself.
    len: u32,
}

impl MessageId {
    fn of(id: &[u8]) -> Self {
        let mut bytes = [0; 16];
        match bytes.get_mut(..id.len()) {
            Some(room) => room.copy_from_slice(id),
            None => bytes = xxh3_128(id).to_be_bytes(),
        }
        Self {
            bytes,
            len: id.len() as u32,
        }
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.len {
            0 => f.write_str("without id"),
            len @ 1..=16 => {
                for byte in &self.bytes[..len as usize] {
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
            len => write!(f, "of {len} bytes, hash {:032x}", u128::from_be_bytes(self.bytes)),
        }
    }
}
