//! Asks again until an answer is good enough.

use std::future::Future;

use super::judge::{Question, Subject};
use super::monitor::{QualityMonitor, Verdict};
use crate::recorder::Scope;

/// Asks for an answer, has it judged, and asks again while it does not pass.
#[derive(Clone, Debug)]
pub struct QualityGate {
    monitor: QualityMonitor,
    retries: u32,
}

/// What a gate let through, or the best of what it did not.
#[derive(Clone, Debug, PartialEq)]
pub struct GateOutcome<T, E> {
    /// The answer that passed; else the one with the highest score; else the last one.
    pub answer: T,
    /// What became of this answer. Only [`Verdict::Passed`] is a pass.
    pub verdict: Verdict,
    /// How often it was asked again.
    pub retry_count: u32,
    /// Why there is no later answer: the attempt after this many failed.
    pub stopped_by: Option<E>,
}

impl<T, E> GateOutcome<T, E> {
    /// Whether the answer is good enough, by a judge.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.verdict.is_passed()
    }
}

impl QualityGate {
    /// Asks again up to that many times.
    #[must_use]
    pub fn new(monitor: QualityMonitor, retries: u32) -> Self {
        Self { monitor, retries }
    }

    /// Asks for answers to a question until one passes. `ask` is given the number of the attempt, from 0. Every verdict is told
    /// at this place, with its number of retries; an alert is told if the answer that is given back is below the threshold.
    ///
    /// # Errors
    /// Those of the first attempt. When a later one fails, the best answer so far is given back, with the error.
    pub async fn run<'a, T, E, F>(
        &self,
        scope: &Scope,
        question: impl Into<Question<'a>>,
        mut ask: impl FnMut(u32) -> F,
    ) -> Result<GateOutcome<T, E>, E>
    where
        T: AsRef<str>,
        F: Future<Output = Result<T, E>>,
    {
        let question = question.into();
        let mut best = self.attempt(scope, question, 0, ask(0).await?).await;
        let mut retry_count = 0;
        let mut stopped_by = None;
        while !best.1.is_passed() && retry_count < self.retries {
            let answer = match ask(retry_count + 1).await {
                Ok(answer) => answer,
                Err(error) => {
                    stopped_by = Some(error);
                    break;
                }
            };
            retry_count += 1;
            let next = self.attempt(scope, question, retry_count, answer).await;
            // What was not judged is below all that was. Of equals the later one is taken.
            if next.1.score() >= best.1.score() {
                best = next;
            }
        }
        let (answer, verdict) = best;
        self.monitor.alert(scope, &verdict);
        Ok(GateOutcome {
            answer,
            verdict,
            retry_count,
            stopped_by,
        })
    }

    async fn attempt<T: AsRef<str>>(
        &self,
        scope: &Scope,
        question: Question<'_>,
        retry_count: u32,
        answer: T,
    ) -> (T, Verdict) {
        let subject = Subject {
            question: question.text,
            answer: answer.as_ref(),
            context: question.context,
        };
        let verdict = self.monitor.assess(scope, subject, retry_count).await;
        (answer, verdict)
    }
}
