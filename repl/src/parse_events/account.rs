//! What was read.

use std::collections::HashMap;

use quipu::proto::SequenceVerdict;
use quipu::store::sequence::ThreadJudge;

use super::piece::{Number, Rejected};
use super::say;

/// Rejected records that are told one by one.
const TOLD_MAX: u64 = 20;

/// Counts of one reading.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Documents that were printed.
    pub(super) documents: u64,
    /// Records that are no message.
    pub(super) rejected: u64,
    threads: HashMap<u64, ThreadJudge>,
    numbers: u64,
    gaps: u64,
    missing: u64,
    duplicates: u64,
    reordered: u64,
}

impl Account {
    /// Tells of a rejected record, the first of them one by one.
    pub(super) fn reject(&mut self, rejected: &Rejected) {
        self.rejected += 1;
        if self.rejected <= TOLD_MAX {
            say(&format!("rejected: {}", rejected.text));
        } else if self.rejected == TOLD_MAX + 1 {
            say("rejected: more records, which are counted from here on");
        }
    }

    /// Judges a sequence number.
    pub(super) fn number(&mut self, number: &Number) {
        let judge = self.threads.entry(number.thread).or_default();
        let observation = judge.arrive(number.sequence, number.id, Some(number.time_us));
        self.numbers += 1;
        match observation.verdict {
            SequenceVerdict::Gap => {
                self.gaps += 1;
                self.missing += observation.missing;
            }
            SequenceVerdict::Duplicate => self.duplicates += 1,
            SequenceVerdict::Reordered => self.reordered += 1,
            SequenceVerdict::First | SequenceVerdict::InOrder | SequenceVerdict::Unsequenced => {}
        }
    }

    /// Tells what was read.
    pub(super) fn tell(&self) {
        say(&format!("Processed {} messages", self.documents));
        say(&format!("Rejected {} records", self.rejected));
        say(&format!(
            "Sequence numbers: {} in {} threads, {} gaps ({} numbers skipped), {} duplicate, {} reordered",
            self.numbers,
            self.threads.len(),
            self.gaps,
            self.missing,
            self.duplicates,
            self.reordered
        ));
    }
}
