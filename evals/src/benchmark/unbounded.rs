//! Numbers without a bound. JSON has no infinity and writes it as null; these read null as the infinity that it was.

use serde::{Deserialize, Deserializer};

/// Reads null as infinity.
pub(super) fn above<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

/// Reads null as negative infinity.
pub(super) fn below<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NEG_INFINITY))
}
