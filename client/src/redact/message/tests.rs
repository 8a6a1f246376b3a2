//! Every shape in every place where a message can hold one.
#![allow(clippy::unwrap_used)]

use prost::Message as _;
use quipu_proto::framing::{self, Compression};
use quipu_proto::message::{
    AttributeArray, AttributeMap, DiffOperation, ErrorRecord, EventBatch, Header, MetricValue as ProtoMetric,
    NodeExecutionRecord,
};
use quipu_proto::{Decoder, Policy};
use serde_json::{Value, json};

use super::*;

/// Secrets of current shapes, none of them real, in parts so that no scanner of sources takes them for real ones. Each is
/// told with the text that it stands in, and the part that must be gone.
fn planted() -> Vec<(String, String)> {
    let letters = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6kL9nO2qR5tU8";
    let hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let upper = "ABCDEFGHIJKLMNOP";
    let of = |prefix: &str, len: usize| format!("{prefix}{}", letters.repeat(4).get(..len).unwrap());
    let bare = [
        of("sk-", 48),
        of("sk-proj-", 100),
        of("sk-svcacct-", 60),
        of("sk-admin-", 60),
        of("sk-ant-api03-", 93),
        of("sk-or-v1-", 40),
        of("github_pat_", 60),
        of("ghp_", 36),
        of("gho_", 36),
        of("ghs_", 36),
        of("xoxb-", 40),
        of("xoxp-", 40),
        of("xapp-1-", 40),
        of("AIza", 35),
        format!("AKIA{upper}"),
        format!("ASIA{upper}"),
        of("hf_", 34),
        of("glpat-", 20),
        of("npm_", 36),
        of("pypi-AgEI", 60),
        format!("{}.{}", of("SG.", 22), of("", 43)),
        of("sk_live_", 24),
        of("rk_live_", 24),
        of("whsec_", 32),
        of("ya29.", 60),
        of("GOCSPX-", 28),
        format!("dop_v1_{hex}"),
        format!("dapi{}", &hex[..32]),
        of("hvs.", 30),
        of("gsk_", 48),
        format!("SK{}", &hex[..32]),
        format!("shpat_{}", &hex[..32]),
        of("https://hooks.slack.com/services/T0/B0/", 30),
        of("https://discord.com/api/webhooks/123/", 40),
        format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", of("eyJ", 30), of("", 43)),
        of("123456789:AA", 33),
    ];
    let mut planted: Vec<(String, String)> =
        bare.into_iter().map(|secret| (secret.clone(), secret)).collect();
    let labelled = [
        ("aws_secret_access_key=", of("", 40), ""),
        ("Authorization: Bearer ", of("", 30), ""),
        ("Authorization: Basic ", of("", 24), ""),
        ("api_key=", of("", 32), ""),
        ("DB_PASSWORD=", "hunter2hunter2".to_owned(), ""),
        (
            "AccountKey=",
            format!("{}==", of("", 60)),
            ";EndpointSuffix=core.windows.net",
        ),
        ("postgres://app:", "hunter3-p@ss".to_owned(), "@db.internal/main"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\n",
            format!("{}\n{}", of("MIIE", 60), of("", 60)),
            "\n-----END RSA PRIVATE KEY-----",
        ),
    ];
    for (before, secret, after) in labelled {
        planted.push((format!("{before}{secret}{after}"), secret));
    }
    planted
}

fn header() -> Option<Header> {
    Some(Header {
        message_id: vec![7; 16],
        thread_id: "t".to_owned(),
        sequence: 1,
        schema_version: 1,
        ..Header::default()
    })
}

fn text_value(text: &str) -> AttributeValue {
    AttributeValue {
        value: Some(Attribute::StringValue(text.to_owned())),
    }
}

fn event(secret: &str) -> Event {
    let document = json!({"kept": 1.50, "inner": {"note": secret}}).to_string();
    let map = AttributeMap {
        values: [("deep".to_owned(), text_value(secret))].into(),
    };
    let array = AttributeArray {
        values: vec![text_value("kept"), text_value(secret)],
    };
    let value = |value| AttributeValue { value: Some(value) };
    Event {
        header: header(),
        node_id: "plan".to_owned(),
        attributes: [
            ("error".to_owned(), text_value(&format!("before {secret} after"))),
            ("state_json".to_owned(), text_value(&document)),
            (
                "raw".to_owned(),
                value(Attribute::BytesValue(secret.as_bytes().to_vec())),
            ),
            ("list".to_owned(), value(Attribute::ArrayValue(array))),
            ("map".to_owned(), value(Attribute::MapValue(map))),
            ("input_tokens".to_owned(), value(Attribute::IntValue(12))),
            ("password".to_owned(), value(Attribute::IntValue(4711))),
        ]
        .into(),
        ..Event::default()
    }
}

