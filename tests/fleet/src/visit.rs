//! What happens inside one node of a run.

use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{Checkpoint, CompressionInfo, CompressionType, EventType, NodeExecutionRecord};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::collection;
use crate::dice::hex;
use crate::graphs::Work;
use crate::guide::Guide;
use crate::kind::Kind;
use crate::model_call::Answer;
use crate::outbox::{attributes, event, flag, text};
use crate::session::Session;
use crate::time::iso_8601;

/// Length of a state, in bytes, from which its checkpoint is compressed.
const COMPRESS_FROM: usize = 512;

impl Session {
    /// Runs a node. False if it failed, and the run with it.
    pub(crate) fn visit(&mut self, index: usize, guide: &mut Guide) -> bool {
        let node = &self.graph.nodes[index];
        if let Work::Parallel(branches) = node.work {
            self.parallel(node.name, branches, guide);
            return true;
        }
        let start = event(EventType::NodeStart, node.name);
        self.out.event(guide, &mut self.dice, start);
        let began_us = self.out.clock_us;
        let (remark, nature) = match node.work {
            Work::Llm | Work::Agent(_) => (EventType::NodeThinking, 0.45),
            _ => (EventType::NodeProgress, 0.2),
        };
        if guide.wants(Kind::Event, nature, &mut self.dice) || guide.is_steered() && self.out.is_collecting()
        {
            self.remark(remark, node.name, guide);
        }
        let own_ms = self.dice.log_normal(node.own_ms, 0.6);
        self.out.wait_ms(own_ms * 0.5);
        let mut answer = Answer::default();
        match node.work {
            Work::Llm => answer = self.ask(node.name, guide),
            Work::Agent(tools) => {
                if self.dice.chance(0.8) {
                    let tool = self.dice.pick(tools);
                    self.call(node.name, tool, guide);
                }
                answer = self.ask(node.name, guide);
            }
            Work::Tools(tools) => {
                for tool in tools {
                    for _ in 0..guide.count(Kind::ToolExecution, 2).div_ceil(2) {
                        self.call(node.name, tool, guide);
                    }
                }
            }
            Work::Function => self.substeps(node.name, guide),
            Work::Human => self.wait_for_person(node.name, guide),
            Work::Parallel(_) => {}
        }
        self.out.wait_ms(own_ms * 0.5);
        let duration_us = self.out.clock_us - began_us;
        self.record(node.name, began_us, &answer, guide);
        if answer.failed {
            return false;
        }
        if guide.wants(Kind::Error, 0.012, &mut self.dice) {
            self.remark(EventType::NodeWarning, node.name, guide);
            self.warn(node.name, guide);
        }
        self.learn(node.name, &answer, guide);
        for _ in 0..2 {
            if guide.wants(Kind::Metrics, 0.35, &mut self.dice) {
                self.measure(node.name, duration_us, &answer, guide);
            }
        }
        self.keep(node.name, guide);
        let mut end = event(EventType::NodeEnd, node.name);
        end.duration_us = duration_us;
        self.preview(&mut end, "summary", guide);
        self.out.event(guide, &mut self.dice, end);
        true
    }

    /// Branches at the same time: no node events, one diff when all are through.
    fn parallel(&mut self, name: &str, branches: &[&str], guide: &mut Guide) {
        let names = branches.join(",");
        let start = event(EventType::ParallelStart, &names);
        self.out.event(guide, &mut self.dice, start);
        let began_us = self.out.clock_us;
        for tool in branches {
            self.call(name, tool, guide);
        }
        let mut end = event(EventType::ParallelEnd, &names);
        end.duration_us = self.out.clock_us - began_us;
        let answer = Answer::default();
        self.record(name, began_us, &answer, guide);
        self.learn(name, &answer, guide);
        self.out.event(guide, &mut self.dice, end);
        self.keep(name, guide);
    }

    /// What a node without model or tool tells of itself.
    fn substeps(&mut self, node: &str, guide: &mut Guide) {
        for step in ["load", "normalize", "score"] {
            if guide.wants(Kind::Event, 0.7, &mut self.dice) {
                let mut substep = event(EventType::NodeSubstep, node);
                substep.attributes = attributes([("substep_name", text(step)), ("status", text("complete"))]);
                self.out.event(guide, &mut self.dice, substep);
            }
            let ms = self.dice.log_normal(9.0, 0.7);
            self.out.wait_ms(ms);
        }
        if guide.wants(Kind::Event, 0.5, &mut self.dice) {
            self.remark(EventType::NodeProgress, node, guide);
        }
    }

    /// A person is asked and answers after a while.
    fn wait_for_person(&mut self, node: &str, guide: &mut Guide) {
        let person = self.prose.name(&mut self.dice);
        let mut interrupt = event(EventType::HumanInterrupt, node);
        interrupt.attributes = attributes([("reason", text("approval required")), ("user", text(person))]);
        self.out.event(guide, &mut self.dice, interrupt);
        self.out.flush(guide, &mut self.dice);
        let ms = self.dice.log_normal(45_000.0, 0.9);
        self.out.wait_ms(ms);
        let approved = self.dice.chance(0.93);
        let mut resume = event(EventType::HumanResume, node);
        resume.attributes = attributes([("approved", flag(approved)), ("user", text(person))]);
        self.out.event(guide, &mut self.dice, resume);
        self.state.set("approved", approved.into());
    }

