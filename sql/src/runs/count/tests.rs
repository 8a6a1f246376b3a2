use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array, StringViewArray, UInt64Array};

use super::super::collect::tests::runs_of;
use super::super::cut::Role;
use super::*;

/// A message: its thread, kind, time, time in Kafka, number, tokens read and call.
type Message = (
    &'static str,
    i64,
    Option<i64>,
    Option<i64>,
    u64,
    Option<i64>,
    Option<&'static str>,
);

fn batch(messages: &[Message]) -> RecordBatch {
    let text = |text: fn(&Message) -> Option<&'static str>| -> ArrayRef {
        Arc::new(StringViewArray::from_iter(messages.iter().map(text)))
    };
    let number = |number: fn(&Message) -> Option<i64>| -> ArrayRef {
        Arc::new(Int64Array::from_iter(messages.iter().map(number)))
    };
    let zeros: ArrayRef = Arc::new(Int32Array::from_iter_values(messages.iter().map(|_| 0)));
    let sequences = messages.iter().map(|message| message.4);
    let errors = messages.iter().map(|message| Some(message.1 == 6));
    let columns: [(&str, ArrayRef); 16] = [
        ("topic", text(|_| Some("t"))),
        ("incarnation", text(|_| Some("i"))),
        ("tenant_id", text(|_| Some("acme"))),
        ("thread_id", text(|message| Some(message.0))),
        ("kind", number(|message| Some(message.1))),
        ("at", number(|message| message.2.or(message.3))),
        ("kafka_time", number(|message| message.3)),
        ("sequence", Arc::new(UInt64Array::from_iter_values(sequences))),
        ("role", number(|_| Some(Role::Other as i64))),
        ("partition", Arc::clone(&zeros)),
        ("offset", Arc::clone(&zeros)),
        ("item", zeros),
        ("input_tokens", number(|message| message.5)),
        ("output_tokens", number(|_| None)),
        ("is_error", Arc::new(BooleanArray::from_iter(errors))),
        ("call_id", text(|message| message.6)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

/// The counts of two workers, of whom each takes some of the batches; each with its thread and part, in their order.
fn counted(first: &[Message], second: &[Message]) -> Vec<(String, usize, Count)> {
    let runs = Arc::new(runs_of("a", &[(Some(10), Role::Start), (Some(30), Role::Start)]));
    let mut whole = Counter::new(Arc::clone(&runs));
    for messages in [first, second] {
        let mut counter = Counter::new(Arc::clone(&runs));
        counter.take(&batch(messages)).unwrap();
        whole.merge(counter);
    }
    let counts = whole.finish();
    let name = |thread: usize| match thread.checked_sub(runs.threads.len()) {
        None => runs.threads.thread_id(thread).to_owned(),
        Some(other) => counts.others.thread_id(other).to_owned(),
    };
    let parts = counts.parts.iter().zip(&counts.counts);
    let mut told: Vec<_> = parts
        .map(|((thread, part), count)| (name(*thread), *part, count.clone()))
        .collect();
    told.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    told
}

#[test]
fn messages_are_counted_by_part_whichever_worker_saw_them() {
    let messages: [Message; 6] = [
        ("a", 0, Some(9), None, 1, None, None),
        ("a", 0, Some(10), Some(70), 2, Some(5), None),
        ("a", 1, Some(12), Some(60), 3, Some(7), None),
        ("a", 0, Some(29), None, 0, Some(6), None),
        ("a", 6, Some(30), None, 4, None, None),
        ("b", 3, None, None, 1, None, None),
    ];
    let whole = counted(&messages, &[]);
    for split in 1..messages.len() {
        assert_eq!(counted(&messages[..split], &messages[split..]), whole, "{split}");
    }
    let parts: Vec<_> = whole
        .iter()
        .map(|(thread, part, _)| (thread.as_str(), *part))
        .collect();
    assert_eq!(parts, [("a", 0), ("a", 1), ("a", 2), ("b", 0)]);
    let run = &whole[1].2;
    assert_eq!(
        (run.first_time, run.last_time, run.last_arrived),
        (Some(10), Some(29), Some(70))
    );
    assert_eq!(
        (run.kinds[0], run.kinds[1], run.numbered, run.errors),
        (2, 1, 2, 0)
    );
    assert_eq!(run.tokens, [[Some(11), None], [Some(7), None]]);
    assert_eq!((whole[2].2.errors, whole[2].2.kinds[6]), (1, 1));
    // Of a thread without a time nothing is known but the count.
    assert_eq!(
        (
            whole[3].2.first_time,
            whole[3].2.last_arrived,
            whole[3].2.kinds[3]
        ),
        (None, None, 1)
    );
}

#[test]
fn a_call_counts_once_in_each_part_that_tells_of_it() {
    let stage = |at, call| ("a", 2, Some(at), None, 1, None, call);
    let first = [stage(11, Some("x")), stage(12, Some("x")), stage(31, Some("x"))];
    let second = [stage(13, Some("x")), stage(14, Some("y")), stage(15, None)];
    let calls: Vec<i64> = counted(&first, &second)
        .iter()
        .map(|part| part.2.tool_calls)
        .collect();
    assert_eq!(calls, [2, 1]);
}
