//! Record values of any bytes under every policy: a row or a dead letter, never worse; and without framing exactly
//! what prost accepts.
#![no_main]

use std::cell::RefCell;

use arrow_array::RecordBatch;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use quipu_proto::message::DashStreamMessage;
use quipu_proto::{
    Decoder, Numbered, Place, Policy, Reason, SequenceVerdict, Table, TableBuilders, TopicIncarnation,
    framing,
};

const NUMBERED: Numbered = Numbered {
    verdict: SequenceVerdict::First,
    repeated: false,
};

/// Kept from one value to the next, as the ingester keeps them.
struct Ingester {
    decoders: [Decoder; 3],
    tables: TableBuilders,
}

thread_local! {
    static INGESTER: RefCell<Ingester> =
        RefCell::new(Ingester { decoders: Policy::ALL.map(Decoder::new), tables: TableBuilders::new() });
}

/// Decodes and appends; says why a value is a dead letter.
fn ingest(policy: Policy, value: &[u8]) -> Option<Reason> {
    INGESTER.with_borrow_mut(|Ingester { decoders, tables }| {
        let log = tables.log_index(&TopicIncarnation::new("topic", TopicIncarnation::UNKNOWN));
        let place = Place {
            log,
            partition: 0,
            offset: 0,
            kafka_time_us: None,
            key: None,
            headers: None,
        };
        match decoders[policy as usize].decode(Some(value)) {
            Ok(decoded) => {
                tables.append(&place, &decoded, NUMBERED, &[]);
                None
            }
            Err(rejection) => {
                tables.append_dead_letter(&place, Some(value), &rejection, policy);
                Some(rejection.reason)
            }
        }
    })
}

/// Takes the rows of all values so far.
fn seal() {
    let (rows, batches) =
        INGESTER.with_borrow_mut(|Ingester { tables, .. }| (tables.rows(), tables.finish()));
    let batches = batches.expect("columns fit their schema");
    assert_eq!(
        batches.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>(),
        rows
    );
    for (table, batch) in &batches {
        assert_composed_json(*table, batch);
    }
}

/// Columns of composed text hold JSON.
fn assert_composed_json(table: Table, batch: &RecordBatch) {
    use arrow_array::cast::AsArray as _;
    let names = [
        "attributes",
        "operations",
        "nodes",
        "tags",
        "context",
        "suggestions",
        "error_details",
    ];
    for name in names {
        let Some(column) = batch.column_by_name(name) else {
            continue;
        };
        for text in column.as_string::<i32>().iter().flatten() {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            assert!(is_json, "{table}.{name}: {text:?}");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    for policy in Policy::ALL {
        ingest(policy, bytes);
    }
    let reason = ingest(Policy::Forward, &[&[framing::MARKER_PLAIN], bytes].concat());
    seal();
    match (DashStreamMessage::decode(bytes), reason) {
        // Limits of ours that prost does not have.
        (_, Some(Reason::ExpansionLimit | Reason::TooLarge)) => {}
        (Ok(DashStreamMessage { message: Some(_) }), None) => {}
        (Ok(DashStreamMessage { message: None }), Some(Reason::NoKnownMessage)) => {}
        (Err(_), Some(Reason::Protobuf | Reason::Nesting)) => {}
        (prost, ours) => panic!("prost: {prost:?}, ours: {ours:?}"),
    }
});
