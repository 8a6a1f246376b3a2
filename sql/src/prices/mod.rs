//! What models cost: a dated list of prices, which a user can replace.

mod csv;

use std::sync::{Arc, LazyLock};

pub use csv::PriceError;

/// The price of a model from a point in time on, until its next price.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// The model's name, in lower case.
    pub model: String,
    /// US dollars for a million input tokens.
    pub input_usd_per_mtok: f64,
    /// US dollars for a million output tokens.
    pub output_usd_per_mtok: f64,
    /// US dollars for a million input tokens that the provider had cached; none if they cost as much as others.
    pub cached_input_usd_per_mtok: Option<f64>,
    /// From when on, in microseconds since the Unix epoch; none if always.
    pub valid_from_us: Option<i64>,
}

/// A call of a model, as far as its cost goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens.
    pub input_tokens: i64,
    /// All output tokens.
    pub output_tokens: i64,
    /// Those of the input tokens that the provider had cached.
    pub cached_input_tokens: i64,
}

impl Price {
    /// US dollars for a call.
    #[must_use]
    pub fn cost_usd(&self, usage: Usage) -> f64 {
        let cached = usage.cached_input_tokens.clamp(0, usage.input_tokens.max(0));
        let cached_price = self.cached_input_usd_per_mtok.unwrap_or(self.input_usd_per_mtok);
        ((usage.input_tokens - cached) as f64 * self.input_usd_per_mtok
            + cached as f64 * cached_price
            + usage.output_tokens as f64 * self.output_usd_per_mtok)
            / 1e6
    }
}

/// Prices by model and time.
///
/// A model is found under its own name or, if that is not listed, under the listed name that is left without its date
/// or version: `gpt-4o-2024-11-20` costs what `gpt-4o` does, and `gpt-4o-audio` has no price. Case, and what stands
/// before a slash (`openai/gpt-4o`), do not matter.
///
/// Before the first price of a model that first price holds: nobody can have called it much earlier.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceTable {
    /// By model, then by time.
    prices: Vec<Price>,
}

impl Default for PriceTable {
    fn default() -> Self {
        Self::built_in().as_ref().clone()
    }
}

impl PriceTable {
    /// The public list prices that the program was built with: see `prices.csv` beside this file. They are a start; who
    /// pays others has them in a file of the same form.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test reads the list that is built in")]
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN: LazyLock<Arc<PriceTable>> = LazyLock::new(|| {
            let table = PriceTable::from_csv("prices.csv", include_bytes!("prices.csv").as_slice());
            Arc::new(table.expect("the built-in list of prices is well-formed"))
        });
        Arc::clone(&BUILT_IN)
    }

    /// A table of these prices.
    #[must_use]
    pub fn new(prices: impl IntoIterator<Item = Price>) -> Self {
        let mut prices: Vec<Price> = prices
            .into_iter()
            .map(|price| Price {
                model: price.model.to_lowercase(),
                ..price
            })
            .collect();
        prices.sort_by(|a, b| (&a.model, a.valid_from_us).cmp(&(&b.model, b.valid_from_us)));
        Self { prices }
    }

    /// All prices, by model and time.
    #[must_use]
    pub fn prices(&self) -> &[Price] {
        &self.prices
    }

    /// The price of a model at a time in microseconds since the Unix epoch, or the newest.
    #[must_use]
    pub fn price(&self, model: &str, at_us: Option<i64>) -> Option<&Price> {
        let model = model.rsplit('/').next().unwrap_or(model).to_lowercase();
        let mut name = model.as_str();
        loop {
            let prices = self.of(name);
            if let Some(first) = prices.first() {
                let valid = prices.iter().rfind(|price| match (price.valid_from_us, at_us) {
                    (Some(from), Some(at)) => from <= at,
                    _ => true,
                });
                return Some(valid.unwrap_or(first));
            }
            name = without_version(name)?;
        }
    }

    fn of(&self, name: &str) -> &[Price] {
        let from = self.prices.partition_point(|price| price.model.as_str() < name);
        let to = self.prices.partition_point(|price| price.model.as_str() <= name);
        &self.prices[from..to]
    }
}

