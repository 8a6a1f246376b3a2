//! Under which conditions a benchmark was made.

use std::num::NonZero;

use serde::{Deserialize, Serialize};

/// Under which conditions a benchmark was made: what may explain a difference, and nothing that names a machine or a
/// person.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Environment {
    /// Version of quipu.
    #[serde(default)]
    pub quipu_version: String,
    /// Operating system, such as `linux`.
    #[serde(default)]
    pub os: String,
    /// Kind of processor, such as `x86_64`.
    #[serde(default)]
    pub arch: String,
    /// Processors that the process may use; 0 if that is not known.
    #[serde(default)]
    pub cpus: usize,
    /// Processes that were running or ready to, on average over the last minute, when the benchmark began; null where the
    /// system does not tell (it is read from `/proc/loadavg`).
    #[serde(default)]
    pub load_average: Option<f64>,
}

impl Environment {
    /// Those of this moment.
    #[must_use]
    pub fn current() -> Self {
        Self {
            quipu_version: env!("CARGO_PKG_VERSION").to_owned(),
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpus: std::thread::available_parallelism().map_or(0, NonZero::get),
            load_average: std::fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| load_average(&text)),
        }
    }

    /// In what two environments differ that makes their times hard to compare, a line each.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let cpus = (self.cpus.to_string(), other.cpus.to_string());
        [
            ("operating system", &self.os, &other.os),
            ("kind of processor", &self.arch, &other.arch),
            ("number of processors", &cpus.0, &cpus.1),
            ("version of quipu", &self.quipu_version, &other.quipu_version),
        ]
        .into_iter()
        .filter(|(_, a, b)| a != b)
        .map(|(what, a, b)| format!("the {what} differs: {a} and {b}"))
        .collect()
    }

    /// Whether other processes kept more processors busy than there are, or as many.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.load_average
            .is_some_and(|load| self.cpus > 0 && load >= self.cpus as f64)
    }
}

/// The first number of `/proc/loadavg`: see proc(5).
fn load_average(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_the_first_number() {
        assert_eq!(load_average("0.52 0.41 0.30 2/512 12345\n"), Some(0.52));
        assert_eq!(load_average(""), None);
        assert_eq!(load_average("many"), None);
    }

    #[test]
    fn what_may_explain_a_difference_is_told() {
        let here = Environment::current();
        assert!(!here.os.is_empty() && !here.arch.is_empty() && !here.quipu_version.is_empty());
        assert!(here.differences(&here).is_empty());
        let there = Environment {
            cpus: here.cpus + 2,
            arch: "other".to_owned(),
            ..here.clone()
        };
        let told = here.differences(&there);
        assert_eq!(told.len(), 2);
        assert_eq!(
            told[1],
            format!(
                "the number of processors differs: {} and {}",
                here.cpus, there.cpus
            )
        );
    }

    #[test]
    fn a_machine_is_busy_when_its_processors_are() {
        let busy = |load_average| {
            let environment = Environment {
                cpus: 4,
                load_average,
                ..Environment::default()
            };
            environment.is_busy()
        };
        assert!(busy(Some(4.0)) && !busy(Some(3.9)) && !busy(None));
    }
}
