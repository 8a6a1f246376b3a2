//! Unbroken runs of numbers.

/// An unbroken run of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Lowest number.
    pub(crate) first: u64,
    /// Highest number.
    pub(crate) last: u64,
    /// Messages that carried a number of the run, copies included.
    pub(crate) messages: u64,
    /// Time of the message with the lowest number, [`NO_TIME`](super::thread::NO_TIME) when it has none.
    pub(crate) first_time: i64,
    /// Time of the message with the highest number, likewise.
    pub(crate) last_time: i64,
    /// Offset of the message with the lowest number; among copies the smallest.
    pub(crate) first_offset: i64,
    /// Offset of the message with the highest number; among copies the smallest.
    pub(crate) last_offset: i64,
}

impl Run {
    /// The run of one message.
    pub(super) fn of(sequence: u64, time_us: i64, offset: i64) -> Self {
        Self {
            first: sequence,
            last: sequence,
            messages: 1,
            first_time: time_us,
            last_time: time_us,
            first_offset: offset,
            last_offset: offset,
        }
    }

    /// Takes a later message in if it continues the run or lies within it, and says whether it did.
    #[inline]
    pub(super) fn take(&mut self, sequence: u64, time_us: i64, offset: i64) -> bool {
        if sequence > self.last {
            if sequence - self.last > 1 {
                return false;
            }
            self.last = sequence;
            self.last_time = time_us;
            self.last_offset = offset;
        } else if sequence < self.first {
            return false;
        }
        self.messages += 1;
        true
    }

    /// Takes in a run that begins no earlier, if both touch or overlap, and says whether it did.
    pub(super) fn join(&mut self, next: &Self) -> bool {
        if next.first > self.last && next.first - self.last > 1 {
            return false;
        }
        self.messages += next.messages;
        if next.first == self.first && next.first_offset < self.first_offset {
            self.first_time = next.first_time;
            self.first_offset = next.first_offset;
        }
        if next.last > self.last || (next.last == self.last && next.last_offset < self.last_offset) {
            self.last = next.last;
            self.last_time = next.last_time;
            self.last_offset = next.last_offset;
        }
        true
    }
}
