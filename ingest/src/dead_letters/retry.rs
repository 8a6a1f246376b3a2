//! Retrying dead letters: those that decode now become the rows that they would have been, at their own offsets.
//!
//! | letter | becomes |
//! |---|---|
//! | decodes under the policy of the retry | rows, runs and a resolution, in one commit |
//! | is refused again | stays as it is; the report says why |
//! | tombstone, damaged batch, part of a payload | stays: it holds no whole message |
//! | resolved before | stays resolved; nothing is added |
//!
//! The sequence book counts the messages as late arrivals, in the order of their places: it takes the numbers in that
//! it has not seen, so that gaps close, and knows copies. What it then says depends on when the retry came, so each
//! commit of a retry holds a snapshot of the book: a rebuild, which goes through the log in order, starts behind it.
//! Positions do not move.
//!
//! A commit is all or nothing, and whether a letter is resolved is read from the store, so that a letter is taken in
//! once, whatever crashes and however often it is retried.

use std::path::Path;
use std::sync::Arc;

use quipu_proto::{Decoder, Policy, Reason, Table};
use quipu_store::{ManifestId, Reader};

use crate::dead_letters::{Letter, LetterChoice, LetterIndex, LetterPlace, resolution};
use crate::error::Result;
use crate::pipeline::{LateRecord, Pipeline, PipelineOptions};
use crate::progress::Progress;

/// A letter whose message now stands in the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedLetter {
    /// Its place.
    pub place: LetterPlace,
    /// The table of its message; events of a batch are rows of `events` besides.
    pub table: Table,
    /// Rows in all tables.
    pub rows: u64,
}

/// A letter that stays one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftLetter {
    /// Its place.
    pub place: LetterPlace,
    /// Why.
    pub why: WhyLeft,
}

/// Why a letter was not taken into the tables.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyLeft {
    /// It is refused under this policy too.
    #[error("{reason}: {detail}")]
    Refused {
        /// The reason.
        reason: Reason,
        /// What exactly is wrong.
        detail: String,
    },
    /// It holds no whole message that could be decoded.
    #[error("{0}: it holds no whole message")]
    NoMessage(Reason),
    /// An earlier retry took it in.
    #[error("it is resolved already")]
    Resolved,
    /// The store has no letter at that place.
    #[error("there is no dead letter at this place")]
    Unknown,
}

/// What a retry did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryReport {
    /// The policy.
    pub policy: Policy,
    /// Letters that were taken in, in the order in which they were counted.
    pub resolved: Vec<ResolvedLetter>,
    /// Letters that stay as they are.
    pub left: Vec<LeftLetter>,
    /// The commits: none when nothing was taken in, one as long as the rows do not exceed the bounds of
    /// [`FlushPolicy`](crate::FlushPolicy). Each holds whole letters with their resolutions.
    pub commits: Vec<ManifestId>,
}

/// Retries letters of a store under the policy of the options.
///
/// # Errors
/// There is no store, or another process writes it; see also [`Pipeline::retry`].
pub fn retry(store: &Path, choice: &LetterChoice, options: PipelineOptions) -> Result<RetryReport> {
    // A writer would make a store where there is none.
    Reader::open(store)?;
    let policy = options.policy;
    let mut pipeline = Pipeline::open(store, options, Arc::new(Progress::default()))?;
    let report = pipeline.retry(choice, policy)?;
    pipeline.close()?;
    Ok(report)
}

impl Pipeline {
    /// Retries letters of the store, after all that was pushed before is committed.
    ///
    /// # Errors
    /// Segments that cannot be read, a commit that fails. As after [`Self::flush`], the pipeline is of no more use then,
    /// and the store is as after the last commit that was made.
    pub fn retry(&mut self, choice: &LetterChoice, policy: Policy) -> Result<RetryReport> {
        self.flush()?;
        let index = LetterIndex::read(&self.snapshot())?;
        let mut retry = Retry {
            decoder: Decoder::new(policy),
            pending: Vec::new(),
            report: RetryReport {
                policy,
                resolved: Vec::new(),
                left: Vec::new(),
                commits: Vec::new(),
            },
        };
        let choice = &retry.without_the_impossible(&index, choice);
        for letters in index.letters(choice) {
            for letter in letters? {
                retry.take(self, letter)?;
            }
        }
        retry.commit(self)?;
        retry.report.left.sort_by(|a, b| a.place.cmp(&b.place));
        Ok(retry.report)
    }
}

/// A retry under way.
struct Retry {
    decoder: Decoder,
    /// Letters whose rows are not committed yet.
    pending: Vec<ResolvedLetter>,
    report: RetryReport,
}

impl Retry {
    /// What is left of the choice without letters that do not exist or are resolved.
    fn without_the_impossible(&mut self, index: &LetterIndex, choice: &LetterChoice) -> LetterChoice {
        let LetterChoice::Places(places) = choice else {
            return LetterChoice::Unresolved;
        };
        let why = |place: &LetterPlace| {
            if !index.contains(place) {
                Some(WhyLeft::Unknown)
            } else if index.is_resolved(place) {
                Some(WhyLeft::Resolved)
            } else {
                None
            }
        };
        LetterChoice::places(
            places
                .iter()
                .filter(|place| match why(place) {
                    Some(why) => {
                        self.leave((*place).clone(), why);
                        false
                    }
                    None => true,
                })
                .cloned(),
        )
    }

    fn leave(&mut self, place: LetterPlace, why: WhyLeft) {
        self.report.left.push(LeftLetter { place, why });
    }

    fn take(&mut self, pipeline: &mut Pipeline, letter: Letter) -> Result<()> {
        let payload = match (letter.reason, &letter.payload) {
            (Some(reason @ (Reason::CorruptBatch | Reason::ForwardedPart)), _) => {
                self.leave(letter.place, WhyLeft::NoMessage(reason));
                return Ok(());
            }
            (_, None) => {
                self.leave(letter.place, WhyLeft::NoMessage(Reason::Tombstone));
                return Ok(());
            }
            (_, Some(payload)) => payload,
        };
        let late = LateRecord {
            log: &letter.place.log,
            offset: letter.place.offset,
            kafka_time_us: letter.kafka_time_us,
            key: letter.key.as_deref(),
            headers: letter.headers.as_deref(),
            value: payload,
        };
        match pipeline.append_late(&mut self.decoder, &late) {
            Ok(appended) => self.pending.push(ResolvedLetter {
                place: letter.place,
                table: appended.table,
                rows: appended.rows as u64,
            }),
            Err(rejection) => {
                let why = WhyLeft::Refused {
                    reason: rejection.reason,
                    detail: rejection.detail.clone(),
                };
                self.leave(letter.place, why);
            }
        }
        if pipeline.flush_due_by_size() {
            self.commit(pipeline)?;
        }
        Ok(())
    }

    fn commit(&mut self, pipeline: &mut Pipeline) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let rows = resolution::rows(&self.pending, self.report.policy)?;
        let report = pipeline.commit_late((Table::DeadLetterResolutions, rows))?;
        self.report.commits.push(report.manifest);
        self.report.resolved.append(&mut self.pending);
        Ok(())
    }
}
