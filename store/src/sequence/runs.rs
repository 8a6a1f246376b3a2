//! The runs of one commit: which numbers of which thread were seen, as few intervals.
//!
//! While messages arrive, each continues the newest run of its thread and emitter or begins another: one comparison,
//! whatever the order. Sorting and joining wait for the end of the commit, so that no order of arrival, however
//! contrived, costs more than a sort.

use quipu_proto::Emitter;

use super::hot::Slot;

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
    fn of(sequence: u64, time_us: i64, offset: i64) -> Self {
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
    fn take(&mut self, sequence: u64, time_us: i64, offset: i64) -> bool {
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

/// A run as it grew, before it is joined with its neighbours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    pub(super) run: Run,
    pub(super) thread: Slot,
    pub(super) emitter: Emitter,
}

const NONE: u32 = u32::MAX;

/// The newest fragment of a thread per emitter, by its index in this commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenRuns([u32; 2]);

impl Default for OpenRuns {
    fn default() -> Self {
        Self([NONE; 2])
    }
}

/// The fragments of the commit in the making.
#[derive(Debug, Default)]
pub(super) struct Fragments(Vec<Fragment>);

impl Fragments {
    /// Adds a numbered message of a thread whose newest runs are `open`.
    #[inline]
    pub(super) fn add(
        &mut self,
        open: &mut OpenRuns,
        thread: Slot,
        emitter: Emitter,
        sequence: u64,
        time_us: i64,
        offset: i64,
    ) {
        let newest = &mut open.0[emitter as usize];
        if let Some(fragment) = self.0.get_mut(*newest as usize)
            && fragment.run.take(sequence, time_us, offset)
        {
            return;
        }
        *newest = self.0.len() as u32;
        self.0.push(Fragment {
            run: Run::of(sequence, time_us, offset),
            thread,
            emitter,
        });
    }

    /// Whether the commit has no numbered message yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hands the fragments over and begins the next commit, which is likely to have as many.
    pub(super) fn take(&mut self) -> Vec<Fragment> {
        let next = Vec::with_capacity(self.0.len());
        std::mem::replace(&mut self.0, next)
    }
}
