//! What goes wrong on the way, on purpose, so that the ledger has something to show.

use std::collections::HashMap;

use super::traffic::Outgoing;

/// Messages that are lost on the way, if there are that many to choose from.
const LOST: usize = 12;

/// Messages that are sent a second time, as after a send whose answer got lost.
const SENT_TWICE: usize = 5;

/// What was done to the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Planted {
    /// Messages that were never sent.
    pub(crate) lost: usize,
    /// Messages that were cut short.
    pub(crate) damaged: usize,
    /// Messages that were sent twice.
    pub(crate) sent_twice: usize,
}

/// Plants the faults, spread over the whole stream.
///
/// Only single numbered messages are chosen, and only where the same thread sends a numbered message later: numbers
/// cannot show that the end of a thread is missing.
pub(crate) fn plant(records: Vec<Outgoing>) -> (Vec<Outgoing>, Planted) {
    let mut last_numbered: HashMap<Vec<u8>, usize> = HashMap::new();
    for (at, record) in records.iter().enumerate() {
        if record.numbered > 0 {
            last_numbered.insert(record.key.clone(), at);
        }
    }
    let eligible = |at: &usize| records[*at].numbered == 1 && last_numbered.get(&records[*at].key) > Some(at);
    let candidates: Vec<usize> = (0..records.len()).filter(eligible).collect();
    let all = LOST + SENT_TWICE + 1;
    let mut fates: HashMap<usize, Fate> = HashMap::new();
    if candidates.len() >= all {
        for number in 0..all {
            let fate = match number {
                // One in the middle is damaged, every third of the rest comes twice.
                number if number == all / 2 => Fate::Damaged,
                number if number % 3 == 1 && twice(&fates) < SENT_TWICE => Fate::SentTwice,
                _ => Fate::Lost,
            };
            fates.insert(candidates[(2 * number + 1) * candidates.len() / (2 * all)], fate);
        }
    }
    let mut planted = Planted::default();
    let mut sent = Vec::with_capacity(records.len());
    for (at, mut record) in records.into_iter().enumerate() {
        match fates.get(&at) {
            None => sent.push(record),
            Some(Fate::Lost) => planted.lost += 1,
            Some(Fate::Damaged) => {
                planted.damaged += 1;
                // Half of a message: the length of some field now points behind its end.
                record.value.truncate(record.value.len() / 2);
                sent.push(record);
            }
            Some(Fate::SentTwice) => {
                planted.sent_twice += 1;
                sent.push(record.clone());
                sent.push(record);
            }
        }
    }
    (sent, planted)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    Damaged,
    SentTwice,
}

fn twice(fates: &HashMap<usize, Fate>) -> usize {
    fates.values().filter(|fate| **fate == Fate::SentTwice).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::traffic;

    #[test]
    fn every_fault_is_planted_once_and_the_rest_arrives_in_order() {
        let all = traffic::messages(3_000, 1, 4);
        let (sent, planted) = plant(all.clone());
        assert_eq!(
            planted,
            Planted {
                lost: LOST,
                damaged: 1,
                sent_twice: SENT_TWICE
            }
        );
        assert_eq!(sent.len(), all.len() - LOST + SENT_TWICE);
        let untouched = sent.iter().filter(|record| all.contains(record)).count();
        assert_eq!(untouched, sent.len() - 1);
    }

    #[test]
    fn the_last_message_of_a_thread_is_never_touched() {
        let all = traffic::messages(3_000, 1, 4);
        let (sent, _) = plant(all.clone());
        let last = |records: &[Outgoing]| -> HashMap<Vec<u8>, Outgoing> {
            records
                .iter()
                .filter(|record| record.numbered > 0)
                .map(|record| (record.key.clone(), record.clone()))
                .collect()
        };
        assert!(last(&sent) == last(&all));
    }

    #[test]
    fn too_few_messages_are_left_alone() {
        let mut few = traffic::messages(3_000, 1, 4);
        few.truncate(LOST);
        assert!(plant(few.clone()) == (few, Planted::default()));
    }
}
