//! `trace_diff(run_a, run_b)`, `trace_diff(tenant_a, thread_a, tenant_b, thread_b)`: two traces side by side.

use std::sync::Arc;

use datafusion::common::{Result, plan_err};

use super::arguments::Arguments;
use super::table::TableFunction;
use crate::trace::{Named, TraceDiff};

/// The function.
pub(crate) fn function() -> TableFunction {
    TableFunction {
        name: "trace_diff",
        syntax: "trace_diff(run_a, run_b) or trace_diff(tenant_a, thread_a, tenant_b, thread_b)",
        description: "The steps of two runs (by run_id) or of two threads, aligned by kind and name of node or tool: \
                      side is both, a or b; differs holds the attributes that differ; first_divergence marks the first \
                      row on which the two are not the same. Up to 20,000 steps a side.",
        example: "select position, side, step, differs from trace_diff('default', 'session-1', 'default', 'session-2') \
                  order by position",
        table: |source, arguments| {
            arguments.expect(&[2, 4])?;
            let (a, b) = if arguments.values.len() == 2 {
                (run(arguments, 0, "run_a")?, run(arguments, 1, "run_b")?)
            } else {
                (
                    thread(arguments, 0, ["tenant_a", "thread_a"])?,
                    thread(arguments, 2, ["tenant_b", "thread_b"])?,
                )
            };
            Ok(Arc::new(TraceDiff::new(Arc::clone(source), a, b)))
        },
    }
}

fn thread(arguments: Arguments<'_>, at: usize, [tenant, thread]: [&str; 2]) -> Result<Named> {
    Ok(Named::Thread {
        tenant_id: arguments.text(at, tenant)?,
        thread_id: arguments.text(at + 1, thread)?,
    })
}

fn run(arguments: Arguments<'_>, at: usize, name: &str) -> Result<Named> {
    let text = arguments.text(at, name)?;
    match id(&text) {
        Some(id) => Ok(Named::Run { id, text }),
        None => plan_err!(
            "{name} of {} must be a run_id such as '94cb8488-8a9f-4d6d-89ec-da3420422c5d', found '{text}'",
            arguments.syntax
        ),
    }
}

/// The bytes of an id as it is shown: a hyphenated UUID, or hexadecimal.
fn id(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|sign| *sign != '-')
        .map(|sign| sign.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    (!digits.is_empty() && rest.is_empty()).then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_shown() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(id("00010203-0405-0607-0809-0a0b0c0d0e0f"), Some(bytes));
        assert_eq!(id("ab01"), Some(vec![0xab, 0x01]));
        for text in ["", "abc", "xy", "-"] {
            assert_eq!(id(text), None, "{text}");
        }
    }
}
