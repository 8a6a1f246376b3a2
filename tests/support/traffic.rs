//! Records of a fleet in the log of the test broker, with what goes wrong in the field: lost, repeated and late
//! messages, payloads that cannot be read, aborted transactions, offsets that were compacted away.

use std::collections::BTreeMap;

use quipu_broker::{BatchBuilder, BrokerHandle, Compression, Marker, Record};
use quipu_fleet::{Fleet, FleetOptions};

use crate::dice::Dice;

/// How often something goes wrong: once in so many messages.
const LOST: u64 = 300;
const REPEATED: u64 = 150;
const LATE: u64 = 200;
const BROKEN: u64 = 250;

/// What goes wrong once in so many batches.
const ABORTED: u64 = 12;
const COMMITTED: u64 = 9;
const COMPACTED: u64 = 20;

/// Partitions of the topic.
pub const PARTITIONS: i32 = 4;

/// Records on their way to a topic.
#[derive(Debug)]
pub struct Traffic {
    fleet: Fleet,
    dice: Dice,
    /// Messages sent so far.
    clock: u64,
    /// Records that arrive late, by the number of the message before which they come.
    delayed: BTreeMap<(u64, u64), (i32, Record)>,
}

impl Traffic {
    /// So many messages, more or less: runs that have begun come to their end.
    #[must_use]
    pub fn new(seed: u64, messages: u64) -> Self {
        let options = FleetOptions {
            seed,
            partitions: PARTITIONS,
            messages: Some(messages),
            ..FleetOptions::default()
        };
        Self {
            fleet: Fleet::new(options),
            dice: Dice::new(seed),
            clock: 0,
            delayed: BTreeMap::new(),
        }
    }

    /// Appends the next so many messages to the topic. Gives how many there were: fewer at the end.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub fn append(&mut self, broker: &BrokerHandle, topic: &str, messages: usize) -> usize {
        let mut batches: Vec<Vec<Record>> = vec![Vec::new(); PARTITIONS as usize];
        let mut appended = 0;
        while appended < messages {
            let Some((partition, record)) = self.next() else {
                break;
            };
            appended += 1;
            let batch = &mut batches[partition as usize];
            batch.push(record);
            if batch.len() as u64 >= self.dice.within(1..120) {
                let batch = std::mem::take(batch);
                self.send(broker, topic, partition, batch);
            }
        }
        for (partition, batch) in (0..).zip(batches) {
            self.send(broker, topic, partition, batch);
        }
        appended
    }

    fn next(&mut self) -> Option<(i32, Record)> {
        loop {
            if let Some(entry) = self.delayed.first_entry()
                && entry.key().0 <= self.clock
            {
                return Some(entry.remove());
            }
            let Some(sent) = self.fleet.next() else {
                return self.delayed.pop_first().map(|(_, record)| record);
            };
            self.clock += 1;
            let payload = sent.payload(quipu_fleet::Compression::default());
            let record = Record::new(payload)
                .key(sent.key.clone())
                .at(sent.time_us / 1_000);
            if self.dice.once_in(LOST) {
                continue;
            }
            if self.dice.once_in(REPEATED) {
                // Sometimes long after what the sequence book remembers.
                let span = if self.dice.once_in(2) { 40 } else { 20_000 };
                self.delay(span, sent.partition, record.clone());
            }
            if self.dice.once_in(LATE) {
                self.delay(60, sent.partition, record);
                continue;
            }
            let record = if self.dice.once_in(BROKEN) {
                self.broken(record)
            } else {
                record
            };
            return Some((sent.partition, record));
        }
    }

    fn delay(&mut self, span: u64, partition: i32, record: Record) {
        let key = (self.clock + self.dice.within(1..span), self.dice.number());
        self.delayed.insert(key, (partition, record));
    }

    /// The record as it arrives when something went wrong with it.
    fn broken(&mut self, record: Record) -> Record {
        let mut value = record.value.clone().unwrap_or_default().to_vec();
        let at = self.dice.within(0..value.len() as u64) as usize;
        match self.dice.within(0..6) {
            0 => {
                return Record {
                    value: None,
                    ..record
                };
            }
            1 => value.clear(),
            2 => value.truncate(at),
            3 => value = vec![0],
            4 => value[0] = 0x7b,
            _ => value[at] ^= 0x55,
        }
        Record {
            value: Some(value.into()),
            ..record
        }
        .header("producer", "broken")
    }

    fn send(&mut self, broker: &BrokerHandle, topic: &str, partition: i32, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let producer = 1_000 + i64::from(partition);
        if self.dice.once_in(ABORTED) {
            let copies = records.iter().take(5).cloned().collect();
            broker
                .append_aborted_transaction(topic, partition, producer, [copies])
                .unwrap();
        }
        if self.dice.once_in(COMPACTED) {
            broker
                .skip_offsets(topic, partition, self.dice.within(1..9) as u32)
                .unwrap();
        }
        let codec = Compression::ALL[self.dice.within(0..5) as usize];
        if self.dice.once_in(COMMITTED) {
            // An aborted transaction lies within the committed one.
            let (first, rest) = records.split_at(records.len() / 2);
            let batch = BatchBuilder::new()
                .compression(codec)
                .producer(producer, 0, 0)
                .transactional();
            broker
                .append_batch(topic, partition, batch.records(first.iter().cloned()))
                .unwrap();
            broker
                .append_aborted_transaction(topic, partition, producer + 100, [records[..1].to_vec()])
                .unwrap();
            broker
                .append_to_transaction(topic, partition, producer, rest.iter().cloned())
                .unwrap();
            broker
                .end_transaction(topic, partition, producer, Marker::Commit)
                .unwrap();
        } else {
            let batch = BatchBuilder::new().compression(codec).records(records);
            broker.append_batch(topic, partition, batch).unwrap();
        }
    }
}