fn error(secret: &str) -> Error {
    Error {
        header: header(),
        message: format!("cannot connect: {secret}"),
        stack_trace: format!("at a\nat b({secret})\nat c"),
        context: [("argument".to_owned(), secret.to_owned())].into(),
        suggestions: vec![format!("do not use {secret}")],
        exception_type: "E".to_owned(),
        ..Error::default()
    }
}

/// A message of every type, with the text in every place.
fn messages(secret: &str) -> Vec<Message> {
    let document = || {
        json!({"a": [1, {"note": secret}], "kept": "kept"})
            .to_string()
            .into_bytes()
    };
    let compressed = || zstd::bulk::compress(&document(), 3).unwrap();
    let checkpoint = Checkpoint {
        header: header(),
        checkpoint_id: vec![1; 16],
        checksum: Sha256::digest(document()).to_vec(),
        state: document(),
        storage_uri: format!("s3://bucket?x={secret}"),
        metadata: [("note".to_owned(), secret.to_owned())].into(),
        ..Checkpoint::default()
    };
    let packed = Checkpoint {
        state: compressed(),
        compression_info: Some(CompressionInfo {
            r#type: CompressionType::CompressionZstd.into(),
            compressed_size: compressed().len() as u64,
            uncompressed_size: document().len() as u64,
            compression_ratio: 1.0,
        }),
        ..checkpoint.clone()
    };
    let metric = ProtoMetric {
        value: Some(MetricValue::StringValue(secret.to_owned())),
        ..ProtoMetric::default()
    };
    vec![
        Message::Event(event(secret)),
        Message::StateDiff(StateDiff {
            header: header(),
            operations: vec![
                DiffOperation {
                    path: "/note".to_owned(),
                    value: Value::from(secret).to_string().into_bytes(),
                    ..DiffOperation::default()
                },
                DiffOperation {
                    path: "/deep".to_owned(),
                    value: document(),
                    ..DiffOperation::default()
                },
            ],
            full_state: document(),
            state_hash: vec![1; 32],
            ..StateDiff::default()
        }),
        Message::TokenChunk(TokenChunk {
            header: header(),
            text: format!("use {secret} then"),
            token_ids: vec![1, 2],
            logprobs: vec![0.5],
            ..TokenChunk::default()
        }),
        Message::ToolExecution(ToolExecution {
            header: header(),
            tool_name: "search".to_owned(),
            arguments: document(),
            result: format!("text {secret}").into_bytes(),
            error: secret.to_owned(),
            error_details: Some(error(secret)),
            ..ToolExecution::default()
        }),
        Message::Checkpoint(checkpoint),
        Message::Checkpoint(packed),
        Message::Metrics(Metrics {
            header: header(),
            metrics: [("last".to_owned(), metric)].into(),
            tags: [("url".to_owned(), secret.to_owned())].into(),
            ..Metrics::default()
        }),
        Message::Error(error(secret)),
        Message::EventBatch(EventBatch {
            header: header(),
            events: vec![event("nothing"), event(secret)],
        }),
        Message::ExecutionTrace(ExecutionTrace {
            header: header(),
            nodes_executed: vec![NodeExecutionRecord {
                input: document(),
                output: document(),
                metadata: [("note".to_owned(), secret.to_owned())].into(),
                ..NodeExecutionRecord::default()
            }],
            errors: vec![ErrorRecord {
                message: secret.to_owned(),
                stack_trace: secret.to_owned(),
                ..ErrorRecord::default()
            }],
            final_state: document(),
            metadata: [("meta".to_owned(), document())].into(),
            ..ExecutionTrace::default()
        }),
    ]
}

