//! What a verification has looked at, and what it has found.

use std::collections::BTreeMap;
use std::fmt;

use super::finding::{Finding, FindingKind, FindingPlace, Part};

/// Findings that are kept; of more, only the number is known.
const FINDINGS_MAX: usize = 10_000;

/// Notes that are kept, likewise.
const NOTES_MAX: usize = 1_000;

/// Something that is no difference, but that a person may want to know: a foreign file, a part that could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The part that it belongs to.
    pub part: Part,
    /// A file, a partition or a thread.
    pub place: FindingPlace,
    /// What there is to know.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.part, self.place, self.text)
    }
}

/// How much was looked at. What several parts read counts once, in the part that is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyCounts {
    /// Part `files`: files that were read whole.
    pub files: u64,
    /// Part `files`: bytes of them.
    pub bytes: u64,
    /// Part `files`: rows whose every column was decoded.
    pub rows: u64,
    /// Part `account`: offsets that were accounted for.
    pub offsets: u64,
    /// Parts `ledger` and `book`: messages.
    pub messages: u64,
    /// Parts `ledger` and `book`: threads, once for each partition.
    pub threads: u64,
    /// Part `book`: of these, threads with a retried dead letter, whose verdicts depend on when it was retried and are
    /// not recomputed.
    pub threads_not_recomputed: u64,
    /// Part `book`: threads of the snapshot of the book, and of its index, that were compared.
    pub book_threads: u64,
    /// Part `source`: records that were compared.
    pub records: u64,
    /// Part `source`: offsets in the range that the source does not have any more.
    pub offsets_uncheckable: u64,
}

/// The outcome of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// The manifest that was verified; none if the newest cannot be read.
    pub manifest: Option<u64>,
    /// The parts that were done to their end.
    pub parts: Vec<Part>,
    /// The differences, in the order of the parts. At most 10,000 are kept.
    pub findings: Vec<Finding>,
    /// Differences beyond those.
    pub findings_left_out: u64,
    /// What else there is to know.
    pub notes: Vec<Note>,
    /// How much was looked at.
    pub counts: VerifyCounts,
}

impl VerifyReport {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many differences there are, those that are not kept included.
    #[must_use]
    pub fn finding_count(&self) -> u64 {
        self.findings.len() as u64 + self.findings_left_out
    }

    /// How many of the kept differences are of which kind.
    #[must_use]
    pub fn by_kind(&self) -> BTreeMap<FindingKind, u64> {
        let mut kinds = BTreeMap::new();
        for finding in &self.findings {
            *kinds.entry(finding.kind).or_default() += 1;
        }
        kinds
    }

    pub(super) fn find(
        &mut self,
        part: Part,
        kind: FindingKind,
        place: FindingPlace,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        // Every part that stumbles over one damaged file would else name it again.
        let about_file = matches!(place, FindingPlace::File(_));
        if about_file
            && self
                .findings
                .iter()
                .any(|known| known.place == place && (known.part != part || part != Part::Files))
        {
            return;
        }
        if self.findings.len() >= FINDINGS_MAX {
            self.findings_left_out += 1;
            return;
        }
        self.findings.push(Finding {
            part,
            kind,
            place,
            expected: expected.into(),
            found: found.into(),
        });
    }

    pub(super) fn note(&mut self, part: Part, place: FindingPlace, text: impl Into<String>) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(Note {
                part,
                place,
                text: text.into(),
            });
        }
    }
}
