//! Where something was measured.

use std::num::NonZero;

use serde::{Deserialize, Serialize};

/// Where something was measured: what may explain a difference, and nothing that names a machine or a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Environment {
    /// Version of quipu.
    #[serde(default)]
    pub quipu_version: String,
    /// Operating system: `linux`.
    #[serde(default)]
    pub os: String,
    /// Kind of processor: `x86_64`.
    #[serde(default)]
    pub arch: String,
    /// Processors that the process may use; 0 if unknown.
    #[serde(default)]
    pub cpus: usize,
}

impl Environment {
    /// That of this process.
    #[must_use]
    pub fn current() -> Self {
        Self {
            quipu_version: env!("CARGO_PKG_VERSION").to_owned(),
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpus: std::thread::available_parallelism().map_or(0, NonZero::get),
        }
    }
}