fn redacted(message: Message) -> Message {
    let mut message = DashStreamMessage {
        message: Some(message),
    };
    assert!(Redactor::new().redact_message(&mut message), "{message:?}");
    let once = message.clone();
    assert!(
        !Redactor::new().redact_message(&mut message),
        "a second time changes nothing"
    );
    assert_eq!(message, once);
    message.message.unwrap()
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// The bytes of a message as they lie in the protobuf, with its state taken out of its own compression.
fn encoded(message: &Message) -> Vec<u8> {
    let mut message = message.clone();
    if let Message::Checkpoint(checkpoint) = &mut message
        && checkpoint.compression_info.is_some()
    {
        checkpoint.state = zstd::bulk::decompress(&checkpoint.state, 1 << 20).unwrap();
    }
    let message = DashStreamMessage {
        message: Some(message),
    };
    message.encode_to_vec()
}

#[test]
fn no_secret_of_any_shape_is_in_any_message() {
    let planted = planted();
    assert!(planted.len() >= 20);
    let mut decoder = Decoder::new(Policy::Strict);
    for (text, secret) in planted {
        for message in messages(&text) {
            // As it stands, and as it stands in JSON.
            let escaped = Value::from(secret.as_str()).to_string();
            let forms = [secret.as_str(), escaped.trim_matches('"')];
            assert!(
                forms.iter().any(|form| contains(&encoded(&message), form)),
                "{text} is not planted"
            );
            let message = redacted(message);
            for form in forms {
                assert!(!contains(&encoded(&message), form), "{text}: {message:?}");
            }
            let value = framing::encode(
                &DashStreamMessage {
                    message: Some(message),
                },
                Compression::default(),
            );
            decoder.decode(Some(&value)).unwrap();
        }
    }
}

#[test]
fn all_other_fields_stay_and_documents_stay_json() {
    for (text, _) in planted() {
        for message in messages(&text) {
            match redacted(message) {
                Message::Event(event) => {
                    let Some(Attribute::StringValue(state)) = &event.attributes["state_json"].value else {
                        panic!("{event:?}");
                    };
                    assert!(state.starts_with(r#"{"inner":{"note":""#), "{state}");
                    assert!(state.ends_with(r#""},"kept":1.5}"#), "{state}");
                    let state: Value = serde_json::from_str(state).unwrap();
                    assert_ne!(state["inner"]["note"], text);
                    assert_eq!(
                        event.attributes["input_tokens"].value,
                        Some(Attribute::IntValue(12))
                    );
                    assert_eq!(event.attributes["password"], text_value(REDACTED));
                    assert_eq!(event.node_id, "plan");
                }
                Message::StateDiff(diff) => {
                    assert!(diff.state_hash.is_empty(), "it was that of another state");
                    for operation in &diff.operations {
                        serde_json::from_slice::<Value>(&operation.value).unwrap();
                    }
                    let state: Value = serde_json::from_slice(&diff.full_state).unwrap();
                    assert_eq!(state["kept"], "kept");
                    assert_eq!(state["a"][0], 1);
                }
                Message::TokenChunk(chunk) => {
                    assert!(chunk.text.starts_with("use "));
                    assert!(chunk.token_ids.is_empty() && chunk.logprobs.is_empty());
                }
                Message::ToolExecution(execution) => {
                    let arguments: Value = serde_json::from_slice(&execution.arguments).unwrap();
                    assert_eq!(arguments["kept"], "kept");
                    assert_eq!(execution.tool_name, "search");
                    assert_eq!(execution.error_details.unwrap().exception_type, "E");
                }
                Message::Checkpoint(checkpoint) => {
                    let state = match &checkpoint.compression_info {
                        None => checkpoint.state.clone(),
                        Some(info) => {
                            assert_eq!(info.compressed_size, checkpoint.state.len() as u64);
                            let state = zstd::bulk::decompress(&checkpoint.state, 1 << 20).unwrap();
                            assert_eq!(info.uncompressed_size, state.len() as u64);
                            state
                        }
                    };
                    assert_eq!(checkpoint.checksum, Sha256::digest(&state).to_vec());
                    assert_eq!(serde_json::from_slice::<Value>(&state).unwrap()["kept"], "kept");
                }
                Message::ExecutionTrace(trace) => {
                    let state: Value = serde_json::from_slice(&trace.final_state).unwrap();
                    assert_eq!(state["kept"], "kept");
                }
                Message::Metrics(_) | Message::Error(_) | Message::EventBatch(_) => {}
            }
        }
    }
}

#[test]
fn messages_without_secrets_are_left_as_they_are() {
    for message in messages("a harmless note, see https://example.com/x") {
        if matches!(message, Message::Event(_) | Message::EventBatch(_)) {
            // They have an attribute `password`.
            continue;
        }
        let mut redacted = DashStreamMessage {
            message: Some(message.clone()),
        };
        assert!(!Redactor::new().redact_message(&mut redacted));
        assert_eq!(redacted.message, Some(message));
    }
}

#[test]
fn attributes_go_whose_name_stands_beside_or_before_them() {
    let text = |text: &str| AttributeValue {
        value: Some(Attribute::StringValue(text.to_owned())),
    };
    let list = |values: Vec<AttributeValue>| AttributeValue {
        value: Some(Attribute::ArrayValue(AttributeArray { values })),
    };
    let map = |name: &str, value: AttributeValue| AttributeValue {
        value: Some(Attribute::MapValue(AttributeMap {
            values: [("name".to_owned(), text(name)), ("value".to_owned(), value)].into(),
        })),
    };
    let wrapped = |one: &str| AttributeValue {
        value: Some(Attribute::MapValue(AttributeMap {
            values: [("stringValue".to_owned(), text(one))].into(),
        })),
    };
    let texts = |of: &[&str]| list(of.iter().map(|one| text(one)).collect());
    let number = AttributeValue {
        value: Some(Attribute::IntValue(1234)),
    };
    let before = [
        (
            "env",
            list(vec![map("DB_PASSWORD", text("hunter2")), map("HOST", text("db"))]),
        ),
        ("pin", map("password", number.clone())),
        ("list", map("password", list(vec![number.clone()]))),
        ("wrapped", map("password", wrapped("hunter2"))),
        (
            "headers",
            list(vec![texts(&["Authorization", "x"]), texts(&["Host", "x"])]),
        ),
        ("args", texts(&["mysql", "--password", "hunter2", "-h", "db"])),
        ("required", texts(&["password", "email"])),
    ];
    let after = [
        (
            "env",
            list(vec![map("DB_PASSWORD", text(REDACTED)), map("HOST", text("db"))]),
        ),
        ("pin", map("password", text(REDACTED))),
        ("list", map("password", list(vec![text(REDACTED)]))),
        ("wrapped", map("password", wrapped(REDACTED))),
        (
            "headers",
            list(vec![texts(&["Authorization", REDACTED]), texts(&["Host", "x"])]),
        ),
        ("args", texts(&["mysql", "--password", REDACTED, "-h", "db"])),
        ("required", texts(&["password", "email"])),
    ];
    let event = |attributes: &[(&str, AttributeValue)]| Event {
        header: header(),
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        ..Event::default()
    };
    assert_eq!(
        redacted(Message::Event(event(&before))),
        Message::Event(event(&after))
    );
}

#[test]
fn a_path_to_a_secret_name_hides_its_value() {
    let operation = |path: &str, value: &str| DiffOperation {
        path: path.to_owned(),
        value: value.as_bytes().to_vec(),
        ..DiffOperation::default()
    };
    let diff = StateDiff {
        header: header(),
        operations: vec![
            operation("/config/password", r#""hunter2""#),
            operation("/config/api_keys/0", r#""k""#),
            operation("/config/api_keys/-", r#"["k",{"open":"o"}]"#),
            operation("/config/max_tokens", "7"),
            operation("/config/secret", r#"{"open":"o"}"#),
            operation("/headers/-", r#"["Authorization","x"]"#),
            operation("/header", r#"["password","x"]"#),
            operation("", r#"["password","x"]"#),
        ],
        ..StateDiff::default()
    };
    let Message::StateDiff(diff) = redacted(Message::StateDiff(diff)) else {
        panic!("another message");
    };
    let values: Vec<_> = diff
        .operations
        .iter()
        .map(|operation| std::str::from_utf8(&operation.value).unwrap())
        .collect();
    assert_eq!(
        values,
        [
            r#""[REDACTED]""#,
            r#""[REDACTED]""#,
            r#"["[REDACTED]",{"open":"o"}]"#,
            "7",
            r#"{"open":"o"}"#,
            r#"["Authorization","[REDACTED]"]"#,
            r#"["password","x"]"#,
            r#"["password","x"]"#
        ]
    );
}

#[test]
fn a_state_that_cannot_be_searched_is_left_out_and_says_so() {
    let checkpoint = |r#type: CompressionType, state: &[u8]| {
        Message::Checkpoint(Checkpoint {
            state: state.to_vec(),
            checksum: vec![1; 32],
            compression_info: Some(CompressionInfo {
                r#type: r#type.into(),
                ..CompressionInfo::default()
            }),
            ..Checkpoint::default()
        })
    };
    for (message, why) in [
        (checkpoint(CompressionType::CompressionSnappy, b"x"), "type 3"),
        (
            checkpoint(CompressionType::CompressionZstd, b"no zstd"),
            "does not decompress",
        ),
    ] {
        let Message::Checkpoint(left) = redacted(message) else {
            panic!("another message");
        };
        assert!(left.state.is_empty() && left.checksum.is_empty());
        assert!(left.metadata[STATE_LEFT_OUT].contains(why), "{left:?}");
    }
}

#[test]
fn bytes_that_are_no_text_keep_what_is_no_secret() {
    let mut arguments = vec![0xff, 0x00];
    arguments.extend_from_slice(b"Bearer abcdefghijklmnopqrstuvwxyz");
    arguments.extend_from_slice(&[0xc3, 0x28]);
    let execution = ToolExecution {
        arguments,
        ..ToolExecution::default()
    };
    let Message::ToolExecution(execution) = redacted(Message::ToolExecution(execution)) else {
        panic!("another message");
    };
    assert_eq!(execution.arguments, b"\xff\x00Bearer [TOKEN]\xc3(");
}
