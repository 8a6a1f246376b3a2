//! Placeholders of a parsed statement, such as `$top`, and values in their place.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Expr, Value, ValueWithSpan, VisitMut, VisitorMut};

/// Names of the placeholders of a statement, in the order in which they come first.
pub(super) fn placeholders(statement: &mut Statement) -> Vec<String> {
    let mut names = Vec::new();
    visit(statement, &mut |name, _| {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    });
    names
}

/// Puts values in the place of placeholders.
pub(super) fn fill(statement: &mut Statement, values: &BTreeMap<&str, Expr>) {
    visit(statement, &mut |name, expr| {
        if let Some(value) = values.get(name) {
            *expr = Expr::Nested(Box::new(value.clone()));
        }
    });
}

fn visit(statement: &mut Statement, seen: &mut dyn FnMut(&str, &mut Expr)) {
    let mut visitor = Placeholders { seen };
    let inner: &mut ast::Statement = match statement {
        Statement::Statement(inner) => inner,
        Statement::Explain(explain) => return visit(&mut explain.statement, seen),
        // Neither reads; the guard refuses them.
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => return,
    };
    // It never breaks off.
    let _ = inner.visit(&mut visitor);
}

struct Placeholders<'a> {
    seen: &'a mut dyn FnMut(&str, &mut Expr),
}

impl VisitorMut for Placeholders<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(ValueWithSpan {
            value: Value::Placeholder(name),
            ..
        }) = expr
            && let Some(name) = name.strip_prefix('$').map(str::to_owned)
        {
            (self.seen)(&name, expr);
        }
        ControlFlow::Continue(())
    }
}
