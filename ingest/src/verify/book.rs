//! Part *book*: what the sequence book has said and what it remembers, recomputed from the rows.
//!
//! | what | must be |
//! |---|---|
//! | `sequence_verdict`, `repeated` of a row | what the rules give for its message after all before it in its thread |
//! | a thread of the newest snapshot of the book | what the messages leave that were committed with it or before |
//! | a thread of an index that was closed cleanly | what all messages leave |
//!
//! A dead letter that was retried was counted when it came, behind messages of higher offsets. Its thread is left out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{TimestampMicrosecondType, UInt64Type};
use hashbrown::{HashMap, HashSet};
use quipu_proto::{SequenceVerdict, Table};
use quipu_store::paths::Root;
use quipu_store::sequence::{BookFolder, Repeated, ThreadJudge, ThreadMemory, read_index};
use quipu_store::{ManifestId, Segment, Snapshot};

use super::finding::{FindingKind, FindingPlace, Part};
use super::report::VerifyReport;
use super::threads::{Row, Share, messages};
use super::{Check, Complete, relative};
use crate::rows::{Texts, column};

/// What the book remembers of the threads of a share.
#[derive(Debug, Default)]
pub(super) struct Memories {
    /// The manifest with which the snapshot was committed; none if there is none.
    taken_at: Option<ManifestId>,
    snapshot: HashMap<u32, ThreadMemory>,
    /// None if no index is relied on.
    index: Option<HashMap<u32, ThreadMemory>>,
}

impl Memories {
    pub(super) fn read(&mut self, check: &mut Check<'_>, snapshot: &Snapshot, share: &mut Share) -> Complete {
        let mut complete = Complete::Yes;
        for segment in snapshot.segments(Table::SequenceBook) {
            self.taken_at = self.taken_at.max(Some(segment.added_by));
            complete.and(check.scan(Part::Book, snapshot, segment, &[], |_, batch, path| {
                let logs = share.logs.of_rows(batch, path)?;
                let tenant_id = Texts::of(batch, "tenant_id", path)?;
                let thread_id = Texts::of(batch, "thread_id", path)?;
                let newest_sequence = column(batch, "newest_sequence", path, |array| {
                    array.as_primitive_opt::<UInt64Type>()
                })?;
                let newest_time = column(batch, "newest_time", path, |array| {
                    array.as_primitive_opt::<TimestampMicrosecondType>()
                })?;
                let recent_ids = column(batch, "recent_ids", path, |array| array.as_binary_opt::<i32>())?;
                let has_unsequenced = column(batch, "has_unsequenced", path, |array| array.as_boolean_opt())?;
                for (row, log) in logs.into_iter().enumerate() {
                    let Some(thread) = share.thread(log, tenant_id.value(row), thread_id.value(row)) else {
                        continue;
                    };
                    let memory = ThreadMemory {
                        newest_sequence: newest_sequence.value(row),
                        newest_time_us: newest_time.is_valid(row).then(|| newest_time.value(row)),
                        has_unsequenced: has_unsequenced.value(row),
                        recent_ids: recent_ids.value(row).to_vec(),
                    };
                    self.snapshot.insert(thread, memory);
                }
                Ok(())
            }));
        }
        complete.and(self.read_index(check, snapshot, share));
        complete
    }

    /// The index, if it is one of the manifest that is verified.
    fn read_index(&mut self, check: &mut Check<'_>, snapshot: &Snapshot, share: &mut Share) -> Complete {
        let root = Root::new(check.store);
        let manifest = snapshot.manifest();
        let look = || BookFolder::look(&root.book(), &manifest.store_id, manifest.id);
        let closed = look();
        if !matches!(closed, BookFolder::Closed { .. }) {
            return Complete::Yes;
        }
        let mut index = HashMap::new();
        let read = read_index(&root.book(), manifest.id, &scratch(check), |entry| {
            let log = share.logs.number(&entry.log);
            if let Some(thread) = share.thread(log, &entry.tenant_id, &entry.thread_id) {
                index.insert(thread, entry.memory);
            }
        });
        match read {
            // A writer has taken it over meanwhile.
            _ if quipu_store::is_being_written(&root) || look() != closed => Complete::Yes,
            Ok(()) => {
                self.index = Some(index);
                Complete::Yes
            }
            Err(error) => {
                let place = FindingPlace::File(relative(check.store, &root.book()));
                let kind = FindingKind::FileUnreadable;
                check
                    .report
                    .find(Part::Book, kind, place, "an index that can be read", error);
                Complete::No
            }
        }
    }
}

