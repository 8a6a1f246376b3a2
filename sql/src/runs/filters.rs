//! Which conditions of a statement reach the messages that runs are made of.

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr_rewriter::unnormalize_cols;

use super::threads::Names;

/// Those of the filters that are about the names of threads: what they leave out leaves whole threads out, so that the
/// others are cut as before. They name no table any more.
pub(super) fn of_names(filters: &[Expr]) -> Vec<Expr> {
    let of_names = filters
        .iter()
        .filter(|filter| speaks_only_of(filter, |name| Names::COLUMNS.contains(&name)));
    unnormalize_cols(of_names.cloned())
}

/// Whether a condition can be told from these columns of a row.
pub(super) fn speaks_only_of(filter: &Expr, is_known: impl Fn(&str) -> bool) -> bool {
    let asks_more = filter.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        ))
    });
    !asks_more.unwrap_or(true) && filter.column_refs().iter().all(|column| is_known(&column.name))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn only_what_leaves_out_whole_threads_reaches_the_messages() {
        let of_thread = col("runs.thread_id").eq(lit("a"));
        let of_two = col("runs.tenant_id")
            .eq(lit("acme"))
            .or(col("runs.topic").eq(lit("t")));
        let of_more = col("runs.thread_id").eq(lit("a")).or(col("runs.is_run"));
        let filters = [of_thread, of_more, col("runs.run_number").gt(lit(1)), of_two];
        let expected = [
            col("thread_id").eq(lit("a")),
            col("tenant_id").eq(lit("acme")).or(col("topic").eq(lit("t"))),
        ];
        assert_eq!(of_names(&filters), expected);
    }
}
