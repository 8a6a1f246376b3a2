//! A store as the source of the numbers of threads, for producers that go on where others ended.

use std::error::Error;

use async_trait::async_trait;
use quipu_client::numbering::LastSequence;

use crate::handle::Quipu;

/// The last numbers that the newest snapshot knows. A store follows its topic: what was sent but not taken in yet is not in
/// it, and a producer that starts meanwhile uses those numbers again. Where that can be, let it ask the topic
/// ([`LastRecord`](quipu_client::numbering::StartPolicy::LastRecord)).
#[async_trait]
impl LastSequence for Quipu {
    async fn last_sequence(
        &self,
        tenant: &str,
        thread: &str,
    ) -> Result<Option<u64>, Box<dyn Error + Send + Sync>> {
        let sql = format!(
            "SELECT max(last_sequence) FROM sequence_runs WHERE tenant_id = {} AND thread_id = {}",
            literal(tenant),
            literal(thread)
        );
        let last: Vec<Option<u64>> = self.sql(&sql).await?.collect_as().await?;
        Ok(last.into_iter().next().flatten())
    }
}

/// A text in SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