/// A folder that nobody else uses.
fn scratch(check: &Check<'_>) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    check
        .options
        .scratch
        .join(format!("quipu-verify-{}-{number}", std::process::id()))
}

/// Compares everything that is said of one thread with what its rows give.
pub(super) fn compare(
    report: &mut VerifyReport,
    snapshot: &Snapshot,
    share: &Share,
    thread: u32,
    rows: &[Row],
    memories: &Memories,
    is_late: bool,
) {
    if is_late {
        report.counts.threads_not_recomputed += 1;
        return;
    }
    let name = share.threads.name(thread);
    let outside = name.thread_id.is_empty();
    let segments = &snapshot.manifest().segments;
    let mut judge = ThreadJudge::default();
    let mut ids: HashSet<u64> = HashSet::new();
    let remembered = memories.snapshot.get(&thread);
    // What the thread was at each point that may have been the snapshot's.
    let (mut in_snapshot, mut is_due) = (false, false);
    let mut expected = ThreadMemory::default();
    for message in messages(rows) {
        let Some(row) = message.first() else { continue };
        let sequence = if outside { 0 } else { row.sequence };
        let observed = judge.arrive(sequence, row.id_hash, row.time_us);
        let repeated = match observed.repeated {
            Repeated::Yes => true,
            Repeated::No => false,
            Repeated::LookUp => ids.contains(&row.id_hash),
        };
        if row.id_hash != 0 {
            ids.insert(row.id_hash);
        }
        for row in message {
            judged(report, share, row, observed.verdict, repeated);
        }
        let counted = committed_with(&segments[row.segment as usize]);
        if memories.taken_at.is_some_and(|taken_at| counted <= taken_at) {
            is_due = true;
            expected = judge.memory();
            in_snapshot = remembered == Some(&expected);
        }
    }
    let mut find = |expected: String, found: String| {
        report.find(
            Part::Book,
            FindingKind::BookDiffers,
            share.place(thread),
            expected,
            found,
        );
    };
    if is_due != remembered.is_some() || is_due != in_snapshot {
        let expected = if is_due {
            described(Some(&expected))
        } else {
            described(None)
        };
        find(
            format!("{expected} in the snapshot of the book"),
            described(remembered),
        );
    }
    let mut compared = u64::from(remembered.is_some());
    if let Some(index) = &memories.index {
        let found = index.get(&thread);
        compared += u64::from(found.is_some());
        let memory = judge.memory();
        let expected = (!rows.is_empty()).then_some(&memory);
        if found != expected {
            find(
                format!("{} in the index of the book", described(expected)),
                described(found),
            );
        }
    }
    report.counts.book_threads += compared;
}

/// The commit with which the messages of a segment were counted.
fn committed_with(segment: &Segment) -> ManifestId {
    segment.last_commit
}

/// Compares what a row says with what the rules say of its message.
fn judged(report: &mut VerifyReport, share: &Share, row: &Row, verdict: SequenceVerdict, repeated: bool) {
    let place = || {
        let log = share.threads.name(row.thread).log;
        FindingPlace::Offsets {
            log: share.logs.log(log).clone(),
            first: row.position.offset,
            last: row.position.offset,
        }
    };
    let of = || match row.table {
        Table::Events if row.position.rank > 0 => format!(" in {} item {}", row.table, row.position.rank - 1),
        table => format!(" in {table}"),
    };
    if row.verdict != Some(verdict) {
        let found = row.verdict.map_or("no verdict", SequenceVerdict::as_str);
        let kind = FindingKind::VerdictDiffers;
        report.find(Part::Book, kind, place(), format!("{verdict}{}", of()), found);
    }
    if row.repeated != repeated {
        let kind = FindingKind::RepeatedDiffers;
        let (expected, found) = (format!("{repeated}{}", of()), row.repeated.to_string());
        report.find(Part::Book, kind, place(), expected, found);
    }
}

fn described(memory: Option<&ThreadMemory>) -> String {
    let Some(memory) = memory else {
        return "nothing".to_owned();
    };
    let ids: Vec<String> = memory
        .recent_ids
        .chunks(8)
        .map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    format!(
        "number {}, time {}, {}unsequenced, ids [{}]",
        memory.newest_sequence,
        memory
            .newest_time_us
            .map_or_else(|| "none".to_owned(), |time| time.to_string()),
        if memory.has_unsequenced { "" } else { "none " },
        ids.join(" ")
    )
}
