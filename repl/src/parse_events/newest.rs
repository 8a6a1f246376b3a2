//! The newest documents of all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Keeps the newest documents: by the time of their records, and among equals by the order in which they came.
#[derive(Debug)]
pub(super) struct Newest {
    most: usize,
    arrived: u64,
    /// The oldest on top.
    kept: BinaryHeap<Reverse<(i64, u64, Vec<u8>)>>,
}

impl Newest {
    /// Keeps so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            arrived: 0,
            kept: BinaryHeap::new(),
        }
    }

    pub(super) fn add(&mut self, time_ms: i64, document: &[u8]) {
        let key = (time_ms, self.arrived);
        self.arrived += 1;
        if self.kept.len() < self.most {
            self.kept.push(Reverse((key.0, key.1, document.to_vec())));
        } else if let Some(mut oldest) = self.kept.peek_mut()
            && (oldest.0.0, oldest.0.1) < key
        {
            let (time, arrived, kept) = &mut oldest.0;
            (*time, *arrived) = key;
            kept.clear();
            kept.extend_from_slice(document);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// All that are kept, the oldest first.
    pub(super) fn into_documents(self) -> impl Iterator<Item = Vec<u8>> {
        let mut kept: Vec<_> = self.kept.into_iter().map(|Reverse(kept)| kept).collect();
        kept.sort_unstable_by_key(|(time, arrived, _)| (*time, *arrived));
        kept.into_iter().map(|(_, _, document)| document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_in_the_order_of_their_time() {
        let mut newest = Newest::new(3);
        for (time, name) in [(5, "a"), (1, "b"), (9, "c"), (7, "d"), (5, "e"), (0, "f")] {
            newest.add(time, name.as_bytes());
        }
        assert_eq!(newest.into_documents().collect::<Vec<_>>().concat(), b"edc");
        let mut none = Newest::new(0);
        none.add(1, b"a");
        assert_eq!(none.len(), 0);
    }
}
