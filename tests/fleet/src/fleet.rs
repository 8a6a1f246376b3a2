//! Many sessions at the same time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::dice::Dice;
use crate::guide::Guide;
use crate::sent::{Sent, partition_of};
use crate::session::{Birth, Session};

/// 2026-01-15T09:00:00Z in microseconds since the Unix epoch.
pub const START_TIME_US: i64 = 1_768_467_600_000_000;

/// What a fleet is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FleetOptions {
    /// The same seed gives the same messages.
    pub seed: u64,
    /// Sessions at the same time, at least 1.
    pub agents: usize,
    /// Tenants that the sessions belong to, at least 1.
    pub tenants: usize,
    /// Partitions of the topic, at least 1.
    pub partitions: i32,
    /// When the first session begins, in microseconds since the Unix epoch.
    pub start_time_us: i64,
    /// After so many messages no run begins; those under way come to their end. None: it goes on for ever.
    pub messages: Option<u64>,
}

impl Default for FleetOptions {
    /// Seed 1, 40 agents of 6 tenants, 4 partitions, from [`START_TIME_US`], without end.
    fn default() -> Self {
        Self {
            seed: 1,
            agents: 40,
            tenants: 6,
            partitions: 4,
            start_time_us: START_TIME_US,
            messages: None,
        }
    }
}

/// The messages of many sessions in the order of their times.
#[derive(Debug)]
pub struct Fleet {
    options: FleetOptions,
    dice: Dice,
    guide: Guide,
    /// The sessions, in the order in which they began; none where one has ended.
    sessions: Vec<Option<Session>>,
    /// When each live session sends next.
    agenda: BinaryHeap<Reverse<(i64, usize)>>,
    sent: u64,
}

impl Fleet {
    /// A fleet at its start.
    #[must_use]
    pub fn new(options: FleetOptions) -> Self {
        let mut fleet = Self {
            options,
            dice: Dice::new(options.seed, 0),
            guide: Guide::Natural,
            sessions: Vec::new(),
            agenda: BinaryHeap::new(),
            sent: 0,
        };
        for _ in 0..options.agents.max(1) {
            let wait_us = fleet.dice.exponential(8e6) as i64;
            fleet.begin(options.start_time_us + wait_us);
        }
        fleet
    }

    /// Lets one more session begin.
    fn begin(&mut self, time_us: i64) {
        let index = self.sessions.len();
        let mut session = Session::new(Birth {
            seed: self.options.seed,
            index: index as u64,
            tenants: self.options.tenants,
            time_us,
        });
        if let Some(draft) = session.peek(&mut self.guide) {
            self.agenda.push(Reverse((draft.time_us, index)));
        }
        self.sessions.push(Some(session));
    }

    fn ends(&self) -> bool {
        self.options
            .messages
            .is_some_and(|messages| self.sent >= messages)
    }
}

impl Iterator for Fleet {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        let Reverse((_, index)) = self.agenda.pop()?;
        let ends = self.ends();
        let session = self.sessions[index].as_mut()?;
        if ends {
            session.retire();
        }
        let draft = session.pop()?;
        let key = session.thread().to_owned();
        match session.peek(&mut self.guide) {
            Some(next) => self.agenda.push(Reverse((next.time_us, index))),
            None => {
                self.sessions[index] = None;
                if !ends {
                    let wait_us = self.dice.exponential(5e6) as i64;
                    self.begin(draft.time_us + wait_us);
                }
            }
        }
        self.sent += 1;
        let partition = partition_of(&key, self.options.partitions);
        Some(Sent {
            partition,
            key,
            time_us: draft.time_us,
            message: draft.message,
        })
    }
}
