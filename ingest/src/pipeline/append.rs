//! The step that records and retried letters share: decode, number, append.

use quipu_proto::{Decoder, Numbered, Place, Rejection, Table, TableBuilders};

use crate::numbering::Numbering;

/// What a record became.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appended {
    /// The table of its message.
    pub(crate) table: Table,
    /// The table that grew most.
    pub(crate) grown: Table,
    /// Rows in all tables.
    pub(crate) rows: usize,
}

/// Decodes a value, has it numbered and appends its rows. A value that is rejected changes nothing.
// The message stays where the decoder built it: `?` would move it, and a call would too.
#[inline(always)]
pub(super) fn append(
    decoder: &mut Decoder,
    mut numbering: Numbering<'_>,
    tables: &mut TableBuilders,
    events_numbered: &mut Vec<Numbered>,
    place: &Place<'_>,
    value: Option<&[u8]>,
) -> Result<Appended, Rejection> {
    match decoder.decode(value) {
        Ok(decoded) => {
            let numbered = numbering.number(&decoded, tables, events_numbered);
            let rows = tables.rows();
            tables.append(place, &decoded, numbered, events_numbered);
            Ok(Appended {
                table: decoded.message.table(),
                grown: decoded.message.largest_table(),
                rows: tables.rows() - rows,
            })
        }
        Err(rejection) => Err(rejection),
    }
}
