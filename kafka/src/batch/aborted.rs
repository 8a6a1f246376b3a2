//! Which batches belong to aborted transactions.

/// An aborted transaction, as a fetch response lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Id of the producer.
    pub producer_id: i64,
    /// First offset of the transaction in the partition.
    pub first_offset: i64,
}

/// Follows the batches of one fetch and tells which of them were aborted.
///
/// A producer has one transaction at a time, so a list entry opens at its first offset and the producer's next abort
/// marker closes it.
#[derive(Debug)]
pub(super) struct AbortedFilter {
    /// Not yet reached, last first.
    waiting: Vec<AbortedTransaction>,
    /// Producers whose open transaction was aborted.
    open: Vec<i64>,
}

impl AbortedFilter {
    pub(super) fn new(aborted: &[AbortedTransaction]) -> Self {
        let mut waiting = aborted.to_vec();
        waiting.sort_unstable_by_key(|transaction| std::cmp::Reverse(transaction.first_offset));
        Self {
            waiting,
            open: Vec::new(),
        }
    }

    /// Takes note of the transactions that begin at or before `last_offset` of the batch at hand.
    pub(super) fn reach(&mut self, last_offset: i64) {
        while let Some(transaction) = self
            .waiting
            .pop_if(|transaction| transaction.first_offset <= last_offset)
        {
            if !self.open.contains(&transaction.producer_id) {
                self.open.push(transaction.producer_id);
            }
        }
    }

    /// Whether a transactional batch of this producer was aborted.
    pub(super) fn contains(&self, producer_id: i64) -> bool {
        self.open.contains(&producer_id)
    }

    /// Takes note of the producer's abort marker.
    pub(super) fn close(&mut self, producer_id: i64) {
        self.open.retain(|open| *open != producer_id);
    }
}
