//! What a writer of states sends, read back from the wire.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use proptest::prelude::*;
use quipu_proto::framing::{self, Compression};
use quipu_proto::message::dash_stream_message::Message as Sent;
use quipu_proto::message::{DashStreamMessage, Header};
use quipu_proto::state::{
    Applied, ArrayAlignment, Checkpoint, Diff, DiffOptions, Message, Replay, StateWriter, StateWriterOptions,
    Status, Unwritten, apply_diff, canonical, read_checkpoint,
};
use quipu_proto::views::CheckpointState;
use quipu_proto::{Decoder, Message as View, Policy};
use serde_json::{Value, json};

/// Sends a message and takes its step in the replay, whose state and status come back.
fn step(replay: &mut Replay, decoder: &mut Decoder, message: Sent) -> (Option<String>, Status) {
    let message = DashStreamMessage {
        message: Some(message),
    };
    let value = framing::encode(&message, Compression::default());
    let decoded = decoder.decode(Some(&value)).unwrap();
    let step = match &decoded.message {
        View::StateDiff(view) => replay.step(Message::Diff(Diff {
            operations: view.operations.map(|span| decoded.composed.get(span)),
            full_state: view.full_state.json(),
            is_unreadable: view.full_state.bytes().is_some(),
            hash: Some(view.state_hash),
        })),
        View::Checkpoint(view) => replay.step(Message::Checkpoint(Checkpoint {
            state: match view.state {
                CheckpointState::Json(span) => Some(decoded.composed.get(span)),
                CheckpointState::Empty | CheckpointState::Bytes(_) => None,
            },
            is_unreadable: matches!(view.state, CheckpointState::Bytes(_)),
            checksum_ok: view.checksum_ok,
        })),
        other => panic!("{other:?}"),
    };
    (step.state.map(canonical), step.status)
}

/// States of a conversation: messages come, the oldest go, and numbers of all kinds change.
fn state() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        Just(json!(-0.0))
    ];
    (0..4_usize, 0..30_usize, number, prop::bool::weighted(0.1), "\\PC{0,5}").prop_map(|(from, len, number, is_long, text)| {
        let message = |at: usize| json!({"role": "user", "content": format!("message {at}"), "tags": [at, text]});
        let messages: Vec<_> = (from..from + len).map(message).collect();
        json!({"messages": messages, "number": number, "long": "x".repeat(if is_long { 3_000 } else { 0 })})
    })
}

proptest! {
    #[test]
    fn states_are_replayed_as_they_were_written_and_every_step_is_verified(
        states in prop::collection::vec(state(), 1..12),
        is_aligned: bool,
        checkpoint_interval in 0..4_u32,
        is_confirmed in prop::collection::vec(any::<bool>(), 12),
        is_lost in prop::collection::vec(prop::bool::weighted(0.2), 12),
    ) {
        const LIMIT: usize = 2_500;
        let arrays = if is_aligned { ArrayAlignment::Aligned } else { ArrayAlignment::ByIndex };
        let mut writer = StateWriter::new(StateWriterOptions {
            diff: DiffOptions { arrays },
            checkpoint_interval,
            state_bytes_max: LIMIT,
            ..StateWriterOptions::default()
        });
        let (mut replay, mut decoder) = (Replay::new(), Decoder::new(Policy::Strict));
        let first = writer.start(states[0].clone()).ok();
        prop_assert_eq!(first.is_none(), canonical(&states[0]).len() > LIMIT);
        replay.step(Message::Initial { state: first.as_deref() });
        let mut applied = first.as_deref().map_or(Value::Null, |_| states[0].clone());
        let mut base = Vec::new();
        for (at, state) in states[1..].iter().enumerate() {
            let text = canonical(state);
            let header = Some(Header { schema_version: 1, ..Header::default() });
            let written = match writer.write(state.clone()) {
                Ok(written) => written,
                Err(Unwritten::TooLarge { bytes, limit }) => {
                    prop_assert_eq!((bytes, limit), (text.len(), LIMIT));
                    prop_assert!(bytes > limit);
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            prop_assert!(text.len() <= LIMIT);
            prop_assert_eq!(&written.diff.base_checkpoint_id, &base);
            if is_lost[at] {
                writer.forget();
                continue;
            }
            let Applied { state: after, hash_ok } = apply_diff(&applied, &written.diff).unwrap();
            prop_assert_eq!((canonical(&after), hash_ok), (text.clone(), Some(true)));
            applied = after;
            let diff = quipu_proto::message::StateDiff { header: header.clone(), ..written.diff };
            prop_assert_eq!(
                step(&mut replay, &mut decoder, Sent::StateDiff(diff)),
                (Some(text.clone()), Status::Verified)
            );
            if let Some(mut checkpoint) = written.checkpoint {
                prop_assert_eq!(canonical(&read_checkpoint(&checkpoint).unwrap()), text.clone());
                // A checkpoint alone is base enough for whoever comes late.
                checkpoint.header = header;
                let late = step(&mut Replay::new(), &mut decoder, Sent::Checkpoint(checkpoint.clone()));
                prop_assert_eq!(late, (Some(text.clone()), Status::Verified));
                if is_confirmed[at] {
                    base = vec![u8::try_from(at).unwrap(); 16];
                    writer.confirm_checkpoint(base.clone());
                    let step = step(&mut replay, &mut decoder, Sent::Checkpoint(checkpoint));
                    prop_assert_eq!(step, (Some(text), Status::Verified));
                }
            }
        }
    }
}
