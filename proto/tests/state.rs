//! States: what the reference computes, and properties that hold for any state, any loss and any order.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use proptest::prelude::*;
use quipu_proto::state::{
    ArrayAlignment, Change, Checkpoint, Diff, DiffOptions, Message, Replay, Status, apply, canonical, change,
    diff, diff_with, hash, parse, parse_patch, patch_text,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn patches_sizes_and_hashes_are_those_of_the_reference() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/state_diffs.json");
    let Value::Array(vectors) = parse(&std::fs::read_to_string(path).unwrap()).unwrap() else {
        panic!("not a list");
    };
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        let (old, new) = (&vector["old"], &vector["new"]);
        let operations = diff(old, new);
        let text = patch_text(&operations);
        assert_eq!(parse(&text).unwrap(), vector["patch"]);
        assert_eq!(text.len() as u64, vector["patch_size"].as_u64().unwrap());
        assert_eq!(
            hex(&Sha256::digest(&text)),
            vector["patch_hash"].as_str().unwrap()
        );
        assert_eq!(hex(&hash(new)), vector["state_hash"].as_str().unwrap());
        assert_eq!(
            canonical(new).len() as u64,
            vector["full_state_size"].as_u64().unwrap()
        );
        let change = change(old, new);
        assert_eq!(
            matches!(change, Change::Full(_)),
            vector["use_full_state"].as_bool().unwrap()
        );
        assert_eq!(matches!(change, Change::Unchanged), operations.is_empty());
        assert_eq!(canonical(&apply(old, &operations).unwrap()), canonical(new));
    }
}

/// Any JSON value, with few names, so that two of them share some.
fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a~/é\"]{0,3}".prop_map(Value::from),
    ];
    plain.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[ab~/é]{0,2}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

const ALIGNED: DiffOptions = DiffOptions {
    arrays: ArrayAlignment::Aligned,
};

/// Changes one place of a value: the digits of `choice` say where, and what.
fn edit(value: &mut Value, choice: u64, with: &Value) {
    let digit = |base: usize| {
        let base = base as u64;
        (usize::try_from(choice % base).unwrap(), choice / base)
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            let (at, rest) = digit(items.len());
            match rest % 6 {
                0 => drop(items.remove(at)),
                1 => items.insert(at, with.clone()),
                2 => items.push(with.clone()),
                3 => items.rotate_left(at),
                4 => items[at] = items[0].clone(),
                _ => edit(&mut items[at], rest / 6, with),
            }
        }
        Value::Array(items) => items.push(with.clone()),
        Value::Object(members) if !members.is_empty() => {
            let (at, rest) = digit(members.len());
            let name = members.keys().nth(at).unwrap().clone();
            match rest % 5 {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert("new".to_owned(), with.clone())),
                _ => edit(&mut members[&name], rest / 5, with),
            }
        }
        _ => *value = with.clone(),
    }
}

/// A list of which many elements are equal or much alike, as records of one kind are.
fn records() -> impl Strategy<Value = Value> {
    let record = (0..6_u8, 0..3_u8, 0..2_u8).prop_map(|(text, flag, kind)| match kind {
        0 => serde_json::json!({"text": "record ".repeat(usize::from(text)), "flag": flag, "parts": [text, flag, text]}),
        _ => Value::from(text),
    });
    prop::collection::vec(record, 0..12).prop_map(Value::from)
}

/// Two states, the second one made from the first.
fn related() -> impl Strategy<Value = (Value, Value)> {
    let old = prop_oneof![
        value(),
        records(),
        (records(), records()).prop_map(|(a, b)| serde_json::json!({"a": a, "b": {"c": [b]}})),
    ];
    let with = prop_oneof![value(), records(), (0..6_u8).prop_map(Value::from)];
    (old, prop::collection::vec((any::<u64>(), with), 0..6)).prop_map(|(old, edits)| {
        let mut new = old.clone();
        for (choice, with) in edits {
            edit(&mut new, choice, &with);
        }
        (old, new)
    })
}

/// What the json-patch crate makes of a document with these operations.
fn oracle(document: &Value, operations: &str) -> Option<Value> {
    let operations: json_patch::Patch = serde_json::from_value(parse(operations).unwrap()).unwrap();
    let mut document = document.clone();
    json_patch::patch(&mut document, &operations).ok()?;
    Some(document)
}

