//! Narrowing a report down: by time, tenant, thread, graph, and any condition.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, visit_expressions};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::error::ReportError;
use super::parameter::micros;
use crate::limits;

/// What a report is narrowed down to. The default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this time on, in microseconds since the Unix epoch.
    pub since_us: Option<i64>,
    /// Before this time.
    pub until_us: Option<i64>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this thread.
    pub thread: Option<String>,
    /// Of graphs with this name.
    pub graph: Option<String>,
    /// What else must hold, as SQL over the columns of the view that the report reads.
    pub condition: Option<String>,
}

impl Filter {
    /// Whether it lets everything pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The expressions that a section's filter compares, as its line `-- Filter:` names them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Columns {
    time: Option<Expr>,
    tenant: Option<Expr>,
    thread: Option<Expr>,
    graph: Option<Expr>,
}

impl Columns {
    /// Reads `time = started, tenant = tenant_id`. None if that is not the form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut columns = Self::default();
        for part in text.split(',') {
            let (key, column) = part.split_once('=')?;
            let column = Some(expression(column.trim()).ok()?);
            match key.trim() {
                "time" => columns.time = column,
                "tenant" => columns.tenant = column,
                "thread" => columns.thread = column,
                "graph" => columns.graph = column,
                _ => return None,
            }
        }
        Some(columns)
    }

    /// What `$filter` stands for.
    pub(super) fn condition(&self, report: &str, filter: &Filter) -> Result<Expr, ReportError> {
        let column = |column: &Option<Expr>, by| {
            column.clone().ok_or_else(|| ReportError::NoFilter {
                report: report.to_owned(),
                by,
                instead: self.instead(),
            })
        };
        let mut all: Option<Expr> = None;
        let mut add = |condition: Expr| {
            all = Some(match all.take() {
                None => condition,
                Some(before) => compare(before, BinaryOperator::And, condition),
            });
        };
        if let Some(since) = filter.since_us {
            add(compare(
                column(&self.time, "time")?,
                BinaryOperator::GtEq,
                micros(since),
            ));
        }
        if let Some(until) = filter.until_us {
            add(compare(
                column(&self.time, "time")?,
                BinaryOperator::Lt,
                micros(until),
            ));
        }
        for (given, known, by) in [
            (&filter.tenant, &self.tenant, "tenant"),
            (&filter.thread, &self.thread, "thread"),
            (&filter.graph, &self.graph, "graph"),
        ] {
            if let Some(given) = given {
                let text = Expr::value(Value::SingleQuotedString(given.clone()));
                add(compare(column(known, by)?, BinaryOperator::Eq, text));
            }
        }
        if let Some(condition) = &filter.condition {
            add(Expr::Nested(Box::new(expression(condition)?)));
        }
        Ok(all.unwrap_or_else(|| Expr::value(Value::Boolean(true))))
    }

    fn instead(&self) -> String {
        let known: Vec<&str> = [
            ("time", &self.time),
            ("tenant", &self.tenant),
            ("thread", &self.thread),
            ("graph", &self.graph),
        ]
        .iter()
        .filter(|(_, column)| column.is_some())
        .map(|(name, _)| *name)
        .chain(["a condition"])
        .collect();
        format!("it can by {}", known.join(", "))
    }
}

fn compare(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

/// Reads one expression, and nothing behind it.
fn expression(text: &str) -> Result<Expr, ReportError> {
    let wrong = |wrong: String| ReportError::Condition {
        condition: text.to_owned(),
        wrong,
    };
    limits::check_tokens(text).map_err(|error| wrong(error.to_string()))?;
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(text)
        .map_err(|error| wrong(error.to_string()))?;
    let expr = parser.parse_expr().map_err(|error| wrong(error.to_string()))?;
    match parser.next_token().token {
        Token::EOF if has_placeholder(&expr) => Err(wrong("it takes no parameters".to_owned())),
        Token::EOF => Ok(expr),
        more => Err(wrong(format!("it goes on with {more}"))),
    }
}

fn has_placeholder(expr: &Expr) -> bool {
    visit_expressions(expr, |expr| match expr {
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns::parse("time = started, tenant=tenant_id").unwrap()
    }

    #[test]
    fn conditions_are_joined_and_values_escaped() {
        let filter = Filter {
            since_us: Some(5),
            tenant: Some("o'neil".to_owned()),
            condition: Some("status = 'failed' OR errors > 1".to_owned()),
            ..Filter::default()
        };
        assert_eq!(
            columns().condition("r", &filter).unwrap().to_string(),
            "started >= arrow_cast(5, 'Timestamp(Microsecond, Some(\"UTC\"))') AND tenant_id = 'o''neil' AND (status = \
             'failed' OR errors > 1)"
        );
        assert_eq!(
            columns().condition("r", &Filter::default()).unwrap().to_string(),
            "true"
        );
    }

    #[test]
    fn what_the_report_cannot_be_narrowed_by_is_told() {
        let filter = Filter {
            graph: Some("g".to_owned()),
            ..Filter::default()
        };
        let error = columns().condition("tools", &filter).unwrap_err().to_string();
        assert_eq!(
            error,
            "tools cannot be narrowed down by graph; it can by time, tenant, a condition"
        );
    }

    #[test]
    fn a_condition_is_one_expression() {
        for wrong in [
            "1 = 1; drop table x",
            "status = ",
            "true) or (true",
            "",
            "a = 'b",
            "a = $top",
        ] {
            let filter = Filter {
                condition: Some(wrong.to_owned()),
                ..Filter::default()
            };
            let error = columns().condition("r", &filter).unwrap_err().to_string();
            assert!(error.contains("is no condition"), "{error}");
        }
    }

    #[test]
    fn a_line_of_another_form_is_refused() {
        for wrong in ["", "time", "time = ", "colour = red", "time = a b"] {
            assert_eq!(Columns::parse(wrong), None, "{wrong}");
        }
    }
}
