//! Parameters of reports: a name, a type, a value that is put into the statement as a literal.

use std::fmt;

use datafusion::arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, TimezoneInfo, UnaryOperator, Value,
};

use super::error::ReportError;
use crate::functions::iso_time;

const NANOS_PER_MICRO: i64 = 1_000;

/// What a parameter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParameterType {
    /// Any text.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A whole number from 0, as `LIMIT` takes.
    Count,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A point in time, UTC where it names no zone; or how long ago, such as `24h`.
    Time,
}

impl ParameterType {
    const NAMES: [(&'static str, Self); 6] = [
        ("text", Self::Text),
        ("integer", Self::Integer),
        ("count", Self::Count),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("time", Self::Time),
    ];

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, parameter_type)| *parameter_type)
    }

    /// What a value looks like.
    pub(crate) fn form(self) -> &'static str {
        match self {
            Self::Text => "any text",
            Self::Integer => "a whole number such as 20",
            Self::Count => "a whole number from 0, such as 20",
            Self::Number => "a number such as 0.95",
            Self::Boolean => "true or false",
            Self::Time => {
                "a time such as 2026-01-02T03:04:05Z or 2026-01-02, or how long ago, such as 30m, 24h or 7d"
            }
        }
    }
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES
            .iter()
            .find(|(_, known)| known == self)
            .map_or("", |(name, _)| *name);
        f.write_str(name)
    }
}

/// A parameter that a report declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; `$name` in the SQL.
    pub name: String,
    /// What it is.
    pub parameter_type: ParameterType,
    /// Its value if none is given; none if one must be given. An empty default is null.
    pub default: Option<String>,
    /// What it means.
    pub about: String,
}

/// The literal that stands for a value of a type.
pub(super) fn literal(name: &str, parameter_type: ParameterType, text: &str) -> Result<Expr, ReportError> {
    let wrong = || ReportError::Value {
        name: name.to_owned(),
        value: text.to_owned(),
        parameter_type,
    };
    Ok(match parameter_type {
        ParameterType::Text => Expr::value(Value::SingleQuotedString(text.to_owned())),
        ParameterType::Integer => number(text.parse::<i64>().map_err(|_| wrong())?),
        ParameterType::Count => match text.parse::<i64>() {
            Ok(count) if count >= 0 => number(count),
            _ => return Err(wrong()),
        },
        ParameterType::Number => {
            let value: f64 = text.parse().map_err(|_| wrong())?;
            if !value.is_finite() {
                return Err(wrong());
            }
            // As text, so that no digit is lost on the way.
            cast(
                Value::SingleQuotedString(value.to_string()),
                DataType::DoublePrecision,
            )
        }
        ParameterType::Boolean => match text {
            "true" => Expr::value(Value::Boolean(true)),
            "false" => Expr::value(Value::Boolean(false)),
            _ => return Err(wrong()),
        },
        ParameterType::Time => micros(time_us(text).ok_or_else(wrong)?),
    })
}

/// The literal that stands for no value of a type.
pub(super) fn null(parameter_type: ParameterType) -> Expr {
    let data_type = match parameter_type {
        ParameterType::Text => DataType::Text,
        ParameterType::Integer | ParameterType::Count => DataType::BigInt(None),
        ParameterType::Number => DataType::DoublePrecision,
        ParameterType::Boolean => DataType::Boolean,
        ParameterType::Time => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
    };
    cast(Value::Null, data_type)
}

/// A point in time as a column of the store has it.
pub(super) fn micros(micros: i64) -> Expr {
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    let data_type = Value::SingleQuotedString("Timestamp(Microsecond, Some(\"UTC\"))".to_owned());
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("arrow_cast")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![argument(number(micros)), argument(Expr::value(data_type))],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn number(number: i64) -> Expr {
    let magnitude = Expr::value(Value::Number(number.unsigned_abs().to_string(), false));
    if number < 0 {
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: Box::new(magnitude),
        }
    } else {
        magnitude
    }
}

fn cast(value: Value, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::value(value)),
        data_type,
        array: false,
        format: None,
    }
}

/// Reads a time, or how long ago it was, as microseconds since the Unix epoch.
#[must_use]
pub fn time_us(text: &str) -> Option<i64> {
    match ago_us(text) {
        Some(ago) => now_us()?.checked_sub(ago),
        None => string_to_timestamp_nanos(text)
            .ok()
            .map(|nanos| nanos.div_euclid(NANOS_PER_MICRO)),
    }
}

/// The text of a time in microseconds since the Unix epoch, as [`time_us`] reads it.
#[must_use]
pub fn time_text(micros: i64) -> String {
    iso_time::text(micros).unwrap_or_else(|| format!("{micros} microseconds since 1970"))
}

/// Reads a span such as `30m` in microseconds.
fn ago_us(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?;
    // No sign: 24h is 24 hours ago.
    if !number.chars().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    number
        .parse::<i64>()
        .ok()?
        .checked_mul(seconds)?
        .checked_mul(1_000_000)
}

fn now_us() -> Option<i64> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    i64::try_from(since.as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(parameter_type: ParameterType, text: &str) -> String {
        literal("p", parameter_type, text).unwrap().to_string()
    }

    #[test]
    fn a_text_stays_one_literal_whatever_stands_in_it() {
        assert_eq!(sql(ParameterType::Text, "it's; drop"), "'it''s; drop'");
        assert_eq!(sql(ParameterType::Text, ""), "''");
    }

    #[test]
    fn numbers_and_times_are_read_before_they_are_written() {
        assert_eq!(
            sql(ParameterType::Integer, "-9223372036854775808"),
            "-9223372036854775808"
        );
        assert_eq!(
            sql(ParameterType::Number, "1e-3"),
            "CAST('0.001' AS DOUBLE PRECISION)"
        );
        assert_eq!(
            sql(ParameterType::Time, "1970-01-01T00:00:01Z"),
            "arrow_cast(1000000, 'Timestamp(Microsecond, Some(\"UTC\"))')"
        );
        for (parameter_type, text) in [
            (ParameterType::Integer, "1; drop table"),
            (ParameterType::Integer, "1.5"),
            (ParameterType::Count, "-1"),
            (ParameterType::Number, "NaN"),
            (ParameterType::Boolean, "yes"),
            (ParameterType::Time, "-24h"),
            (ParameterType::Time, "yesterday"),
            (ParameterType::Time, "h"),
        ] {
            let error = literal("p", parameter_type, text).unwrap_err().to_string();
            assert!(error.contains(&parameter_type.to_string()), "{error}");
        }
    }

    #[test]
    fn a_span_is_counted_back_from_now() {
        let ago = now_us().unwrap() - time_us("2h").unwrap();
        assert!((7_199_000_000..=7_201_000_000).contains(&ago), "{ago}");
        assert_eq!(time_us("99999999999999d"), None);
    }
}
