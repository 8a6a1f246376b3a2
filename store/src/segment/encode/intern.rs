//! Dictionaries: which values of a column are the same.

use xxhash_rust::xxh3::xxh3_64;

/// Distinct bytes above which a dictionary no longer pays.
const ENTRY_BYTES_MAX: usize = 1 << 20;

/// Values to look at before a dictionary is given up because nearly all of them differ.
const TRIED: usize = 1024;

/// Numbers equal values alike, in buffers that it keeps from column to column.
#[derive(Debug, Default)]
pub(super) struct Interner {
    /// For each value the number of its entry.
    pub(super) indices: Vec<u32>,
    /// For each entry the number of the first value that has it.
    pub(super) firsts: Vec<u32>,
    /// Entries by hash, open addressing: the upper half of the hash, and the entry's number plus one; 0 is free.
    slots: Vec<u64>,
}

impl Interner {
    /// Numbers the values. False when a dictionary of them would not pay; what was numbered is of no use then.
    pub(super) fn intern<'a>(&mut self, len: usize, value: impl Fn(usize) -> &'a [u8]) -> bool {
        self.indices.clear();
        self.indices.reserve(len);
        self.firsts.clear();
        self.slots.clear();
        self.slots.resize(1024, 0);
        let mut bytes = 0;
        let mut newest: (&[u8], u32) = (&[], u32::MAX);
        for at in 0..len {
            let content = value(at);
            if newest.1 != u32::MAX && content == newest.0 {
                self.indices.push(newest.1);
                continue;
            }
            let entries = self.firsts.len();
            let index = self.entry(content, at as u32, &value);
            if self.firsts.len() > entries {
                bytes += content.len();
                if bytes > ENTRY_BYTES_MAX || at >= TRIED && self.firsts.len() > at / 4 * 3 {
                    return false;
                }
            }
            self.indices.push(index);
            newest = (content, index);
        }
        true
    }

    #[inline]
    fn entry<'a>(&mut self, content: &[u8], at: u32, value: &impl Fn(usize) -> &'a [u8]) -> u32 {
        let hash = xxh3_64(content);
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots[place];
            if slot == 0 {
                break;
            }
            let index = slot as u32 - 1;
            if slot >> 32 == hash >> 32 && value(self.firsts[index as usize] as usize) == content {
                return index;
            }
            place = (place + 1) & mask;
        }
        let index = self.firsts.len() as u32;
        self.firsts.push(at);
        self.slots[place] = hash >> 32 << 32 | u64::from(index + 1);
        if self.firsts.len() * 2 > self.slots.len() {
            self.grow(value);
        }
        index
    }

    #[cold]
    fn grow<'a>(&mut self, value: &impl Fn(usize) -> &'a [u8]) {
        let len = self.slots.len() * 4;
        self.slots.clear();
        self.slots.resize(len, 0);
        for (index, first) in self.firsts.iter().enumerate() {
            let hash = xxh3_64(value(*first as usize));
            let mut place = hash as usize & (len - 1);
            while self.slots[place] != 0 {
                place = (place + 1) & (len - 1);
            }
            self.slots[place] = hash >> 32 << 32 | (index as u64 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_get_equal_numbers_in_the_order_of_their_first_places() {
        let values = ["b", "a", "a", "b", "", "c", ""];
        let mut interner = Interner::default();
        assert!(interner.intern(values.len(), |at| values[at].as_bytes()));
        assert_eq!(interner.indices, [0, 1, 1, 0, 2, 3, 2]);
        assert_eq!(interner.firsts, [0, 1, 4, 5]);
    }

    #[test]
    fn many_entries_come_back() {
        let values: Vec<String> = (0..200_000).map(|n| format!("v{}", n / 4 * 7 % 50_000)).collect();
        let mut interner = Interner::default();
        assert!(interner.intern(values.len(), |at| values[at].as_bytes()));
        assert_eq!(interner.firsts.len(), 50_000);
        for (at, index) in interner.indices.iter().enumerate() {
            let first = interner.firsts[*index as usize] as usize;
            assert!(first <= at && values[first] == values[at], "value {at}");
        }
    }

    #[test]
    fn values_that_nearly_all_differ_and_long_entries_are_given_up() {
        let values: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
        let mut interner = Interner::default();
        assert!(!interner.intern(values.len(), |at| values[at].as_bytes()));
        let long = vec![b'x'; ENTRY_BYTES_MAX / 4];
        assert!(!interner.intern(10, |at| &long[at..]));
        assert!(interner.intern(10, |_| &long));
    }
}
