//! Results of cases that have something in common.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::result::CaseResult;

/// The cases with one value of a key of their metadata.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GroupSummary {
    /// Cases.
    pub cases: usize,
    /// Those that passed.
    pub passed: usize,
    /// Mean of their scores, by weight.
    pub average_correctness: f64,
}

/// For each key the groups by its values; keys that no case has are left out, and so are cases without the key.
pub(super) fn group(
    results: &[CaseResult],
    keys: &[String],
) -> BTreeMap<String, BTreeMap<String, GroupSummary>> {
    let mut groups = BTreeMap::new();
    for key in keys {
        let mut members: BTreeMap<String, Vec<&CaseResult>> = BTreeMap::new();
        for result in results {
            if let Some(value) = result.metadata.as_ref().and_then(|metadata| metadata.get(key)) {
                members.entry(name(value)).or_default().push(result);
            }
        }
        if !members.is_empty() {
            let summaries = members
                .into_iter()
                .map(|(value, members)| (value, summary(&members)))
                .collect();
            groups.insert(key.clone(), summaries);
        }
    }
    groups
}

fn summary(members: &[&CaseResult]) -> GroupSummary {
    GroupSummary {
        cases: members.len(),
        passed: members.iter().filter(|result| result.passed).count(),
        average_correctness: weighted_mean(members.iter().map(|result| (result.score, result.weight))),
    }
}

/// Mean of values by weights above 0; 0 without any.
pub(super) fn weighted_mean(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, weights) = values.fold((0.0, 0.0), |(sum, weights), (value, weight)| {
        (sum + value * weight, weights + weight)
    });
    if weights > 0.0 { sum / weights } else { 0.0 }
}

fn name(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