/// Operations of every kind on places that may be there.
fn operations() -> impl Strategy<Value = String> {
    // The crate has its own mind about operations on the whole document and about `-` outside of `add`.
    let path = || "(/([ab]|0|1|2|3|01|é|~0|~1)){1,3}";
    let value = prop_oneof![value(), (0..3_i64).prop_map(Value::from)];
    let operation = (0..6_usize, path(), path(), value).prop_map(|(op, path, from, value)| {
        let op = ["add", "remove", "replace", "move", "copy", "test"][op];
        serde_json::json!({"op": op, "path": path, "from": from, "value": value})
    });
    prop::collection::vec(operation, 0..4).prop_map(|operations| Value::from(operations).to_string())
}

/// A message as a producer sends it.
#[derive(Clone, Debug)]
enum Sent {
    Initial(String),
    Diff {
        operations: Option<String>,
        full_state: Option<String>,
        hash: Option<Vec<u8>>,
    },
    Checkpoint(String),
}

impl Sent {
    fn message(&self) -> Message<'_> {
        match self {
            Self::Initial(state) => Message::Initial { state: Some(state) },
            Self::Diff {
                operations,
                full_state,
                hash,
            } => Message::Diff(Diff {
                operations: operations.as_deref(),
                full_state: full_state.as_deref(),
                is_unreadable: false,
                hash: hash.as_deref(),
            }),
            Self::Checkpoint(state) => Message::Checkpoint(Checkpoint {
                state: Some(state),
                is_unreadable: false,
                checksum_ok: Some(true),
            }),
        }
    }
}

/// What a producer sends while its state takes these values, and its state after each message. `with_hash` says of each
/// diff whether it carries one, `checkpoints` whether a checkpoint follows.
fn produce(states: &[Value], with_hash: &[bool], checkpoints: &[bool]) -> Vec<(Sent, Value)> {
    let mut sent = vec![(Sent::Initial(states[0].to_string()), states[0].clone())];
    for (at, pair) in states.windows(2).enumerate() {
        let (operations, full_state) = match change(&pair[0], &pair[1]) {
            Change::Unchanged => (None, None),
            Change::Operations(operations) => (Some(patch_text(&operations)), None),
            Change::Full(state) => (None, Some(state)),
        };
        let hash = with_hash[at % with_hash.len()].then(|| hash(&pair[1]).to_vec());
        let diff = Sent::Diff {
            operations,
            full_state,
            hash,
        };
        sent.push((diff, pair[1].clone()));
        if checkpoints[at % checkpoints.len()] {
            sent.push((Sent::Checkpoint(pair[1].to_string()), pair[1].clone()));
        }
    }
    sent
}

