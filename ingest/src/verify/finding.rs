//! What differs, as data: one finding is one line.

use std::fmt;

use quipu_proto::LogPartition;

/// A part of a verification. Each can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The files of the store against what the manifests say of them.
    Files,
    /// Every offset against the places where it may be.
    Account,
    /// `sequence_runs` against the numbers of the rows.
    Ledger,
    /// The sequence book, and the verdicts that it gave, against the rows.
    Book,
    /// The rows against the source that they were read from.
    Source,
}

impl Part {
    /// Every part, in the order in which they are done.
    pub const ALL: [Self; 5] = [Self::Files, Self::Account, Self::Ledger, Self::Book, Self::Source];

    /// The name of the part.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Account => "account",
            Self::Ledger => "ledger",
            Self::Book => "book",
            Self::Source => "source",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A file that should be there is not.
    FileMissing,
    /// The bytes of a file are not those that were written.
    FileDamaged,
    /// A file cannot be read, or not as what it should be.
    FileUnreadable,
    /// A file that is whole says something else than the manifest says of it.
    FileContradictsManifest,
    /// Two rows of a table have one identity, or one record has rows in two places of a table.
    RowTwice,
    /// A dead letter whose payload is not the one that its row was made with.
    LetterDiffers,
    /// Offsets that are in no place at all.
    OffsetsMissing,
    /// An offset that is in more than one place.
    OffsetTwice,
    /// Rows, letters or holes at offsets that the manifest does not claim to have read.
    OffsetUnclaimed,
    /// A batch whose events are not all there, or events without their batch.
    BatchIncomplete,
    /// A resolution without its dead letter or without the rows that it promises.
    ResolutionIncomplete,
    /// The runs of a thread are not those of its rows.
    RunsDiffer,
    /// A message with another verdict than its place gives it.
    VerdictDiffers,
    /// A message that is, or is not, a copy, and says otherwise.
    RepeatedDiffers,
    /// The sequence book remembers a thread otherwise than its rows say.
    BookDiffers,
    /// A record of the source is in no place of the store.
    RecordMissing,
    /// The store has something at an offset that holds no record, or another record, in the source.
    RecordUnknown,
    /// A record of the source became something else than it should be.
    RecordDiffers,
    /// The source cannot be read.
    SourceUnreadable,
}

impl FindingKind {
    /// The kind in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FileMissing => "missing file",
            Self::FileDamaged => "damaged file",
            Self::FileUnreadable => "unreadable file",
            Self::FileContradictsManifest => "file contradicts the manifest",
            Self::RowTwice => "row there twice",
            Self::LetterDiffers => "dead letter differs",
            Self::OffsetsMissing => "offsets in no place",
            Self::OffsetTwice => "offset in several places",
            Self::OffsetUnclaimed => "offset never claimed",
            Self::BatchIncomplete => "incomplete batch",
            Self::ResolutionIncomplete => "incomplete resolution",
            Self::RunsDiffer => "runs differ",
            Self::VerdictDiffers => "verdict differs",
            Self::RepeatedDiffers => "repeated differs",
            Self::BookDiffers => "book differs",
            Self::RecordMissing => "record missing",
            Self::RecordUnknown => "record unknown",
            Self::RecordDiffers => "record differs",
            Self::SourceUnreadable => "unreadable source",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where something differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingPlace {
    /// A file or folder: below the store with `/` between its parts, or a source file as it was named.
    File(String),
    /// Offsets of a partition.
    Offsets {
        /// The partition.
        log: LogPartition,
        /// The first of them.
        first: i64,
        /// The last, inclusive.
        last: i64,
    },
    /// A thread of a partition.
    Thread {
        /// The partition.
        log: LogPartition,
        /// Its tenant.
        tenant_id: String,
        /// Its name.
        thread_id: String,
    },
    /// A source as a whole, named in words.
    Source(String),
}

impl fmt::Display for FindingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Offsets { log, first, last } if first == last => write!(f, "{log} offset {first}"),
            Self::Offsets { log, first, last } => write!(f, "{log} offsets {first} to {last}"),
            // What a producer names a thread must not break the line.
            Self::Thread {
                log,
                tenant_id,
                thread_id,
            } => write!(f, "{log} tenant {tenant_id:?} thread {thread_id:?}"),
            Self::Source(name) => f.write_str(name),
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The part that found it.
    pub part: Part,
    /// What kind of difference it is.
    pub kind: FindingKind,
    /// Where.
    pub place: FindingPlace,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}: expected {}, found {}",
            self.part, self.kind, self.place, self.expected, self.found
        )
    }
}
