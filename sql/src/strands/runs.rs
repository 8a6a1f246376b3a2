//! Runs of one counter, and what is missing between them.

use quipu_store::Head;
use quipu_store::sequence::strands::{Strand, StrandRun};

/// A range of numbers that no run covers, with its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The message before; none at a missing head.
    pub(crate) before: Option<Neighbour>,
    /// The message after.
    pub(crate) after: Neighbour,
}

/// A message beside a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) sequence: u64,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) time: Option<i64>,
}

/// What a sweep over the runs of one counter finds.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) missing: Vec<Missing>,
    /// Numbers that some run covers.
    pub(crate) seen: u64,
}

/// Puts runs into the order of a sweep: by first number, the longest first.
pub(crate) fn sort(runs: &mut [StrandRun]) {
    runs.sort_unstable_by_key(|run| {
        (
            run.first,
            std::cmp::Reverse(run.last),
            run.partition,
            run.first_offset,
        )
    });
}

/// Finds what sorted runs leave out. Runs may touch and overlap: of several partitions, of several commits, by copies.
pub(crate) fn sweep(runs: &[StrandRun], head: Head) -> Sweep {
    let mut found = Sweep {
        missing: Vec::new(),
        seen: 0,
    };
    // The highest number so far, and the runs that end with it.
    let mut reached = 0;
    let mut ends: Vec<&StrandRun> = Vec::new();
    for run in runs {
        if run.first > reached && run.first - reached > 1 && (reached > 0 || head == Head::FromOne) {
            found.missing.push(Missing {
                first: reached + 1,
                last: run.first - 1,
                before: before(&ends, run.partition),
                after: Neighbour {
                    sequence: run.first,
                    partition: run.partition,
                    offset: run.first_offset,
                    time: run.first_time,
                },
            });
        }
        if run.last > reached {
            found.seen += run.last - reached.max(run.first - 1);
            reached = run.last;
            ends.clear();
        }
        if run.last == reached {
            ends.push(run);
        }
    }
    found
}

/// The message before a gap: of several copies, one in the partition of the message after it if there is one.
fn before(ends: &[&StrandRun], partition: i32) -> Option<Neighbour> {
    let run = ends
        .iter()
        .min_by_key(|run| (run.partition != partition, run.partition, run.first_offset))?;
    Some(Neighbour {
        sequence: run.last,
        partition: run.partition,
        offset: run.last_offset,
        time: run.last_time,
    })
}

/// What a strand lacks.
pub(crate) fn missing_of(strand: &Strand) -> Vec<Missing> {
    let mut runs = strand.runs.clone();
    sort(&mut runs);
    sweep(&runs, strand.head).missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(partition: i32, first: u64, last: u64, offset: i64) -> StrandRun {
        StrandRun {
            partition,
            first,
            last,
            messages: last - first + 1,
            first_time: None,
            last_time: None,
            first_offset: offset,
            last_offset: offset,
        }
    }

    fn ranges(mut runs: Vec<StrandRun>, head: Head) -> (Vec<(u64, u64)>, u64) {
        sort(&mut runs);
        let found = sweep(&runs, head);
        let ranges = found.missing.iter().map(|missing| (missing.first, missing.last));
        (ranges.collect(), found.seen)
    }

    #[test]
    fn what_no_run_covers_is_missing_up_to_the_highest() {
        let runs = vec![
            run(0, 3, 5, 0),
            run(0, 5, 9, 1),
            run(1, 10, 10, 0),
            run(0, 13, 13, 2),
            run(0, 4, 4, 3),
        ];
        assert_eq!(ranges(runs.clone(), Head::FromOne), (vec![(1, 2), (11, 12)], 9));
        assert_eq!(ranges(runs, Head::Unknown), (vec![(11, 12)], 9));
    }

    #[test]
    fn numbers_up_to_the_highest_of_all_are_counted() {
        let runs = vec![run(0, 1, 1, 0), run(0, u64::MAX, u64::MAX, 1)];
        assert_eq!(ranges(runs, Head::FromOne), (vec![(2, u64::MAX - 1)], 2));
        assert_eq!(
            ranges(vec![run(0, 1, u64::MAX, 0)], Head::FromOne),
            (vec![], u64::MAX)
        );
    }

    #[test]
    fn the_neighbour_before_is_in_the_partition_of_the_one_after_if_it_can_be() {
        let mut runs = vec![run(0, 1, 3, 7), run(1, 2, 3, 8), run(1, 5, 5, 9)];
        sort(&mut runs);
        let before = sweep(&runs, Head::FromOne).missing[0]
            .before
            .unwrap_or_else(|| panic!("no neighbour"));
        assert_eq!((before.partition, before.offset), (1, 8));
    }
}
