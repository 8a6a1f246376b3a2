#![allow(clippy::unwrap_used)]

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;

use super::*;
use crate::decoder::Decoder;
use crate::error::Reason;
use crate::framing::{self, Compression};
use crate::message::dash_stream_message::Message as Wire;
use crate::message::{
    Checkpoint, DashStreamMessage, Error, Event, EventBatch, ExecutionTrace, Metrics, StateDiff, TokenChunk,
    ToolExecution,
};
use crate::sequence::SequenceVerdict;

const NUMBERED: Numbered = Numbered {
    verdict: SequenceVerdict::First,
    repeated: false,
};

fn log() -> TopicIncarnation {
    TopicIncarnation::new("topic", TopicIncarnation::UNKNOWN)
}

fn place(log: LogIndex) -> Place<'static> {
    Place {
        log,
        partition: 0,
        offset: 7,
        kafka_time_us: None,
        key: None,
        headers: None,
    }
}

fn value(message: Wire) -> Vec<u8> {
    framing::encode(
        &DashStreamMessage {
            message: Some(message),
        },
        Compression::None,
    )
}

/// One message of each type, without fields.
fn one_of_each() -> Vec<Vec<u8>> {
    vec![
        value(Wire::Event(Event::default())),
        value(Wire::StateDiff(StateDiff::default())),
        value(Wire::TokenChunk(TokenChunk::default())),
        value(Wire::ToolExecution(ToolExecution::default())),
        value(Wire::Checkpoint(Checkpoint::default())),
        value(Wire::Metrics(Metrics::default())),
        value(Wire::Error(Error::default())),
        value(Wire::EventBatch(EventBatch {
            header: None,
            events: vec![Event::default(), Event::default()],
        })),
        value(Wire::ExecutionTrace(ExecutionTrace::default())),
    ]
}

fn append_one_of_each(tables: &mut TableBuilders) {
    let log = tables.log_index(&log());
    let mut decoder = Decoder::new(Policy::Forward);
    for value in one_of_each() {
        tables.append(&place(log), &decoder.decode(Some(&value)).unwrap(), NUMBERED, &[]);
    }
    tables.append_dead_letter(
        &place(log),
        None,
        &Rejection::new(Reason::Tombstone, "none"),
        Policy::Strict,
    );
}

#[test]
fn the_columns_of_every_table_fit_its_schema_also_the_second_time() {
    let mut tables = TableBuilders::new();
    for _ in 0..3 {
        append_one_of_each(&mut tables);
        assert_eq!(tables.rows(), 12);
        let batches = tables.finish().unwrap();
        let expected = Table::ALL
            .into_iter()
            .filter(|table| *table <= Table::DeadLetters);
        assert!(batches.iter().map(|(table, _)| *table).eq(expected));
        for (table, batch) in &batches {
            assert_eq!(batch.schema(), table.schema());
            assert_eq!(
                batch.num_rows(),
                if *table == Table::Events { 3 } else { 1 },
                "{table}"
            );
            for column in batch.columns() {
                column.to_data().validate_full().unwrap();
            }
        }
    }
}

#[test]
fn finishing_leaves_nothing_behind() {
    let mut tables = TableBuilders::new();
    assert!(tables.finish().unwrap().is_empty());
    append_one_of_each(&mut tables);
    assert!(tables.bytes() > 0);
    tables.finish().unwrap();
    assert_eq!((tables.rows(), tables.bytes()), (0, 0));
    assert!(Table::ALL.into_iter().all(|table| tables.rows_of(table) == 0));
    assert!(tables.finish().unwrap().is_empty());
}

#[test]
fn rows_of_a_table_say_where_its_next_row_will_stand() {
    let mut tables = TableBuilders::new();
    append_one_of_each(&mut tables);
    let counted: Vec<_> = Table::ALL
        .into_iter()
        .map(|table| tables.rows_of(table))
        .collect();
    let batches = tables.finish().unwrap();
    for (table, rows) in Table::ALL.into_iter().zip(counted) {
        let finished = batches
            .iter()
            .find(|(name, _)| *name == table)
            .map_or(0, |(_, batch)| batch.num_rows());
        assert_eq!(rows, finished, "{table}");
    }
}

