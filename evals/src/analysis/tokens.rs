//! Tokens of a session.

use hashbrown::HashMap;

use super::document::{TokenChunk, TokenStats};

/// Tokens, each request counted once. Producers repeat the counts of a request, or let them grow from chunk to chunk: the
/// greatest are those of the whole request.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Those of chunks that name no request.
    loose: TokenStats,
    requests: HashMap<Box<str>, TokenStats>,
}

impl Tokens {
    pub(super) fn add(&mut self, chunk: &TokenChunk<'_>) {
        let Some(stats) = chunk.stats else { return };
        if chunk.request_id.is_empty() {
            add(&mut self.loose, stats);
        } else {
            greatest(self.requests.entry_ref(chunk.request_id).or_default(), stats);
        }
    }

    /// Adds the counts of a chunk, whatever its request.
    pub(super) fn add_loose(&mut self, stats: TokenStats) {
        add(&mut self.loose, stats);
    }

    pub(super) fn merge(&mut self, other: Self) {
        add(&mut self.loose, other.loose);
        for (request, stats) in other.requests {
            greatest(self.requests.entry(request).or_default(), stats);
        }
    }

    /// All tokens. A request whose producer gave no total has that of its parts.
    pub(super) fn sum(&self) -> TokenStats {
        let mut sum = self.loose;
        for stats in self.requests.values() {
            let mut stats = *stats;
            if stats.total == 0 {
                stats.total = stats.prompt + stats.completion;
            }
            add(&mut sum, stats);
        }
        sum
    }
}

fn add(sum: &mut TokenStats, stats: TokenStats) {
    sum.prompt += stats.prompt;
    sum.completion += stats.completion;
    sum.total += stats.total;
}

fn greatest(known: &mut TokenStats, stats: TokenStats) {
    known.prompt = known.prompt.max(stats.prompt);
    known.completion = known.completion.max(stats.completion);
    known.total = known.total.max(stats.total);
}
