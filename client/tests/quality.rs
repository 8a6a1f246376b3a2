//! What judges say, and what is told of it.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use quipu_client::MemorySink;
use quipu_client::quality::{
    Judge, JudgeError, Judgement, QualityGate, QualityMonitor, Scores, Subject, Verdict,
};
use quipu_client::recorder::Recorder;
use quipu_proto::message::attribute_value::Value as Attribute;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::metric_value::Value as MetricValue;
use quipu_proto::message::{Event, EventType, Metrics};

/// Answers with the number that the answer is, or fails.
struct ByNumber;

#[async_trait]
impl Judge for ByNumber {
    async fn judge(&self, subject: Subject<'_>) -> Result<Judgement, JudgeError> {
        if subject.answer == "forever" {
            std::future::pending::<()>().await;
        }
        let score: f64 = subject.answer.parse()?;
        let mut judgement = Judgement::from(Scores::new(score, score, score)?);
        if score < 0.3 {
            judgement.issues.push("tool_results_ignored".to_owned());
        }
        Ok(judgement)
    }
}

fn monitor() -> QualityMonitor {
    QualityMonitor::new(Arc::new(ByNumber))
        .with_threshold(0.8)
        .unwrap()
        .with_timeout(Duration::from_millis(50))
        .with_tag("model", "small-1")
}

fn recorder() -> (Recorder, Arc<MemorySink>) {
    let sink = Arc::new(MemorySink::new());
    (Recorder::new(sink.clone(), "acme", "session-1"), sink)
}

fn told(sink: &MemorySink) -> (Vec<Metrics>, Vec<Event>) {
    let mut told = (Vec::new(), Vec::new());
    for message in sink.messages() {
        match message.message.unwrap() {
            Message::Metrics(metrics) => told.0.push(metrics),
            Message::Event(event) => told.1.push(event),
            other => panic!("{other:?}"),
        }
    }
    told
}

fn subject(answer: &str) -> Subject<'_> {
    Subject {
        question: "how good?",
        answer,
        context: "",
    }
}

fn metric(metrics: &Metrics, name: &str) -> Option<MetricValue> {
    metrics.metrics.get(name).and_then(|metric| metric.value.clone())
}

#[tokio::test]
async fn an_answer_that_passes_is_told_in_one_vocabulary() {
    let (recorder, sink) = recorder();
    let verdict = monitor().evaluate(&recorder, subject("0.875")).await;
    assert!(verdict.is_passed());
    let (metrics, events) = told(&sink);
    assert!(events.is_empty(), "no alert");
    let metrics = &metrics[0];
    assert_eq!(
        (metrics.scope.as_str(), metrics.scope_id.as_str()),
        ("quality", "session-1")
    );
    for name in ["accuracy", "relevance", "completeness", "quality_score"] {
        assert_eq!(
            metric(metrics, name),
            Some(MetricValue::FloatValue(0.875)),
            "{name}"
        );
        assert_eq!(metrics.metrics[name].unit, "ratio");
    }
    assert_eq!(metric(metrics, "passed"), Some(MetricValue::BoolValue(true)));
    assert_eq!(metric(metrics, "retry_count"), Some(MetricValue::IntValue(0)));
    assert!(
        !metrics
            .metrics
            .keys()
            .any(|name| name.starts_with("quality_") && name != "quality_score")
    );
    assert_eq!(metrics.tags["model"], "small-1");
    assert_eq!(metrics.tags["tenant_id"], "acme");
}

#[tokio::test]
async fn an_answer_below_the_threshold_is_alerted() {
    let (recorder, sink) = recorder();
    let verdict = monitor().evaluate(&recorder, subject("0.25")).await;
    assert!(matches!(verdict, Verdict::Failed(_)));
    let (metrics, events) = told(&sink);
    assert_eq!(metric(&metrics[0], "passed"), Some(MetricValue::BoolValue(false)));
    assert_eq!(metrics[0].tags["tool_results_ignored"], "true");
    assert_eq!(metrics[0].tags["low_accuracy"], "true");
    let alert = &events[0];
    assert_eq!(alert.event_type, i32::from(EventType::GraphError));
    assert_eq!(alert.node_id, "quality_monitor");
    let attribute = |name: &str| alert.attributes[name].value.clone().unwrap();
    assert_eq!(
        attribute("alert_type"),
        Attribute::StringValue("LOW_QUALITY".to_owned())
    );
    assert_eq!(attribute("quality_score"), Attribute::FloatValue(0.25));
    assert_eq!(attribute("threshold"), Attribute::FloatValue(0.8));
    assert_eq!(
        attribute("issues"),
        Attribute::StringValue(
            "tool_results_ignored, low_accuracy, low_relevance, low_completeness".to_owned()
        )
    );
}

