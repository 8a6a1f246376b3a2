//! Whether a log is still the one that was read: what can be known of it, and what follows.
//!
//! A topic may have been deleted and created again, and an unclean election may have cut the end off a log and written
//! other records there. Both are another life of the log, and are never read on with the position of the one before.
//! Where the broker has topic ids a topic created anew has another name already, so that only a cut is left to be found.
//!
//! | topic id | leader epochs | high watermark | record read last | the log is |
//! |---|---|---|---|---|
//! | yes | agree up to the position | | | the same |
//! | yes | agree up to an offset below it | | | cut there |
//! | any | agree up to the position | | the same, gone, unknown | the same |
//! | any | none | at or above the position | the same, gone, unknown | the same |
//! | any | agree up to the position, or none | | another | another |
//! | any | agree no further than an unknown offset | | the same | cut behind that record |
//! | any | none | below the position | the same | cut behind that record |
//! | any | agree no further than an unknown offset | | another, gone, unknown | another |
//! | any | none | below the position | another, gone, unknown | another |
//!
//! So a log is taken for the same as far as that is known, and no further: what is read twice by this stands in another
//! incarnation and was told, and nothing is left out. Without topic ids leader epochs cannot tell a cut log from one
//! created anew, whose epochs begin at 0 once more; they can only say that something differs.

use crate::epochs::ReadEpochs;
use crate::offsets::EpochEnd;

/// How a log differs from the one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogChange {
    /// It is the same below this offset, and another one from there on.
    Truncated {
        /// First offset that differs.
        at: i64,
    },
    /// Nothing of it is known to be the same.
    Replaced,
}

/// What stands where the record was that was read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// That record.
    Same,
    /// Another record.
    Other,
    /// Nothing, or it is not known which record that was.
    Nothing,
}

/// What is known of a log, and of what was read of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'e> {
    /// Next offset to read.
    pub(super) position: i64,
    /// Epochs of what was read.
    pub(super) epochs: &'e ReadEpochs,
    /// Offset of the record that was read last, if known.
    pub(super) last_record: Option<i64>,
    /// Whether the broker names topics by id.
    pub(super) has_topic_id: bool,
    /// Epoch of the leader, -1 = unknown.
    pub(super) leader_epoch: i32,
    /// Where the leader ends the epoch that was read last, if it tells.
    pub(super) epoch_end: Option<EpochEnd>,
    /// High watermark.
    pub(super) high_watermark: i64,
}

/// What the leader epochs say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByEpochs {
    /// The same up to the position.
    Same,
    /// The same up to this offset below the position.
    CutAt(i64),
    /// Not the same up to the position, and how far is not known.
    Differs,
    /// Nothing.
    Silent,
}

impl Evidence<'_> {
    fn by_epochs(&self) -> ByEpochs {
        let last = self.epochs.last();
        match self.epoch_end {
            _ if last < 0 => ByEpochs::Silent,
            None => ByEpochs::Silent,
            Some(end) if end.leader_epoch < 0 || end.end_offset < 0 => {
                // Epochs of one log never go back.
                if (0..last).contains(&self.leader_epoch) {
                    ByEpochs::Differs
                } else {
                    ByEpochs::Silent
                }
            }
            Some(end) if end.leader_epoch == last && end.end_offset >= self.position => ByEpochs::Same,
            Some(end) => match self.epochs.agreed(end, self.position) {
                Some(at) if self.has_topic_id && at < self.position => ByEpochs::CutAt(at),
                _ => ByEpochs::Differs,
            },
        }
    }

    /// Whether the record that was read last has to be looked at.
    pub(super) fn needs_record(&self) -> bool {
        match self.by_epochs() {
            ByEpochs::Same => !self.has_topic_id,
            ByEpochs::CutAt(_) => false,
            ByEpochs::Differs | ByEpochs::Silent => true,
        }
    }

    /// How the log differs, given what stands where the last record was; `None` where it is the same.
    pub(super) fn judge(&self, found: Found) -> Option<LogChange> {
        let parted = match self.by_epochs() {
            ByEpochs::CutAt(at) => return Some(LogChange::Truncated { at }),
            ByEpochs::Same if self.has_topic_id => return None,
            ByEpochs::Same => false,
            ByEpochs::Differs => true,
            ByEpochs::Silent => self.high_watermark < self.position,
        };
        match (parted, found, self.last_record) {
            (true, Found::Same, Some(last)) => Some(LogChange::Truncated { at: last + 1 }),
            (true, ..) | (false, Found::Other, _) => Some(LogChange::Replaced),
            (false, Found::Same | Found::Nothing, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log read up to 20, the last batches in epoch 3, the last record at 18.
    fn judged(
        has_topic_id: bool,
        epoch_end: Option<(i32, i64)>,
        high_watermark: i64,
        found: Found,
    ) -> Option<LogChange> {
        let mut epochs = ReadEpochs::default();
        epochs.read(1, 0);
        epochs.read(3, 10);
        let evidence = Evidence {
            position: 20,
            epochs: &epochs,
            last_record: Some(18),
            has_topic_id,
            leader_epoch: 2,
            epoch_end: epoch_end.map(|(leader_epoch, end_offset)| EpochEnd {
                leader_epoch,
                end_offset,
            }),
            high_watermark,
        };
        let judged = evidence.judge(found);
        if !evidence.needs_record() {
            for other in [Found::Same, Found::Other, Found::Nothing] {
                assert_eq!(evidence.judge(other), judged, "the record does not matter");
            }
        }
        judged
    }

    const CUT_BEHIND_RECORD: Option<LogChange> = Some(LogChange::Truncated { at: 19 });
    const REPLACED: Option<LogChange> = Some(LogChange::Replaced);

    #[test]
    fn each_row_of_the_table_holds() {
        use Found::{Nothing, Other, Same};
        let cut = |at| Some(LogChange::Truncated { at });
        for (topic_id, epoch_end, high_watermark, found, expected) in [
            (true, Some((3, 20)), 20, Nothing, None),
            (true, Some((3, 20)), 15, Nothing, None),
            (true, Some((3, 15)), 30, Nothing, cut(15)),
            (true, Some((1, 5)), 30, Nothing, cut(5)),
            (true, Some((1, 15)), 30, Nothing, cut(10)),
            (true, Some((2, 15)), 30, Nothing, REPLACED),
            (true, Some((2, 15)), 30, Same, CUT_BEHIND_RECORD),
            (true, None, 30, Nothing, None),
            (true, None, 30, Other, REPLACED),
            (true, None, 19, Nothing, REPLACED),
            (true, None, 19, Same, CUT_BEHIND_RECORD),
            (false, Some((3, 20)), 20, Nothing, None),
            (false, Some((3, 20)), 20, Same, None),
            (false, Some((3, 20)), 20, Other, REPLACED),
            (false, Some((3, 15)), 30, Nothing, REPLACED),
            (false, Some((3, 19)), 30, Same, CUT_BEHIND_RECORD),
            (false, Some((-1, -1)), 30, Nothing, REPLACED),
            (false, None, 19, Other, REPLACED),
            (false, None, 20, Same, None),
        ] {
            let judged = judged(topic_id, epoch_end, high_watermark, found);
            assert_eq!(
                judged, expected,
                "{topic_id} {epoch_end:?} {high_watermark} {found:?}"
            );
        }
    }
}
