//! Shows how a state is told: `cargo run -p quipu-client --example state_diff`.

use std::error::Error;
use std::sync::Arc;

use quipu_client::MemorySink;
use quipu_client::recorder::{Graph, Recorder};
use quipu_proto::message::dash_stream_message::Message;
use serde_json::json;

#[expect(clippy::print_stdout, reason = "an example shows what it did")]
fn main() -> Result<(), Box<dyn Error>> {
    let sink = Arc::new(MemorySink::new());
    let recorder = Recorder::builder(sink.clone()).checkpoint_every(3).build();
    let notes = "what was found so far, which is a longer text than the change is";
    let run = recorder
        .graph_start(Graph::new("counter", "count").initial_state(&json!({"count": 0, "notes": notes})));
    run.state(&json!({"count": 1, "notes": notes}));
    run.state(&json!({"count": 1, "notes": notes}));
    run.state(&json!({"count": 2, "notes": "short"}));
    run.end();

    for message in sink.messages() {
        match message.message.ok_or("a message without content")? {
            Message::StateDiff(diff) if !diff.full_state.is_empty() => {
                println!("the whole state: {}", String::from_utf8(diff.full_state)?);
            }
            Message::StateDiff(diff) if diff.operations.is_empty() => println!("as before"),
            Message::StateDiff(diff) => {
                for operation in diff.operations {
                    println!(
                        "{} becomes {}",
                        operation.path,
                        String::from_utf8(operation.value)?
                    );
                }
            }
            Message::Checkpoint(checkpoint) => {
                println!("a checkpoint: {}", String::from_utf8(checkpoint.state)?);
            }
            _ => {}
        }
    }
    Ok(())
}