#[tokio::test]
async fn a_judge_that_fails_or_takes_too_long_lets_nothing_pass() {
    for (answer, why) in [
        ("not a number", "the judge failed: invalid float literal"),
        ("1.5", "the judge failed: accuracy is 1.5"),
        ("NaN", "the judge failed: accuracy is NaN"),
        ("forever", "the judge took more than 50ms"),
    ] {
        let (recorder, sink) = recorder();
        let verdict = monitor().evaluate(&recorder, subject(answer)).await;
        assert!(!verdict.is_passed());
        let Verdict::NotJudged { reason } = verdict else {
            panic!("{verdict:?}");
        };
        assert!(reason.starts_with(why), "{reason}");
        let (metrics, events) = told(&sink);
        assert!(events.is_empty());
        assert_eq!(metric(&metrics[0], "passed"), None);
        assert_eq!(metric(&metrics[0], "quality_score"), None);
        assert_eq!(metrics[0].tags["not_judged"], "true");
        assert_eq!(metrics[0].tags["reason"], reason);
    }
}

/// Runs a gate over these answers, and gives the attempts that it asked for.
async fn gate(retries: u32, answers: &[&str]) -> (Option<(String, Verdict, u32)>, Vec<u32>, Arc<MemorySink>) {
    let (recorder, sink) = recorder();
    let asked = Mutex::new(Vec::new());
    let ask = |attempt: u32| {
        asked.lock().unwrap().push(attempt);
        let answer = answers[attempt as usize].to_owned();
        async move {
            if answer == "error" {
                Err("no answer")
            } else {
                Ok(answer)
            }
        }
    };
    let outcome = QualityGate::new(monitor(), retries)
        .run(&recorder, "how good?", ask)
        .await;
    let outcome = outcome.ok().map(|outcome| {
        assert_eq!(outcome.is_passed(), outcome.verdict.is_passed());
        (outcome.answer, outcome.verdict, outcome.retry_count)
    });
    let asked = asked.into_inner().unwrap();
    (outcome, asked, sink)
}

#[tokio::test]
async fn a_gate_asks_until_an_answer_passes() {
    let (outcome, asked, sink) = gate(5, &["0.2", "0.5", "0.9", "1"]).await;
    let (answer, verdict, retry_count) = outcome.unwrap();
    assert_eq!((answer.as_str(), retry_count), ("0.9", 2));
    assert!(verdict.is_passed());
    assert_eq!(asked, [0, 1, 2]);
    let (metrics, events) = told(&sink);
    let retries: Vec<_> = metrics
        .iter()
        .map(|metrics| metric(metrics, "retry_count").unwrap())
        .collect();
    assert_eq!(retries, [0, 1, 2].map(MetricValue::IntValue));
    assert!(events.is_empty(), "what was given back passed");
}

#[tokio::test]
async fn a_gate_gives_back_the_best_of_what_did_not_pass() {
    let (outcome, asked, sink) = gate(2, &["0.2", "0.6", "0.5"]).await;
    let (answer, verdict, retry_count) = outcome.unwrap();
    assert_eq!((answer.as_str(), retry_count, asked.len()), ("0.6", 2, 3));
    assert!(matches!(verdict, Verdict::Failed(_)));
    assert_eq!(told(&sink).1.len(), 1, "one alert");
}

#[tokio::test]
async fn a_gate_never_takes_an_answer_that_was_not_judged_for_a_pass() {
    let (outcome, asked, _) = gate(1, &["x", "y"]).await;
    let (answer, verdict, _) = outcome.unwrap();
    assert_eq!((answer.as_str(), asked.len()), ("y", 2));
    assert!(matches!(verdict, Verdict::NotJudged { .. }));

    let (outcome, _, _) = gate(2, &["x", "0.1", "y"]).await;
    assert_eq!(outcome.unwrap().0, "0.1", "a low score is more than none");
}

#[tokio::test]
async fn a_gate_keeps_the_best_answer_when_there_is_no_other() {
    let (outcome, _, _) = gate(3, &["0.4", "error"]).await;
    let (answer, _, retry_count) = outcome.unwrap();
    assert_eq!((answer.as_str(), retry_count), ("0.4", 0));
    let (outcome, asked, sink) = gate(3, &["error"]).await;
    assert!(outcome.is_none());
    assert_eq!(asked, [0]);
    assert!(sink.messages().is_empty());
}

#[tokio::test]
async fn a_gate_without_retries_asks_once() {
    let (recorder, _) = recorder();
    let outcome = QualityGate::new(monitor(), 0)
        .run(&recorder, "q", |_| async {
            Ok::<_, Infallible>("0.1".to_owned())
        })
        .await
        .unwrap();
    assert_eq!(outcome.retry_count, 0);
    assert!(!outcome.is_passed());
}

#[test]
fn a_threshold_that_is_none_is_refused() {
    for threshold in [-0.1, 1.1, f64::NAN] {
        let error = QualityMonitor::new(Arc::new(ByNumber))
            .with_threshold(threshold)
            .unwrap_err();
        assert!(error.to_string().starts_with("threshold is "), "{error}");
    }
}

#[tokio::test]
async fn scores_that_are_the_threshold_reach_it() {
    for threshold in ["0.7", "0.1", "0.9", "0.95", "0", "1"] {
        let (recorder, sink) = recorder();
        let monitor = monitor().with_threshold(threshold.parse().unwrap()).unwrap();
        let verdict = monitor.evaluate(&recorder, subject(threshold)).await;
        assert!(verdict.is_passed(), "{threshold}: {verdict:?}");
        assert!(told(&sink).1.is_empty(), "no alert");
    }
}