/// The name without a date or version at its end, if it has one: `-2024-11-20`, `-20241022` or `@20241022`, `-0613`, `-002`,
/// `-v2`, `-v2:0`, `-latest`. One or two digits are part of the name: `claude-opus-4-5` is another model than `claude-opus-4`.
fn without_version(name: &str) -> Option<&str> {
    if let Some(rest) = name.strip_suffix("-latest") {
        return is_name(rest);
    }
    let digits = |text: &str, counts: &[usize]| {
        counts.contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_digit())
    };
    let (rest, last) = name.rsplit_once(['-', '@'])?;
    if digits(last, &[3, 4, 8]) {
        return is_name(rest);
    }
    if let Some(version) = last.strip_prefix('v')
        && version.split(':').all(|part| digits(part, &[1, 2, 3]))
    {
        return is_name(rest);
    }
    // Year, month and day.
    let mut parts = name.rsplitn(4, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let is_date = digits(day, &[2]) && digits(month, &[2]) && digits(year, &[4]);
    is_date.then(|| parts.next()).flatten().and_then(is_name)
}

fn is_name(rest: &str) -> Option<&str> {
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(model: &str, input: f64, from: Option<i64>) -> Price {
        Price {
            model: model.to_owned(),
            input_usd_per_mtok: input,
            output_usd_per_mtok: 10.0 * input,
            cached_input_usd_per_mtok: None,
            valid_from_us: from,
        }
    }

    fn input_price(table: &PriceTable, model: &str, at: Option<i64>) -> Option<f64> {
        table.price(model, at).map(|price| price.input_usd_per_mtok)
    }

    #[test]
    fn the_built_in_list_is_well_formed_and_prices_the_usual_names() {
        let table = PriceTable::built_in();
        assert_eq!(input_price(&table, "claude-3-5-sonnet-20241022", None), Some(3.0));
        assert_eq!(input_price(&table, "openai/GPT-4o-2024-11-20", None), Some(2.5));
        assert_eq!(input_price(&table, "gpt-4o-mini", None), Some(0.15));
        for (model, price) in [
            ("gpt-4-0613", 30.0),
            ("gemini-1.5-pro-002", 1.25),
            ("claude-3-5-sonnet@20240620", 3.0),
            ("claude-3-5-sonnet-20241022-v2:0", 3.0),
            ("claude-3-5-haiku-latest", 0.8),
            ("gpt-4o-2024-05-13", 5.0),
        ] {
            assert_eq!(input_price(&table, model, None), Some(price), "{model}");
        }
    }

    #[test]
    fn another_model_is_not_taken_for_one_whose_name_begins_alike() {
        let table = PriceTable::built_in();
        for unknown in [
            "gpt-4o-audio-preview",
            "gpt-4o-mini-tts",
            "claude",
            "llama-3.1-70b-instruct",
            "claude-opus-4-5-20251101",
            "gpt-4-32",
            "gpt-4o-",
            "-latest",
            "",
            "4-0",
        ] {
            assert_eq!(table.price(unknown, None), None, "{unknown}");
        }
    }

    #[test]
    fn a_price_holds_until_the_next_and_the_first_one_from_the_beginning() {
        let table = PriceTable::new([price("m", 2.0, Some(100)), price("M", 1.0, Some(10))]);
        assert_eq!(input_price(&table, "m", Some(5)), Some(1.0));
        assert_eq!(input_price(&table, "m", Some(99)), Some(1.0));
        assert_eq!(input_price(&table, "m", Some(100)), Some(2.0));
        assert_eq!(input_price(&table, "m", None), Some(2.0));
    }

    #[test]
    fn cached_tokens_cost_their_own_price_and_are_part_of_the_input() {
        let usage = Usage {
            input_tokens: 1_000_000,
            output_tokens: 100_000,
            cached_input_tokens: 400_000,
        };
        let plain = price("m", 2.0, None);
        assert_eq!(plain.cost_usd(usage), 2.0 + 2.0);
        let cached = Price {
            cached_input_usd_per_mtok: Some(0.5),
            ..plain
        };
        assert_eq!(cached.cost_usd(usage), 1.2 + 0.2 + 2.0);
    }
}
