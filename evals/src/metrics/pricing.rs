//! Prices of tokens.

/// What a model's tokens cost, in USD per million.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LlmPricing {
    /// Tokens of prompts.
    pub input_price: f64,
    /// Tokens of answers.
    pub output_price: f64,
}

impl LlmPricing {
    /// GPT-4o, prices of November 2025.
    pub const GPT_4O: Self = Self {
        input_price: 2.5,
        output_price: 10.0,
    };
    /// GPT-3.5-turbo, prices of November 2025.
    pub const GPT_35_TURBO: Self = Self {
        input_price: 0.5,
        output_price: 1.5,
    };
    /// Claude 3.5 Sonnet, prices of November 2025.
    pub const CLAUDE_35_SONNET: Self = Self {
        input_price: 3.0,
        output_price: 15.0,
    };

    /// The price lists by the names that `--pricing` takes.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("gpt4o", Self::GPT_4O),
        ("gpt35", Self::GPT_35_TURBO),
        ("claude35", Self::CLAUDE_35_SONNET),
    ];

    /// What tokens cost, in USD.
    #[must_use]
    pub fn calculate_cost(&self, prompt_tokens: u64, completion_tokens: u64) -> f64 {
        prompt_tokens as f64 / 1e6 * self.input_price + completion_tokens as f64 / 1e6 * self.output_price
    }

    /// The name in [`LlmPricing::NAMES`], if these are its prices.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        Self::NAMES
            .iter()
            .find(|(_, prices)| prices == self)
            .map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_per_million_tokens() {
        assert_eq!(LlmPricing::GPT_4O.calculate_cost(1_000_000, 2_000_000), 22.5);
        assert_eq!(LlmPricing::CLAUDE_35_SONNET.name(), Some("claude35"));
    }
}
