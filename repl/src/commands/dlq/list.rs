//! `quipu dlq list`.

use anyhow::Result;
use tokio::runtime::Runtime;

use super::choice::ChoiceArgs;
use crate::cli::Global;
use crate::commands::sql::RowArgs;
use crate::query::Query;

/// Arguments of `quipu dlq list`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    letters: ChoiceArgs,

    /// Also letters that a retry resolved
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    rows: RowArgs,
}

pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let query = Query::open(global)?;
    let style = args.rows.style();
    let mut out = query.output();
    let sql = format!(
        "SELECT topic || '/' || partition || '/' || \"offset\" AS letter, kafka_time, reason, error, payload_bytes \
         FROM {} ORDER BY topic, incarnation, partition, \"offset\"",
        args.letters.letters_clause(args.all)
    );
    runtime.block_on(query.run(&sql, &style, &mut out))?;
    out.flush()
}