proptest! {
    #[test]
    fn the_difference_of_two_states_leads_from_one_to_the_other(old in value(), new in value()) {
        let operations = diff(&old, &new);
        let applied = apply(&old, &operations).unwrap();
        // Equal text, so that numbers which are equal but written in another way are told apart.
        prop_assert_eq!(canonical(&applied), canonical(&new));
        prop_assert_eq!(operations.is_empty(), canonical(&old) == canonical(&new));
        prop_assert_eq!(&parse_patch(&patch_text(&operations)).unwrap(), &operations);
    }

    #[test]
    fn the_difference_of_related_states_leads_from_one_to_the_other_however_arrays_are_matched(
        (old, new) in related(),
    ) {
        let by_index = patch_text(&diff(&old, &new));
        for options in [DiffOptions::default(), ALIGNED] {
            let operations = diff_with(&old, &new, options);
            let text = patch_text(&operations);
            prop_assert_eq!(canonical(&apply(&old, &operations).unwrap()), canonical(&new), "{}", text);
            prop_assert_eq!(operations.is_empty(), canonical(&old) == canonical(&new));
            prop_assert!(text.len() <= by_index.len(), "{} is longer than {}", text, by_index);
            prop_assert!(operations.iter().all(|op| ["add", "remove", "replace"].contains(&op.name())));
            let told = oracle(&old, &text);
            prop_assert_eq!(told.map(|state| canonical(&state)), Some(canonical(&new)));
        }
    }

    #[test]
    fn operations_are_applied_as_the_json_patch_crate_applies_them(
        old in prop_oneof![value(), records()],
        operations in operations(),
    ) {
        // A value that moves to where it is: nothing here, a removal and an addition there.
        let parsed = parse_patch(&operations).unwrap();
        prop_assume!(!parsed.iter().any(|operation| matches!(
            operation, quipu_proto::state::Operation::Move { from, path } if from == path
        )));
        let ours = apply(&old, &parsed).ok();
        prop_assert_eq!(ours, oracle(&old, &operations), "{} {}", old, operations);
    }

    #[test]
    fn a_hash_does_not_depend_on_the_order_of_members(mut members in prop::collection::btree_map("[a-zé]{1,3}", value(), 0..6)) {
        let text = |names: &mut dyn Iterator<Item = (&String, &Value)>| {
            let members: Vec<_> = names.map(|(name, value)| format!("{}: {value}", Value::from(name.as_str()))).collect();
            format!("{{ {} }}", members.join(" , "))
        };
        let forward = parse(&text(&mut members.iter())).unwrap();
        let backward = parse(&text(&mut members.iter().rev())).unwrap();
        prop_assert_eq!(hash(&forward), hash(&backward));
        if let Some((_, first)) = members.iter_mut().next() {
            *first = Value::Array(vec![first.clone()]);
            prop_assert_ne!(hash(&forward), hash(&parse(&text(&mut members.iter())).unwrap()));
        }
    }

    #[test]
    fn a_patch_that_fails_changes_nothing_and_names_its_operation(old in value(), new in value(), other in value()) {
        // The operations between two states, applied to a third one.
        let before = other.clone();
        match apply(&other, &diff(&old, &new)) {
            Ok(_) => {}
            Err(error) => prop_assert!(error.to_string().starts_with("operation "), "{}", error),
        }
        prop_assert_eq!(other, before);
    }

    #[test]
    fn nothing_lost_every_state_is_the_producers_and_every_hash_verifies(
        states in prop::collection::vec(value(), 2..12),
        checkpoints in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let mut replay = Replay::new();
        for (at, (sent, state)) in produce(&states, &[true], &checkpoints).iter().enumerate() {
            let step = replay.step(sent.message());
            prop_assert_eq!(canonical(step.state.unwrap()), canonical(state));
            prop_assert_eq!(step.status == Status::Verified, at > 0, "{:?}", step);
        }
    }

    #[test]
    fn whatever_is_lost_or_comes_in_another_order_no_wrong_state_is_verified(
        states in prop::collection::vec(value(), 2..12),
        with_hash in prop::collection::vec(any::<bool>(), 1..4),
        checkpoints in prop::collection::vec(prop::bool::weighted(0.2), 1..5),
        lost in prop::collection::vec(prop::bool::weighted(0.3), 1..40),
        swaps in prop::collection::vec((0..40_usize, 0..40_usize), 0..6),
    ) {
        let sent = produce(&states, &with_hash, &checkpoints);
        let mut arrived: Vec<_> = sent
            .iter()
            .enumerate()
            .filter(|(at, _)| !lost.get(*at).copied().unwrap_or(false))
            .map(|(_, sent)| sent)
            .collect();
        let len = arrived.len();
        if len > 0 {
            for (a, b) in swaps {
                arrived.swap(a % len, b % len);
            }
        }
        let mut replay = Replay::new();
        for (sent, state) in arrived {
            let step = replay.step(sent.message());
            if step.status == Status::Verified {
                prop_assert_eq!(canonical(step.state.unwrap()), canonical(state));
            } else {
                prop_assert!(step.note.is_some());
            }
            if step.status == Status::Broken {
                prop_assert_eq!(step.state, None);
            }
            // A base is known whatever came before it.
            if let Sent::Checkpoint(_) | Sent::Diff { full_state: Some(_), .. } = sent {
                prop_assert_eq!(canonical(step.state.unwrap()), canonical(state));
            }
        }
    }

    #[test]
    fn no_text_of_operations_panics(text in r#"\[(\{"op":"(add|remove|replace|move|copy|test|x)","path":"(/a|/a/0|/-|)","from":"(/a|)","value":[0-9\[\]]{1,3}\},?){0,4}\]"#, state in value()) {
        let mut replay = Replay::new();
        replay.step(Message::Initial { state: Some(&state.to_string()) });
        replay.step(Message::Diff(Diff { operations: Some(&text), ..Diff::default() }));
    }
}

