//! From messages to steps.

use quipu_proto::state::{Checkpoint, Diff, Message as Told, Replay, Step};

use super::messages::{Kind, Message, Numbers};

/// One step of a thread's state, with the message that told it.
#[derive(Debug)]
pub(super) struct Stepped<'a> {
    pub(super) message: Message<'a>,
    /// From 1 in each log.
    pub(super) number: i64,
    /// The node that ran: the one of the last NODE_START before it that has not ended.
    pub(super) node_id: Option<&'a str>,
    pub(super) step: Step<'a>,
    /// Whether numbers are missing before this message.
    pub(super) is_after_loss: bool,
}

/// Walks through the messages of a thread, log by log.
#[derive(Debug)]
pub(super) struct Walk {
    numbers: Numbers,
    /// Topic and incarnation that are walked through.
    log: Option<(String, String)>,
    replay: Replay,
    steps: i64,
    node_id: Option<String>,
    /// The number of the message before.
    sequence: u64,
    is_after_loss: bool,
}

impl Walk {
    pub(super) fn new(numbers: Numbers) -> Self {
        Self {
            numbers,
            log: None,
            replay: Replay::new(),
            steps: 0,
            node_id: None,
            sequence: 0,
            is_after_loss: false,
        }
    }

    /// Takes the next message; gives a step if it tells of a state.
    pub(super) fn take<'a>(&'a mut self, message: Message<'a>) -> Option<Stepped<'a>> {
        self.enter(message);
        self.look_for_loss(message);
        let told = match message.kind {
            Kind::NodeStart => {
                self.node_id = message.node_id.filter(|node| !node.is_empty()).map(str::to_owned);
                return None;
            }
            Kind::NodeEnd => {
                self.node_id = None;
                return None;
            }
            Kind::RunStart => {
                self.node_id = None;
                Told::Initial { state: message.state }
            }
            Kind::StateDiff => Told::Diff(Diff {
                operations: message.operations,
                full_state: message.state,
                is_unreadable: message.is_unreadable,
                hash: message.state_hash,
            }),
            Kind::Checkpoint => Told::Checkpoint(Checkpoint {
                state: message.state,
                is_unreadable: message.is_unreadable,
                checksum_ok: message.checksum_ok,
            }),
        };
        self.steps += 1;
        Some(Stepped {
            message,
            number: self.steps,
            node_id: self.node_id.as_deref(),
            is_after_loss: std::mem::take(&mut self.is_after_loss),
            step: self.replay.step(told),
        })
    }

    /// Begins anew where another log begins.
    fn enter(&mut self, message: Message<'_>) {
        let is_same = self
            .log
            .as_ref()
            .is_some_and(|(topic, incarnation)| topic == message.topic && incarnation == message.incarnation);
        if !is_same {
            self.log = Some((message.topic.to_owned(), message.incarnation.to_owned()));
            self.replay = Replay::new();
            self.steps = 0;
            self.node_id = None;
            self.sequence = 0;
            self.is_after_loss = false;
        }
    }

    /// Numbers that are missing between two messages may be those of a diff.
    fn look_for_loss(&mut self, message: Message<'_>) {
        if !message.by_number {
            return;
        }
        let before = std::mem::replace(&mut self.sequence, message.sequence);
        if before == 0 {
            return;
        }
        let (topic, incarnation) = (message.topic, message.incarnation);
        if let Some((missing, first)) = self.numbers.missing(topic, incarnation, before, message.sequence) {
            self.is_after_loss = true;
            self.replay.doubt(if missing == 1 {
                format!("number {first} is missing: a diff may be lost")
            } else {
                format!("{missing} numbers are missing from {first} on: a diff may be lost")
            });
        }
    }
}
