//! A call of a tool: its stages, and what it is asked and answers.

use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::error::Severity;
use quipu_proto::message::tool_execution::ExecutionStage;
use quipu_proto::message::{Error, EventType, ToolExecution};
use serde_json::{Value, json};

use crate::collection;
use crate::dice::{BASE_62, HEX};
use crate::guide::Guide;
use crate::kind::Kind;
use crate::outbox::{attributes, event, flag, text};
use crate::session::Session;

/// Why tools fail, with the code of the failure.
const FAILURES: [((&str, &str), u32); 4] = [
    (("UPSTREAM_TIMEOUT", "upstream timed out after 10000 ms"), 40),
    (("RATE_LIMIT", "too many requests, retry after 2 s"), 30),
    (("UNAVAILABLE", "connection reset by peer"), 20),
    (("BAD_RESPONSE", "response is not valid JSON"), 10),
];

impl Session {
    /// Calls a tool until it answers, at most three times.
    pub(crate) fn call(&mut self, node: &str, tool: &str, guide: &mut Guide) {
        let tells = guide.wants(Kind::Event, 0.6, &mut self.dice);
        let call_id = format!("call_{}", self.dice.code(22, BASE_62));
        if tells {
            let mut start = event(EventType::ToolStart, node);
            start.attributes = attributes([("tool_name", text(tool)), ("call_id", text(call_id.as_str()))]);
            self.out.event(guide, &mut self.dice, start);
        }
        let began_us = self.out.clock_us;
        let asked = self.arguments(tool).to_string().into_bytes();
        let stage = |stage: ExecutionStage, retry_count| ToolExecution {
            call_id: call_id.clone(),
            tool_name: tool.to_owned(),
            stage: stage.into(),
            retry_count,
            ..ToolExecution::default()
        };
        let requested = ToolExecution {
            arguments: asked.clone(),
            ..stage(ExecutionStage::Requested, 0)
        };
        self.tool(requested, guide);
        if guide.wants(Kind::ToolExecution, 0.25, &mut self.dice) {
            self.tool(stage(ExecutionStage::Started, 0), guide);
        }
        let mut tries = 0;
        let mut works = false;
        while !works && tries < 3 {
            let ms = self.dice.log_normal(pace_ms(tool), 0.8);
            self.out.wait_ms(ms);
            let duration_us = self.out.clock_us - began_us;
            works = tries == 2 || !self.dice.chance(0.045);
            if works {
                let bytes = guide.text_bytes(Kind::ToolExecution, &mut self.dice);
                let result = self.result(tool, bytes).to_string().into_bytes();
                let done = stage(ExecutionStage::Completed, tries);
                self.tool(
                    ToolExecution {
                        arguments: asked.clone(),
                        result,
                        duration_us,
                        ..done
                    },
                    guide,
                );
            } else {
                let (code, why) = self.dice.weighted(&FAILURES);
                let details = Error {
                    error_code: code.to_owned(),
                    message: format!("{tool}: {why}"),
                    severity: Severity::Warning.into(),
                    ..Error::default()
                };
                let failed = stage(ExecutionStage::Failed, tries);
                self.tool(
                    ToolExecution {
                        error: why.to_owned(),
                        error_details: Some(details),
                        duration_us,
                        ..failed
                    },
                    guide,
                );
                let mut told = event(EventType::ToolError, node);
                told.duration_us = duration_us;
                told.attributes = attributes([
                    ("tool_name", text(tool)),
                    ("error_code", text(code)),
                    ("error", text(why)),
                ]);
                self.out.event(guide, &mut self.dice, told);
                tries += 1;
                let backoff_ms = 100.0 * f64::from(1 << tries);
                self.out.wait_ms(backoff_ms);
                self.tool(stage(ExecutionStage::Retrying, tries), guide);
            }
        }
        if tells {
            let mut end = event(EventType::ToolEnd, node);
            end.duration_us = self.out.clock_us - began_us;
            end.attributes = attributes([("tool_name", text(tool)), ("ok", flag(true))]);
            self.preview(&mut end, "result_preview", guide);
            self.out.event(guide, &mut self.dice, end);
        }
    }

    fn tool(&mut self, execution: ToolExecution, guide: &mut Guide) {
        let header = Some(self.out.header(Kind::ToolExecution, &mut self.dice));
        self.say(
            Message::ToolExecution(ToolExecution { header, ..execution }),
            guide,
        );
    }

    /// What a tool is asked.
    fn arguments(&mut self, tool: &str) -> Value {
        let words = self.dice.between(3, 8);
        let query = self.prose.title(words, &mut self.dice);
        let dice = &mut self.dice;
        match tool {
            "run_sql" | "describe_schema" => {
                let (table, column) = (self.prose.name(dice), self.prose.name(dice));
                let limit = dice.pick(&[10, 50, 100, 1_000]);
                json!({"database": "warehouse", "timeout_ms": 30_000, "sql": format!(
                    "select {column}, count(*) as n, sum(amount) from {table} where region = '{}' group by 1 order by 2 desc limit {limit}",
                    self.prose.name(dice)
                )})
            }
            "git_diff" | "read_file" | "grep_repository" | "static_analysis" | "security_scan"
            | "run_tests" => {
                let path = format!("src/{}/{}.rs", self.prose.name(dice), self.prose.name(dice));
                json!({"path": path, "pattern": query, "revision": dice.code(12, HEX), "context_lines": 3})
            }
            "crm_lookup" | "order_history" | "refund_quote" | "ticket_update" | "send_email" => json!({
                "customer_id": format!("C-{:07}", dice.below(10_000_000)),
                "ticket": dice.between(100_000, 999_999),
                "subject": query,
            }),
            _ => json!({
                "query": query,
                "limit": dice.between(3, 20),
                "filters": {"language": dice.pick(&["en", "de", "ja"]), "since": format!("2025-{:02}-01", dice.between(1, 12))},
            }),
        }
    }

    /// What a tool answers, with about `bytes` bytes of text.
    fn result(&mut self, tool: &str, bytes: usize) -> Value {
        let hits = (bytes / 190).clamp(1, 8);
        let mut list = Vec::with_capacity(hits);
        for _ in 0..hits {
            let dice = &mut self.dice;
            let (title, snippet) = collection::passage((bytes / hits).saturating_sub(60), dice);
            list.push(match tool {
                "run_sql" | "order_history" | "describe_schema" | "query_metrics" => json!({
                    "id": dice.below(1_000_000), "name": title, "amount": dice.below(900_000) as f64 / 100.0, "note": snippet,
                }),
                _ => json!({
                    "title": title, "score": dice.below(10_000) as f64 / 10_000.0, "snippet": snippet,
                }),
            });
        }
        json!({"ok": true, "took_ms": self.dice.between(2, 900), "total": hits, "results": list})
    }
}

/// Median time of a tool, in milliseconds: of its own, the same in every run.
fn pace_ms(tool: &str) -> f64 {
    f64::from(crc32fast::hash(tool.as_bytes()) % 700 + 40)
}