fn status(replay: &mut Replay, message: Message<'_>) -> (Status, Option<String>, Option<String>) {
    let step = replay.step(message);
    (step.status, step.state.map(canonical), step.note)
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_replay_tells_what_is_known_at_each_step() {
    let hash_of = |text: &str| hash(&parse(text).unwrap());
    let set = |path: &str, value: &str| format!(r#"[{{"op":"replace","path":"{path}","value":{value}}}]"#);
    let mut replay = Replay::new();
    let replay = &mut replay;

    // Before a base, nothing is known; a hash alone does not help.
    let (operations, after) = (set("/n", "1"), hash_of(r#"{"n":1}"#));
    let first = Diff {
        operations: Some(&operations),
        hash: Some(&after),
        ..Diff::default()
    };
    let (is, state, note) = status(replay, Message::Diff(first));
    assert_eq!((is, state), (Status::Unverified, None));
    assert!(
        note.unwrap()
            .starts_with("no state is known before the first base")
    );

    // A base without a checksum, then a diff whose hash proves both.
    let checkpoint = Checkpoint {
        state: Some(r#"{"n":0}"#),
        ..Checkpoint::default()
    };
    assert_eq!(
        status(replay, Message::Checkpoint(checkpoint)),
        (
            Status::Unverified,
            text(r#"{"n":0}"#),
            text("the checkpoint has no checksum")
        )
    );
    assert_eq!(
        status(replay, Message::Diff(first)),
        (Status::Verified, text(r#"{"n":1}"#), None)
    );

    // No hash; then one that does not fit, after a loss that was told.
    let operations = set("/n", "2");
    let silent = Diff {
        operations: Some(&operations),
        ..Diff::default()
    };
    assert_eq!(
        status(replay, Message::Diff(silent)),
        (Status::Unverified, text(r#"{"n":2}"#), text("no hash was sent"))
    );
    replay.doubt("number 7 is missing");
    let other = hash_of(r#"{"n":2,"m":1}"#);
    let unchanged = Diff {
        hash: Some(&other),
        ..Diff::default()
    };
    assert_eq!(
        status(replay, Message::Diff(unchanged)),
        (
            Status::Unverified,
            text(r#"{"n":2}"#),
            text("the hash is another one; number 7 is missing")
        )
    );

    // What cannot be applied is broken, and leaves the state untouched.
    let operations = set("/m", "3");
    let lacking = Diff {
        operations: Some(&operations),
        hash: Some(&other),
        ..Diff::default()
    };
    let (is, state, note) = status(replay, Message::Diff(lacking));
    assert_eq!((is, state), (Status::Broken, None));
    assert!(
        note.unwrap()
            .starts_with("operation 1 of 1 (replace \"/m\"): there is nothing at \"/m\"")
    );
    assert_eq!(replay.state().map(canonical), text(r#"{"n":2}"#));

    // A checkpoint with a wrong checksum, or one that is not JSON, is no base.
    for bad in [
        Checkpoint {
            state: Some("{}"),
            checksum_ok: Some(false),
            ..Checkpoint::default()
        },
        Checkpoint {
            is_unreadable: true,
            ..Checkpoint::default()
        },
    ] {
        assert_eq!(status(replay, Message::Checkpoint(bad)).0, Status::Broken);
        assert_eq!(replay.state().map(canonical), text(r#"{"n":2}"#));
    }

    // A hash that verifies proves the state whatever was lost.
    let is_now = hash_of(r#"{"n":2}"#);
    let proof = Diff {
        hash: Some(&is_now),
        ..Diff::default()
    };
    assert_eq!(
        status(replay, Message::Diff(proof)),
        (Status::Verified, text(r#"{"n":2}"#), None)
    );
    let short = Diff {
        hash: Some(&is_now[..5]),
        ..Diff::default()
    };
    assert_eq!(
        status(replay, Message::Diff(short)).2,
        text("the hash has 5 bytes, not 32")
    );

    // A whole state needs nothing before it; one that is not JSON is broken.
    let full = Diff {
        full_state: Some("[1]"),
        operations: Some("no patch"),
        ..Diff::default()
    };
    assert_eq!(
        status(replay, Message::Diff(full)),
        (Status::Unverified, text("[1]"), text("no hash was sent"))
    );
    for bad in [
        Diff {
            full_state: Some("[1"),
            ..Diff::default()
        },
        Diff {
            is_unreadable: true,
            ..Diff::default()
        },
        Diff {
            operations: Some("no patch"),
            ..Diff::default()
        },
    ] {
        assert_eq!(status(replay, Message::Diff(bad)).0, Status::Broken);
    }

    // A run that starts without a state takes nothing over from the run before; operations may set all of it.
    assert_eq!(status(replay, Message::Initial { state: None }).1, None);
    let (operations, after) = (set("", "[2]"), hash_of("[2]"));
    let all = Diff {
        operations: Some(&operations),
        hash: Some(&after),
        ..Diff::default()
    };
    assert_eq!(
        status(replay, Message::Diff(all)),
        (Status::Verified, text("[2]"), None)
    );
    assert_eq!(
        status(replay, Message::Initial { state: Some("{") }).0,
        Status::Broken
    );
    assert_eq!(replay.state(), None);
}
