//! A call of a model: its events and the pieces of its answer.

use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::token_chunk::FinishReason;
use quipu_proto::message::{EventType, TokenChunk, TokenStats};

use crate::dice::HEX;
use crate::guide::Guide;
use crate::kind::Kind;
use crate::outbox::{attributes, event, flag, float, int, text};
use crate::session::Session;

/// What came of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) failed: bool,
}

/// What a provider answers when it does not answer.
const REFUSALS: [(&str, u32); 4] = [
    ("429 rate limit reached for requests per minute", 55),
    ("529 overloaded, try again later", 20),
    ("request timed out after 30000 ms", 15),
    ("503 upstream connect error", 10),
];

impl Session {
    /// Asks the model.
    pub(crate) fn ask(&mut self, node: &str, guide: &mut Guide) -> Answer {
        let request_id = format!("req_{}", self.dice.code(24, HEX));
        let temperature = self.dice.pick(&[0.0, 0.0, 0.2, 0.7, 1.0]);
        let max_tokens = self.dice.pick(&[512, 1_024, 2_048, 4_096]);
        let mut start = event(EventType::LlmStart, node);
        start.llm_request_id.clone_from(&request_id);
        start.attributes = attributes([
            ("model", text(self.model.name)),
            ("provider", text(self.model.provider)),
            ("temperature", float(temperature)),
            ("max_tokens", int(max_tokens)),
            ("streaming", flag(true)),
        ]);
        self.preview(&mut start, "prompt_preview", guide);
        self.out.event(guide, &mut self.dice, start);
        let began_us = self.out.clock_us;
        let mut attempt = 1;
        while attempt < 4 && self.dice.chance(0.035) {
            let error = self.dice.weighted(&REFUSALS);
            let backoff_ms = 250 << attempt;
            let mut retry = event(EventType::LlmRetry, node);
            retry.llm_request_id.clone_from(&request_id);
            retry.attributes = attributes([
                ("attempt", int(attempt)),
                ("backoff_ms", int(backoff_ms)),
                ("error", text(error)),
            ]);
            self.out.event(guide, &mut self.dice, retry);
            let wait_ms = backoff_ms as f64 * (1.0 + self.dice.unit() * 0.25);
            self.out.wait_ms(wait_ms);
            attempt += 1;
        }
        if guide.wants(Kind::Error, 0.018, &mut self.dice) {
            return self.refused(node, &request_id, began_us, guide);
        }
        let first_ms = self.dice.log_normal(self.model.first_token_ms, 0.45);
        self.out.wait_ms(first_ms);
        let history = 180 * self.run.visits.len();
        let input_tokens = (self.dice.log_normal(520.0, 0.6) as usize + history) as u64;
        let output_tokens = self.stream(&request_id, input_tokens, guide);
        let cost =
            (input_tokens as f64 * self.model.input_usd + output_tokens as f64 * self.model.output_usd) / 1e6;
        let mut end = event(EventType::LlmEnd, node);
        end.llm_request_id = request_id;
        end.duration_us = self.out.clock_us - began_us;
        end.attributes = attributes([
            ("model", text(self.model.name)),
            ("input_tokens", int(input_tokens.cast_signed())),
            ("output_tokens", int(output_tokens.cast_signed())),
            ("cost_usd", float((cost * 1e6).round() / 1e6)),
            ("finish_reason", text("stop")),
        ]);
        self.preview(&mut end, "completion_preview", guide);
        self.out.event(guide, &mut self.dice, end);
        Answer {
            input_tokens,
            output_tokens,
            failed: false,
        }
    }

    /// The answer piece by piece. Gives its tokens.
    fn stream(&mut self, request_id: &str, input_tokens: u64, guide: &mut Guide) -> u64 {
        let nature = self.dice.log_normal(22.0, 0.7).clamp(3.0, 160.0) as usize;
        let pieces = guide.count(Kind::TokenChunk, nature).max(1);
        let mut tokens = 0;
        for index in 0..pieces {
            let bytes = guide.text_bytes(Kind::TokenChunk, &mut self.dice);
            let words = self.prose.piece(bytes, &mut self.dice);
            let count = words.len().div_ceil(5);
            tokens += count as u64;
            let is_final = index + 1 == pieces;
            let finish_reason = match is_final {
                false => FinishReason::None,
                true => self
                    .dice
                    .weighted(&[(FinishReason::Stop, 94), (FinishReason::Length, 6)]),
            };
            let chunk = TokenChunk {
                header: Some(self.out.header(Kind::TokenChunk, &mut self.dice)),
                request_id: request_id.to_owned(),
                text: words,
                token_ids: if self.model.token_ids {
                    (0..count)
                        .map(|_| self.dice.log_normal(2_500.0, 1.3) as u32 % 128_256)
                        .collect()
                } else {
                    Vec::new()
                },
                logprobs: Vec::new(),
                chunk_index: index as u32,
                is_final,
                finish_reason: finish_reason.into(),
                model: self.model.name.to_owned(),
                stats: is_final.then(|| TokenStats {
                    prompt_tokens: input_tokens as u32,
                    completion_tokens: tokens as u32,
                    total_tokens: (input_tokens + tokens) as u32,
                }),
            };
            self.say(Message::TokenChunk(chunk), guide);
            let gap_ms = self.dice.log_normal(self.model.piece_ms, 0.5);
            self.out.wait_ms(gap_ms);
        }
        tokens
    }

    /// The provider gave up on us.
    fn refused(&mut self, node: &str, request_id: &str, began_us: i64, guide: &mut Guide) -> Answer {
        let (code, message) = self.dice.weighted(&[
            (("RATE_LIMIT", "429 rate limit reached for tokens per day"), 40),
            (("TIMEOUT", "request timed out after 60000 ms"), 30),
            (("AUTH", "401 invalid credentials"), 10),
            (
                (
                    "CONTEXT_LENGTH",
                    "400 this model's maximum context length is exceeded",
                ),
                20,
            ),
        ]);
        let mut failed = event(EventType::LlmError, node);
        failed.llm_request_id = request_id.to_owned();
        failed.duration_us = self.out.clock_us - began_us;
        failed.attributes = attributes([
            ("model", text(self.model.name)),
            ("error_code", text(code)),
            ("error", text(message)),
        ]);
        self.out.event(guide, &mut self.dice, failed);
        self.error(node, code, message, guide);
        Answer {
            failed: true,
            ..Answer::default()
        }
    }
}
