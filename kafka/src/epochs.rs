//! The leader epochs of what was read of a log: by them it is found out how far the log of another leader is the same.

use std::collections::VecDeque;

use crate::offsets::EpochEnd;

/// Epochs that are remembered of one partition. Older ones matter only to a leader that missed so many elections.
const REMEMBERED_MAX: usize = 16;

/// The epochs of the batches that were read of one partition, as far as known.
///
/// Two logs of a partition that both hold an epoch are the same up to where the shorter of the two ends it: there is
/// one leader in each epoch, and everybody copies from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadEpochs {
    /// Each epoch, ascending, and an offset up to which no later epoch was read: where the next one begins, all of
    /// this one lies before.
    spans: VecDeque<(i32, i64)>,
}

impl ReadEpochs {
    /// What a store knows: the epoch of the batch read last before `position`; -1 = nothing.
    pub(super) fn stored(epoch: i32, position: i64) -> Self {
        let mut epochs = Self::default();
        epochs.read(epoch, position);
        epochs
    }

    /// Takes note of a batch of `epoch` that begins at `offset`.
    pub(super) fn read(&mut self, epoch: i32, offset: i64) {
        let last = self.last();
        if epoch == last {
            return;
        }
        if epoch < last {
            // Unknown, or less than one before: nothing that was known helps to compare logs any more.
            self.spans.clear();
        }
        if epoch >= 0 {
            self.spans.push_back((epoch, offset));
        }
        if self.spans.len() > REMEMBERED_MAX {
            self.spans.pop_front();
        }
    }

    /// Epoch of the batch read last; -1 = unknown.
    pub(super) fn last(&self) -> i32 {
        self.spans.back().map_or(-1, |(epoch, _)| *epoch)
    }

    /// Up to which offset a leader's log is the one that was read up to `position`, where that leader says that the
    /// largest epoch it has up to [`Self::last`] ends so. `None` = it cannot be told.
    pub(super) fn agreed(&self, leader: EpochEnd, position: i64) -> Option<i64> {
        let at = self
            .spans
            .iter()
            .position(|(epoch, _)| *epoch == leader.leader_epoch)?;
        let ours = self.spans.get(at + 1).map_or(position, |(_, from)| *from);
        Some(leader.end_offset.min(ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(leader_epoch: i32, end_offset: i64) -> EpochEnd {
        EpochEnd {
            leader_epoch,
            end_offset,
        }
    }

    fn read() -> ReadEpochs {
        let mut epochs = ReadEpochs::stored(3, 10);
        epochs.read(3, 10);
        epochs.read(5, 20);
        epochs.read(5, 25);
        epochs
    }

    #[test]
    fn logs_agree_up_to_where_the_shorter_ends_their_newest_common_epoch() {
        for (leader, agreed) in [
            (end(5, 40), Some(30)),
            (end(5, 27), Some(27)),
            (end(3, 15), Some(15)),
            (end(3, 28), Some(20)),
        ] {
            assert_eq!(read().agreed(leader, 30), agreed, "{leader:?}");
        }
    }

    #[test]
    fn an_epoch_that_was_not_read_tells_nothing() {
        assert_eq!(read().agreed(end(4, 22), 30), None);
        assert_eq!(read().agreed(end(2, 5), 30), None);
        assert_eq!(ReadEpochs::default().agreed(end(0, 5), 30), None);
    }

    #[test]
    fn an_epoch_that_goes_back_or_is_unknown_makes_a_new_beginning() {
        let mut epochs = read();
        epochs.read(4, 30);
        assert_eq!((epochs.last(), epochs.agreed(end(3, 15), 31)), (4, None));
        epochs.read(-1, 31);
        assert_eq!(epochs, ReadEpochs::default());
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut epochs = ReadEpochs::default();
        for epoch in 0..100 {
            epochs.read(epoch, i64::from(epoch) * 10);
        }
        assert_eq!(epochs.spans.len(), REMEMBERED_MAX);
        assert_eq!(epochs.agreed(end(98, 985), 1_000), Some(985));
    }
}
