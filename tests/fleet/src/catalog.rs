//! Whom the fleet works for and which models it asks.

/// A model and how it answers.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) provider: &'static str,
    /// Price in USD of a million tokens read.
    pub(crate) input_usd: f64,
    /// Price in USD of a million tokens written.
    pub(crate) output_usd: f64,
    /// Median time to the first token, in milliseconds.
    pub(crate) first_token_ms: f64,
    /// Median time between two pieces of an answer, in milliseconds.
    pub(crate) piece_ms: f64,
    /// Whether its pieces carry token ids.
    pub(crate) token_ids: bool,
}

/// The models in use.
pub(crate) static MODELS: [Model; 6] = [
    model("gpt-4o-2024-08-06", "openai", [2.5, 10.0], [420.0, 22.0], false),
    model("gpt-4o-mini", "openai", [0.15, 0.6], [310.0, 14.0], false),
    model(
        "claude-3-5-sonnet-20241022",
        "anthropic",
        [3.0, 15.0],
        [610.0, 26.0],
        false,
    ),
    model(
        "claude-3-5-haiku-20241022",
        "anthropic",
        [0.8, 4.0],
        [380.0, 17.0],
        false,
    ),
    model("gemini-1.5-pro", "google", [1.25, 5.0], [520.0, 31.0], false),
    model("llama-3.1-70b-instruct", "vllm", [0.35, 0.4], [240.0, 35.0], true),
];

const fn model(
    name: &'static str,
    provider: &'static str,
    usd: [f64; 2],
    ms: [f64; 2],
    token_ids: bool,
) -> Model {
    Model {
        name,
        provider,
        input_usd: usd[0],
        output_usd: usd[1],
        first_token_ms: ms[0],
        piece_ms: ms[1],
        token_ids,
    }
}

/// Tenants, the busiest first.
const TENANTS: [&str; 12] = [
    "acme-corp",
    "globex",
    "initech",
    "northwind",
    "contoso-eu",
    "umbrella-東京",
    "hooli",
    "tyrell",
    "wayne-labs",
    "stark-ind",
    "société-bleue",
    "default",
];

/// The name of tenant number `index`.
pub(crate) fn tenant(index: usize) -> String {
    TENANTS
        .get(index)
        .map_or_else(|| format!("tenant-{index:03}"), |name| (*name).to_owned())
}
