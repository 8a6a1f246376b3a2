//! The runs of all threads, and which of them a message belongs to.

use std::ops::Range;

use datafusion::arrow::array::{BinaryViewArray, StringViewArray};

use super::cut::Role;
use super::place::Place;
use super::threads::Threads;

/// What the messages of the graph tell of a run. Times are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Its first message of the graph.
    pub(super) first: Place,
    /// Its last one.
    pub(super) last: Place,
    /// Whether a GRAPH_ERROR was seen.
    pub(super) has_failure: bool,
    /// Whether a GRAPH_END was seen.
    pub(super) has_end: bool,
    /// Whether its last message of the graph is a NODE_ERROR.
    is_error_last: bool,
    /// The newest end or failure.
    pub(super) ended_at: Option<i64>,
    /// The newest NODE_ERROR.
    node_error_at: Option<i64>,
    /// How long it took, as its end tells it.
    pub(super) duration_us: Option<i64>,
}

impl Run {
    /// A run of this message so far.
    pub(super) fn new(first: Place) -> Self {
        Self {
            first,
            last: first,
            has_failure: false,
            has_end: false,
            is_error_last: false,
            ended_at: None,
            node_error_at: None,
            duration_us: None,
        }
    }

    /// Takes its next message of the graph.
    pub(super) fn take(&mut self, place: Place, is_node_error: bool, duration_us: Option<i64>) {
        self.last = place;
        self.is_error_last = is_node_error;
        if is_node_error {
            self.node_error_at = self.node_error_at.max(place.at());
        }
        if matches!(place.role(), Role::Failure | Role::End) {
            self.has_failure |= place.role() == Role::Failure;
            self.has_end |= place.role() == Role::End;
            self.ended_at = self.ended_at.max(place.at());
            self.duration_us = self.duration_us.max(duration_us);
        }
    }

    /// Whether a NODE_ERROR came last, without an end or a failure.
    pub(super) fn has_stopped(&self) -> bool {
        self.is_error_last && !self.has_failure && !self.has_end
    }

    /// Whether an end or a failure came last.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.last.role(), Role::Failure | Role::End)
    }

    /// When it ended, failed or stopped.
    pub(super) fn ended(&self) -> Option<i64> {
        self.ended_at.or(if self.is_error_last {
            self.node_error_at
        } else {
            None
        })
    }

    /// Whether its GRAPH_START was never seen.
    pub(super) fn is_headless(&self) -> bool {
        self.first.role() != Role::Start
    }
}

/// The runs of all threads that have messages of the graph.
#[derive(Debug)]
pub(super) struct Runs {
    pub(super) threads: Threads,
    /// Thread by thread, in their order.
    pub(super) runs: Vec<Run>,
    /// Per thread where its runs begin, and after the last thread where they end.
    pub(super) starts: Vec<usize>,
    /// Per run the id of its first message.
    pub(super) ids: BinaryViewArray,
    /// Per run the first name of its graph that a message of the graph tells.
    pub(super) graph_names: StringViewArray,
}

impl Runs {
    /// The runs of a thread.
    pub(super) fn of(&self, thread: usize) -> Range<usize> {
        self.starts[thread]..self.starts[thread + 1]
    }

    /// The number of a run in its thread, from 1.
    pub(super) fn number(&self, thread: usize, run: usize) -> i64 {
        i64::try_from(run - self.starts[thread] + 1).unwrap_or(i64::MAX)
    }

    /// Whether the messages of a thread can be in runs: those without a thread id can be of any thread.
    pub(super) fn has_runs(&self, thread: usize) -> bool {
        !self.threads.thread_id(thread).is_empty()
    }

    /// From when on messages of the thread belong to this run, one of `runs`. None is before all: a first run without its
    /// start has whatever came before it too.
    pub(super) fn since(&self, runs: &Range<usize>, run: usize) -> Option<i64> {
        let first = &self.runs[run].first;
        if run == runs.start && self.runs[run].is_headless() {
            None
        } else {
            first.at()
        }
    }

    /// The run of a thread to which a message of that time belongs: the newest that began no later. Without a time it is the
    /// one that began before all.
    pub(super) fn at_time(&self, thread: usize, at: Option<i64>) -> Option<usize> {
        if !self.has_runs(thread) {
            return None;
        }
        let runs = self.of(thread);
        if let Some(at) = at {
            // Those without a time are the last in order.
            let began = |run: &Run| run.first.at().is_some_and(|began| began <= at);
            let before = runs.start + self.runs[runs.clone()].partition_point(began);
            if before > runs.start && self.since(&runs, before - 1).is_some() {
                return Some(before - 1);
            }
        }
        runs.clone().rev().find(|run| self.since(&runs, *run).is_none())
    }

