//! Each kind of message is read as it was sent, with its header filled in.

use quipu_client::producer::{EventBatchBuilder, IntoMessage, SendError};
use quipu_client::{
    Checkpoint, DashStreamMessage, Error, Event, EventBatch, ExecutionTrace, Header, Metrics, StateDiff,
    TokenChunk, ToolExecution, dash_stream_message::Message,
};

use crate::support::{LONG, TOPIC, broker, event, producer_to, quick, stored_in};

fn header(kind: i32) -> Option<Header> {
    Some(Header {
        message_id: vec![7; 16],
        timestamp_us: 5,
        tenant_id: "acme".to_owned(),
        thread_id: "thread-1".to_owned(),
        sequence: 41,
        r#type: kind,
        parent_id: vec![1, 2],
        compression: 0,
        schema_version: 1,
    })
}

#[tokio::test]
async fn each_of_the_nine_kinds_is_read_as_it_was_sent() {
    let broker = broker(3);
    let producer = producer_to(&broker, quick());
    let long = "words and words ".repeat(100);
    let event = Event {
        header: header(1),
        event_type: 81,
        node_id: "llm".to_owned(),
        ..Event::default()
    };
    let diff = StateDiff {
        header: header(2),
        full_state: long.clone().into_bytes(),
        ..StateDiff::default()
    };
    let chunk = TokenChunk {
        header: header(3),
        text: "hi".to_owned(),
        logprobs: vec![-0.5],
        ..TokenChunk::default()
    };
    let tool = ToolExecution {
        header: header(4),
        tool_name: "search".to_owned(),
        ..ToolExecution::default()
    };
    let checkpoint = Checkpoint {
        header: header(5),
        state: vec![0; 3],
        ..Checkpoint::default()
    };
    let metrics = Metrics {
        header: header(6),
        scope: "node".to_owned(),
        ..Metrics::default()
    };
    let error = Error {
        header: header(7),
        message: long,
        ..Error::default()
    };
    let batch = EventBatch {
        header: header(8),
        events: vec![event.clone(), event.clone()],
    };
    let trace = ExecutionTrace {
        header: header(9),
        execution_id: "e".to_owned(),
        ..ExecutionTrace::default()
    };
    let sent: Vec<DashStreamMessage> = vec![
        event.clone().into_message(),
        diff.clone().into_message(),
        chunk.clone().into_message(),
        tool.clone().into_message(),
        checkpoint.clone().into_message(),
        metrics.clone().into_message(),
        error.clone().into_message(),
        batch.clone().into_message(),
        trace.clone().into_message(),
    ];
    producer.send_event(event).await.unwrap();
    producer.send_state_diff(diff).await.unwrap();
    producer.send_token_chunk(chunk).await.unwrap();
    producer.send_tool_execution(tool).await.unwrap();
    producer.send_checkpoint(checkpoint).await.unwrap();
    producer.send_metrics(metrics).await.unwrap();
    producer.send_error(error).await.unwrap();
    producer.send_event_batch(batch).await.unwrap();
    producer.send_execution_trace(trace).await.unwrap();

    let stored = stored_in(&broker, TOPIC);
    assert_eq!(stored.len(), 9);
    for (record, mut sent) in stored.iter().zip(sent) {
        assert_eq!((record.key.as_str(), record.partition), ("thread-1", 0));
        // A compressed message says so; nothing else differs.
        if record.value[0] == 1 {
            match &mut sent.message {
                Some(Message::StateDiff(diff)) => diff.header.as_mut().unwrap().compression = 1,
                Some(Message::Error(error)) => error.header.as_mut().unwrap().compression = 1,
                other => panic!("compressed: {other:?}"),
            }
        }
        assert_eq!(record.message(), sent);
        assert!(record.headers.is_empty());
    }
    assert_eq!(stored.iter().filter(|record| record.value[0] == 1).count(), 2);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_and_counted() {
    let broker = broker(1);
    let producer = producer_to(&broker, quick());
    let empty = DashStreamMessage { message: None };
    assert!(matches!(producer.send(empty).await, Err(SendError::Empty)));
    assert!(matches!(
        producer.send(event(" ")).await,
        Err(SendError::NoThread)
    ));
    assert!(matches!(
        producer.enqueue(Event::default()),
        Err(SendError::NoThread)
    ));
    producer.close(LONG).await.unwrap();
    assert_eq!(producer.counts().messages_refused, 3);
    assert!(stored_in(&broker, TOPIC).is_empty());
}

#[tokio::test]
async fn a_batch_numbers_its_events_and_not_itself() {
    let broker = broker(1);
    let producer = producer_to(&broker, quick());
    let mut builder = EventBatchBuilder::new("acme", "thread-1");
    assert!(builder.take().is_none());
    builder.push(Event::default());
    builder.push(event("other"));
    builder.push(Event::default());
    assert_eq!(builder.len(), 3);
    producer.send_event_batch(builder.take().unwrap()).await.unwrap();
    builder.push(Event::default());
    producer.send_event_batch(builder.take().unwrap()).await.unwrap();
    let numbers: Vec<Vec<(String, u64)>> = stored_in(&broker, TOPIC)
        .iter()
        .map(|record| {
            let Some(Message::EventBatch(batch)) = record.message().message else {
                panic!("another kind")
            };
            let header = batch.header.unwrap();
            assert_eq!((header.sequence, header.r#type), (0, 8));
            batch
                .events
                .into_iter()
                .map(|event| event.header.unwrap())
                .map(|header| (header.thread_id, header.sequence))
                .collect()
        })
        .collect();
    let named = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        pairs
            .iter()
            .map(|(thread, number)| ((*thread).to_owned(), *number))
            .collect()
    };
    assert_eq!(
        numbers,
        [
            named(&[("thread-1", 1), ("other", 1), ("thread-1", 2)]),
            named(&[("thread-1", 3)])
        ]
    );
}
