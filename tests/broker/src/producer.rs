//! What a partition remembers of an idempotent producer, so that a batch sent twice is stored once.

use std::collections::VecDeque;

use kafka_protocol::ResponseError;

/// Batches remembered per producer: clients keep at most this many unanswered.
const RECENT_BATCHES: usize = 5;

/// The sequence numbers of one batch and where it was stored.
#[derive(Debug, Clone, Copy)]
struct StoredSequence {
    first: i32,
    last: i32,
    base_offset: i64,
}

/// What is to be done with a produced batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SequenceVerdict {
    /// Store it.
    Append,
    /// It was stored at this offset before: acknowledge that again.
    Duplicate(i64),
}

/// One idempotent producer in one partition.
#[derive(Debug, Default)]
pub(crate) struct ProducerState {
    epoch: i16,
    recent: VecDeque<StoredSequence>,
}

impl ProducerState {
    /// Judges a batch before it is stored.
    pub(crate) fn judge(&self, epoch: i16, first: i32, count: i32) -> Result<SequenceVerdict, ResponseError> {
        let Some(newest) = self.recent.back() else {
            // A producer without history here may start anywhere, as in Kafka after its state expired.
            return Ok(SequenceVerdict::Append);
        };
        if epoch < self.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if epoch > self.epoch {
            return if first == 0 {
                Ok(SequenceVerdict::Append)
            } else {
                Err(ResponseError::OutOfOrderSequenceNumber)
            };
        }
        let last = sequence_after(first, count - 1);
        if let Some(stored) = self
            .recent
            .iter()
            .find(|stored| stored.first == first && stored.last == last)
        {
            return Ok(SequenceVerdict::Duplicate(stored.base_offset));
        }
        if first == sequence_after(newest.last, 1) {
            Ok(SequenceVerdict::Append)
        } else if first <= newest.last {
            Err(ResponseError::DuplicateSequenceNumber)
        } else {
            Err(ResponseError::OutOfOrderSequenceNumber)
        }
    }

    /// Remembers a batch that was stored.
    pub(crate) fn stored(&mut self, epoch: i16, first: i32, count: i32, base_offset: i64) {
        if epoch != self.epoch {
            self.recent.clear();
            self.epoch = epoch;
        }
        if self.recent.len() == RECENT_BATCHES {
            self.recent.pop_front();
        }
        self.recent.push_back(StoredSequence {
            first,
            last: sequence_after(first, count - 1),
            base_offset,
        });
    }
}

/// Sequences run from 0 to `i32::MAX` and start again at 0.
fn sequence_after(sequence: i32, step: i32) -> i32 {
    ((i64::from(sequence) + i64::from(step)) & i64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_sent_again_is_acknowledged_at_its_old_offset() {
        let mut state = ProducerState::default();
        state.stored(0, 0, 3, 100);
        state.stored(0, 3, 2, 103);
        assert_eq!(state.judge(0, 0, 3), Ok(SequenceVerdict::Duplicate(100)));
        assert_eq!(state.judge(0, 5, 1), Ok(SequenceVerdict::Append));
    }

    #[test]
    fn a_sequence_that_leaves_some_out_is_refused() {
        let mut state = ProducerState::default();
        state.stored(0, 0, 3, 100);
        assert_eq!(state.judge(0, 4, 1), Err(ResponseError::OutOfOrderSequenceNumber));
        assert_eq!(state.judge(0, 1, 1), Err(ResponseError::DuplicateSequenceNumber));
    }

    #[test]
    fn a_new_epoch_starts_at_zero_and_fences_the_old_one() {
        let mut state = ProducerState::default();
        state.stored(0, 0, 3, 100);
        assert_eq!(state.judge(1, 3, 1), Err(ResponseError::OutOfOrderSequenceNumber));
        assert_eq!(state.judge(1, 0, 1), Ok(SequenceVerdict::Append));
        state.stored(1, 0, 1, 103);
        assert_eq!(state.judge(0, 3, 1), Err(ResponseError::InvalidProducerEpoch));
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let mut state = ProducerState::default();
        state.stored(0, i32::MAX - 1, 2, 7);
        assert_eq!(state.judge(0, 0, 1), Ok(SequenceVerdict::Append));
    }
}