    /// The run in which a message of the graph lies.
    pub(super) fn at_place(&self, thread: usize, place: &Place) -> Option<usize> {
        let runs = self.of(thread);
        let began = self.runs[runs.clone()].partition_point(|run| run.first <= *place);
        (self.has_runs(thread) && began > 0).then(|| runs.start + began - 1)
    }

    /// The part of a thread in which a message lies: 0 before the first run that has a start, else the number of runs that
    /// began from there.
    pub(super) fn part_at(&self, thread: usize, place: &Place) -> usize {
        let runs = self.with_boundary(thread);
        self.runs[runs].partition_point(|run| run.first <= *place)
    }

    /// The run that is this part of its thread, if it is one.
    pub(super) fn of_part(&self, thread: usize, part: usize) -> Option<usize> {
        let run = (self.with_boundary(thread).start + part).checked_sub(1)?;
        self.of(thread).contains(&run).then_some(run)
    }

    /// The runs of a thread that a boundary lies before: all but a first one without a start.
    fn with_boundary(&self, thread: usize) -> Range<usize> {
        let runs = self.of(thread);
        let is_headless = self.runs[runs.clone()].first().is_some_and(Run::is_headless);
        runs.start + usize::from(is_headless)..runs.end
    }
}

#[cfg(test)]
mod tests {
    use super::super::collect::tests::runs_of;
    use super::*;

    /// The place of a message at a time, after all of a lower number.
    fn place(at: Option<i64>, sequence: u64) -> Place {
        Place::of_sequence(at, sequence, Role::Other)
    }

    #[test]
    fn a_message_belongs_to_the_newest_run_that_began_no_later() {
        let runs = runs_of(
            "a",
            &[
                (Some(10), Role::Start),
                (Some(20), Role::End),
                (Some(30), Role::Start),
            ],
        );
        let at = |at| runs.at_time(0, at);
        assert_eq!(
            [at(Some(9)), at(Some(10)), at(Some(29))],
            [None, Some(0), Some(0)]
        );
        assert_eq!([at(Some(30)), at(Some(99)), at(None)], [Some(1), Some(1), None]);
        let part = |at| runs.part_at(0, &place(Some(at), 9));
        assert_eq!([part(9), part(10), part(29), part(30)], [0, 1, 1, 2]);
        assert_eq!(
            [0, 1, 2].map(|part| runs.of_part(0, part)),
            [None, Some(0), Some(1)]
        );
    }

    #[test]
    fn a_first_run_without_its_start_has_what_came_before_it_and_what_has_no_time() {
        let runs = runs_of("a", &[(Some(10), Role::Step), (Some(30), Role::Start)]);
        let at = |at| runs.at_time(0, at);
        assert_eq!([at(Some(9)), at(Some(29))], [Some(0), Some(0)]);
        assert_eq!([at(Some(30)), at(None)], [Some(1), Some(0)]);
        assert_eq!([9, 30].map(|at| runs.part_at(0, &place(Some(at), 9))), [0, 1]);
        assert_eq!([0, 1].map(|part| runs.of_part(0, part)), [Some(0), Some(1)]);
    }

    #[test]
    fn a_run_without_a_time_comes_last_in_order_and_before_all_in_time() {
        let runs = runs_of("a", &[(Some(10), Role::Start), (None, Role::Start)]);
        let at = |at| runs.at_time(0, at);
        assert_eq!([at(Some(9)), at(Some(10)), at(None)], [Some(1), Some(0), Some(1)]);
        assert_eq!(runs.part_at(0, &place(Some(i64::MAX), 9)), 1);
        assert_eq!(runs.part_at(0, &place(None, 9)), 2);
    }

    #[test]
    fn of_one_time_the_number_and_then_the_role_decide() {
        let runs = runs_of("a", &[(Some(10), Role::Start), (Some(10), Role::Start)]);
        // The messages of the graph have the numbers 1 and 2.
        assert_eq!(runs.part_at(0, &place(Some(10), 0)), 0);
        assert_eq!(runs.part_at(0, &place(Some(10), 1)), 1);
        assert_eq!(runs.part_at(0, &place(Some(10), 2)), 2);
        assert_eq!(runs.at_time(0, Some(10)), Some(1));
    }

    #[test]
    fn messages_without_a_thread_id_are_in_no_run() {
        let runs = runs_of("", &[(Some(10), Role::Start)]);
        assert_eq!(runs.at_time(0, Some(10)), None);
        assert_eq!(runs.at_place(0, &runs.runs[0].first), None);
        // They are parted all the same.
        assert_eq!(runs.part_at(0, &place(Some(11), 9)), 1);
    }
}