    /// Notes the visit for the execution trace.
    fn record(&mut self, node: &str, began_us: i64, answer: &Answer, guide: &Guide) {
        // The texts of a trace are shared by its visits, of which there are about six.
        let bytes = guide.text_bytes(Kind::ExecutionTrace, &mut self.dice) / 6;
        let input = self.prose.title(4, &mut self.dice);
        let output = self.prose.text(bytes, &mut self.dice);
        self.run.prompt_tokens += answer.input_tokens;
        self.run.completion_tokens += answer.output_tokens;
        self.run.visits.push(NodeExecutionRecord {
            node: node.to_owned(),
            duration_ms: (self.out.clock_us - began_us).unsigned_abs() / 1_000,
            total_tokens: answer.input_tokens + answer.output_tokens,
            prompt_tokens: answer.input_tokens,
            completion_tokens: answer.output_tokens,
            succeeded: !answer.failed,
            started_at: iso_8601(began_us),
            ended_at: iso_8601(self.out.clock_us),
            input: json!({ "query": input }).to_string().into_bytes(),
            output: json!({ "text": output }).to_string().into_bytes(),
            ..NodeExecutionRecord::default()
        });
    }

    /// What a node changes in the state.
    fn learn(&mut self, node: &str, answer: &Answer, guide: &Guide) {
        let words = self.compose(Kind::StateDiff, guide);
        let step = self.run.visits.len();
        self.state.set("step", step.into());
        self.state.set("current_node", node.into());
        if answer.output_tokens > 0 {
            self.state.push(
                "messages",
                json!({"role": "assistant", "name": node, "content": words}),
            );
            let (input, output) = (self.run.prompt_tokens, self.run.completion_tokens);
            self.state
                .set("usage", json!({ "input_tokens": input, "output_tokens": output }));
            self.state.remove("scratch");
        } else {
            let (source, words) = collection::passage(words.len(), &mut self.dice);
            let relevance = self.dice.between(20, 99);
            self.state.push(
                "findings",
                json!({"source": source, "relevance": relevance, "text": words, "node": node}),
            );
            if self.dice.chance(0.3) {
                let title = self.prose.title(3, &mut self.dice);
                self.state.set(
                    "scratch",
                    json!({"pending": self.state.len_of("findings"), "next": title}),
                );
            }
        }
    }

    /// Tells the change of the state, and now and then the whole of it.
    fn keep(&mut self, node: &str, guide: &mut Guide) {
        if guide.wants(Kind::StateDiff, 1.0, &mut self.dice) {
            self.diff(guide);
            if guide.wants(Kind::Checkpoint, 0.08, &mut self.dice) {
                self.checkpoint(node, guide);
            }
        }
    }

    /// A StateDiff.
    pub(crate) fn diff(&mut self, guide: &mut Guide) {
        let mut diff = self.state.take_diff(&self.checkpoint_id);
        diff.header = Some(self.out.header(Kind::StateDiff, &mut self.dice));
        self.say(Message::StateDiff(diff), guide);
    }

    /// A Checkpoint and the event that tells of it.
    fn checkpoint(&mut self, node: &str, guide: &mut Guide) {
        let json = self.state.json().into_bytes();
        let checksum = Sha256::digest(&json).to_vec();
        let (state, compression_info) = match pack(&json) {
            Some(packed) => {
                let info = CompressionInfo {
                    r#type: CompressionType::CompressionZstd.into(),
                    compressed_size: packed.len() as u64,
                    uncompressed_size: json.len() as u64,
                    compression_ratio: json.len() as f32 / packed.len() as f32,
                };
                (packed, Some(info))
            }
            None => (json, None),
        };
        if !guide.fits(Kind::Checkpoint, state.len() + 220) {
            return;
        }
        let checkpoint_id = self.dice.uuid();
        let summary = self.compose(Kind::Checkpoint, guide);
        let metadata = [
            ("node_id", node),
            ("reason", "interval"),
            ("summary", summary.as_str()),
        ];
        let checkpoint = Checkpoint {
            header: Some(self.out.header(Kind::Checkpoint, &mut self.dice)),
            checkpoint_id: checkpoint_id.to_vec(),
            state,
            state_type: "serde_json::Value".to_owned(),
            checksum,
            storage_uri: String::new(),
            compression_info,
            metadata: metadata
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
        self.say(Message::Checkpoint(checkpoint), guide);
        let mut save = event(EventType::CheckpointSave, node);
        save.attributes = attributes([("checkpoint_id", text(hex(&checkpoint_id)))]);
        self.out.event(guide, &mut self.dice, save);
        self.checkpoint_id = checkpoint_id.to_vec();
    }
}

/// The state as a checkpoint carries it compressed, none if it is short.
fn pack(json: &[u8]) -> Option<Vec<u8>> {
    if json.len() < COMPRESS_FROM {
        return None;
    }
    zstd::bulk::compress(json, zstd::DEFAULT_COMPRESSION_LEVEL).ok()
}
