//! How enum numbers are called in documents.

use crate::enums::{self, NameOf};
use crate::json;

/// Which enum numbers have names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// Those that readers of this output have always seen. `UNKNOWN(n)` stands for event types 0, 80 to 83, 90 and 91
    /// and for header types 0 and 9; `UNKNOWN` for every stage and severity without a name.
    #[default]
    Reference,
    /// All that the schema names, as in the columns of the store; `UNKNOWN(n)` for every other number.
    All,
}

impl Names {
    /// Writes the name of a `MessageType`.
    pub(super) fn write_message_type(self, out: &mut Vec<u8>, number: i32) {
        if self == Self::Reference && !(1..=8).contains(&number) {
            write_unknown(out, number);
        } else {
            write(out, enums::message_type, number);
        }
    }

    /// Writes the name of an `EventType`.
    pub(super) fn write_event_type(self, out: &mut Vec<u8>, number: i32) {
        if self == Self::Reference && matches!(number, 0 | 80..=83 | 90 | 91) {
            write_unknown(out, number);
        } else {
            write(out, enums::event_type, number);
        }
    }

    /// Writes the name of an `ExecutionStage`.
    pub(super) fn write_stage(self, out: &mut Vec<u8>, number: i32) {
        self.write_plain(out, enums::execution_stage, number);
    }

    /// Writes the name of a `Severity`.
    pub(super) fn write_severity(self, out: &mut Vec<u8>, number: i32) {
        self.write_plain(out, enums::severity, number);
    }

    fn write_plain(self, out: &mut Vec<u8>, name_of: NameOf, number: i32) {
        if self == Self::Reference && !(1..=5).contains(&number) {
            json::write_string(out, "UNKNOWN");
        } else {
            write(out, name_of, number);
        }
    }
}

fn write(out: &mut Vec<u8>, name_of: NameOf, number: i32) {
    json::write_string(out, &name_of(number));
}

fn write_unknown(out: &mut Vec<u8>, number: i32) {
    out.extend_from_slice(b"\"UNKNOWN(");
    json::write_int(out, number);
    out.extend_from_slice(b")\"");
}
