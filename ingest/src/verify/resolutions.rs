//! Dead letters that were retried: what became of them is in the tables, beside the letter.

use hashbrown::HashSet;
use quipu_proto::Table;
use quipu_store::Snapshot;

use super::finding::Part;
use super::places::{At, LOG_COLUMNS, Logs, RowPlaces};
use super::{Check, Complete};

/// The table of their places. A store of a version without it has none.
const TABLE: &str = "dead_letter_resolutions";

/// Where they are.
pub(super) fn read(
    check: &mut Check<'_>,
    part: Part,
    snapshot: &Snapshot,
    logs: &mut Logs,
) -> (HashSet<At>, Complete) {
    let mut resolved = HashSet::new();
    let mut complete = Complete::Yes;
    let columns = [LOG_COLUMNS[0], LOG_COLUMNS[1], LOG_COLUMNS[2], "offset"];
    for segment in Table::from_name(TABLE)
        .into_iter()
        .flat_map(|table| snapshot.segments(table))
    {
        complete.and(check.scan(part, snapshot, segment, &columns, |_, batch, path| {
            let places = RowPlaces::of(batch, logs, path)?;
            let offsets = places.offset.values().iter().copied();
            resolved.extend(places.logs.iter().copied().zip(offsets));
            Ok(())
        }));
    }
    (resolved, complete)
}