#[test]
fn logs_keep_their_number_and_may_come_later() {
    let mut tables = TableBuilders::new();
    let first = tables.log_index(&log());
    let value = value(Wire::Event(Event::default()));
    let mut decoder = Decoder::new(Policy::Forward);
    tables.append(
        &place(first),
        &decoder.decode(Some(&value)).unwrap(),
        NUMBERED,
        &[],
    );
    let again = TopicIncarnation::new("topic", "second life");
    let second = tables.log_index(&again);
    assert_ne!(first, second);
    assert_eq!(tables.log_index(&log()), first);
    tables.append(
        &place(second),
        &decoder.decode(Some(&value)).unwrap(),
        NUMBERED,
        &[],
    );
    tables.append(
        &place(first),
        &decoder.decode(Some(&value)).unwrap(),
        NUMBERED,
        &[],
    );
    let (_, batch) = tables.finish().unwrap().remove(0);
    let incarnation = batch.column_by_name("incarnation").unwrap();
    let texts: Vec<_> = incarnation
        .as_dictionary::<arrow_array::types::Int32Type>()
        .downcast_dict::<arrow_array::StringArray>()
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(texts, ["unknown", "second life", "unknown"]);
}

#[test]
fn each_event_of_a_batch_has_its_own_verdict() {
    let mut tables = TableBuilders::new();
    let log = tables.log_index(&log());
    let batch = value(Wire::EventBatch(EventBatch {
        header: None,
        events: vec![Event::default(); 3],
    }));
    let own = Numbered {
        verdict: SequenceVerdict::Unsequenced,
        repeated: false,
    };
    let events = [
        Numbered {
            verdict: SequenceVerdict::First,
            repeated: false,
        },
        Numbered {
            verdict: SequenceVerdict::Gap,
            repeated: true,
        },
    ];
    let mut decoder = Decoder::new(Policy::Forward);
    tables.append(&place(log), &decoder.decode(Some(&batch)).unwrap(), own, &events);
    let batches = tables.finish().unwrap();
    let verdicts = |index: usize| -> Vec<String> {
        let column = batches[index].1.column_by_name("sequence_verdict").unwrap();
        let dictionary = column.as_dictionary::<arrow_array::types::Int32Type>();
        let values = dictionary.downcast_dict::<arrow_array::StringArray>().unwrap();
        values.into_iter().flatten().map(str::to_owned).collect()
    };
    assert_eq!(batches[0].0, Table::Events);
    // One without a verdict of its own has that of the batch.
    assert_eq!(verdicts(0), ["first", "gap", "unsequenced"]);
    assert_eq!(verdicts(1), ["unsequenced"]);
    let repeated = batches[0]
        .1
        .column_by_name("repeated")
        .unwrap()
        .as_boolean()
        .clone();
    assert_eq!(
        repeated.iter().flatten().collect::<Vec<_>>(),
        [false, true, false]
    );
}

#[test]
fn enum_numbers_without_end_do_not_fill_the_memory_of_later_batches() {
    let mut tables = TableBuilders::new();
    let log = tables.log_index(&log());
    let mut decoder = Decoder::new(Policy::Forward);
    let mut entries = Vec::new();
    for round in 0..2 {
        let count = if round == 0 { 5_000 } else { 1 };
        for number in 0..count {
            let event = Event {
                event_type: 1_000 + number,
                ..Event::default()
            };
            let value = value(Wire::Event(event));
            tables.append(&place(log), &decoder.decode(Some(&value)).unwrap(), NUMBERED, &[]);
        }
        let (_, batch) = tables.finish().unwrap().remove(0);
        let column = batch.column_by_name("event_type").unwrap();
        entries.push(column.as_any_dictionary().values().len());
    }
    assert_eq!(entries, [5_000, 1]);
}
