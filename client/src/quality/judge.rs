//! Who judges.

use async_trait::async_trait;

use super::scores::Scores;

/// Why a judge could not judge.
pub type JudgeError = Box<dyn std::error::Error + Send + Sync>;

/// What answers are asked for, where they are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question<'a> {
    /// What is asked.
    pub text: &'a str,
    /// What the answer can build on: results of tools, documents.
    pub context: &'a str,
}

impl<'a> From<&'a str> for Question<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, context: "" }
    }
}

/// What is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    /// What was asked.
    pub question: &'a str,
    /// What was answered.
    pub answer: &'a str,
    /// What the answer could build on: results of tools, documents.
    pub context: &'a str,
}

/// What a judge says of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// How good it is.
    pub scores: Scores,
    /// What is wrong with it, by short names such as `tool_results_ignored` and `incomplete_coverage`.
    pub issues: Vec<String>,
}

impl From<Scores> for Judgement {
    fn from(scores: Scores) -> Self {
        Self {
            scores,
            issues: Vec::new(),
        }
    }
}

/// Judges answers: mostly a model that is asked how good they are.
#[async_trait]
pub trait Judge: Send + Sync {
    /// Says how good the answer is.
    ///
    /// # Errors
    /// It cannot say. The answer then counts as not judged.
    async fn judge(&self, subject: Subject<'_>) -> Result<Judgement, JudgeError>;
}
