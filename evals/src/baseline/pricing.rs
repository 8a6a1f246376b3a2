//! Prices as files keep them.

use serde::{Deserialize, Serialize};

use crate::metrics::LlmPricing;

/// The prices by which a cost was computed, in USD per million tokens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct PricingRecord {
    /// Name of the list, if it has one: `gpt4o`.
    #[serde(default)]
    pub model: Option<String>,
    /// Tokens of prompts.
    pub input_price: f64,
    /// Tokens of answers.
    pub output_price: f64,
}

impl From<LlmPricing> for PricingRecord {
    fn from(pricing: LlmPricing) -> Self {
        Self {
            model: pricing.name().map(str::to_owned),
            input_price: pricing.input_price,
            output_price: pricing.output_price,
        }
    }
}
