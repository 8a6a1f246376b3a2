//! One value of one row, as text and as JSON.

use std::borrow::Cow;
use std::fmt::Write;

use quipu::Display;
use quipu::arrow::array::{Array, AsArray};
use quipu::arrow::datatypes::{
    DataType, Date32Type, Date64Type, Field, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use quipu::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{escape, time};

const MILLIS_PER_DAY: i64 = 86_400_000;

/// A value, as far as output tells values apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A number whose shortest exact text this is: integers of any width, decimals, finite floats.
    Number(String),
    /// Text, and whatever is shown as text: bytes, times, floats that are not finite.
    Text(Cow<'a, str>),
    /// A float that JSON cannot write: NaN or an infinity.
    NotFinite(f64),
    /// Several values in order.
    List(Vec<Cell<'a>>),
    /// Named values in order.
    Object(Vec<(Cow<'a, str>, Cell<'a>)>),
}

impl<'a> Cell<'a> {
    /// The value of a column in a row. The field says how bytes are shown.
    pub(crate) fn of(field: &Field, array: &'a dyn Array, row: usize) -> Self {
        if array.is_null(row) {
            return Self::Null;
        }
        macro_rules! number {
            ($type:ty) => {
                Self::Number(array.as_primitive::<$type>().value(row).to_string())
            };
        }
        match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean().value(row)),
            DataType::Int8 => number!(Int8Type),
            DataType::Int16 => number!(Int16Type),
            DataType::Int32 => number!(Int32Type),
            DataType::Int64 => number!(Int64Type),
            DataType::UInt8 => number!(UInt8Type),
            DataType::UInt16 => number!(UInt16Type),
            DataType::UInt32 => number!(UInt32Type),
            DataType::UInt64 => number!(UInt64Type),
            DataType::Float16 => Self::float32(array.as_primitive::<Float16Type>().value(row).to_f32()),
            DataType::Float32 => Self::float32(array.as_primitive::<Float32Type>().value(row)),
            DataType::Float64 => Self::float64(array.as_primitive::<Float64Type>().value(row)),
            DataType::Utf8 => Self::text(array.as_string::<i32>().value(row)),
            DataType::LargeUtf8 => Self::text(array.as_string::<i64>().value(row)),
            DataType::Utf8View => Self::text(array.as_string_view().value(row)),
            DataType::Binary => Self::bytes(field, array.as_binary::<i32>().value(row)),
            DataType::LargeBinary => Self::bytes(field, array.as_binary::<i64>().value(row)),
            DataType::BinaryView => Self::bytes(field, array.as_binary_view().value(row)),
            DataType::FixedSizeBinary(_) => Self::bytes(field, array.as_fixed_size_binary().value(row)),
            DataType::Timestamp(unit, zone) => {
                let value = match unit {
                    TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
                    TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
                    TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
                    TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
                };
                Self::time(time::timestamp(value, *unit, zone.is_some()), value)
            }
            DataType::Date32 => {
                let days = i64::from(array.as_primitive::<Date32Type>().value(row));
                Self::time(time::date(days), days)
            }
            DataType::Date64 => {
                let millis = array.as_primitive::<Date64Type>().value(row);
                Self::time(time::date(millis.div_euclid(MILLIS_PER_DAY)), millis)
            }
            DataType::Dictionary(key_type, _) => {
                macro_rules! key {
                    ($type:ty) => {
                        array.as_dictionary::<$type>().key(row)
                    };
                }
                let key = match key_type.as_ref() {
                    DataType::Int8 => key!(Int8Type),
                    DataType::Int16 => key!(Int16Type),
                    DataType::Int32 => key!(Int32Type),
                    DataType::Int64 => key!(Int64Type),
                    DataType::UInt8 => key!(UInt8Type),
                    DataType::UInt16 => key!(UInt16Type),
                    DataType::UInt32 => key!(UInt32Type),
                    _ => key!(UInt64Type),
                };
                key.map_or(Self::Null, |key| {
                    Self::of(field, array.as_any_dictionary().values().as_ref(), key)
                })
            }
            DataType::List(item) => Self::list(item, &array.as_list::<i32>().value(row)),
            DataType::LargeList(item) => Self::list(item, &array.as_list::<i64>().value(row)),
            DataType::FixedSizeList(item, _) => Self::list(item, &array.as_fixed_size_list().value(row)),
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let members = fields.iter().zip(columns);
                Self::Object(
                    members
                        .map(|(field, column)| (field.name().as_str().into(), Self::of(field, column, row)))
                        .collect(),
                )
            }
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Number(Self::formatted(array, row)),
            _ => Self::other(array, row),
        }
    }

    fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Debug output of a float is its shortest text that reads back as the same float, and keeps the point.
    fn float64(value: f64) -> Self {
        if value.is_finite() {
            Self::Number(format!("{value:?}"))
        } else {
            Self::NotFinite(value)
        }
    }

    fn float32(value: f32) -> Self {
        if value.is_finite() {
            Self::Number(format!("{value:?}"))
        } else {
            Self::NotFinite(f64::from(value))
        }
    }

    /// A time, or its raw number where there is no text for it.
    fn time(text: Option<String>, raw: i64) -> Self {
        text.map_or_else(|| Self::Number(raw.to_string()), |text| Self::Text(text.into()))
    }

    fn bytes(field: &Field, bytes: &'a [u8]) -> Self {
        match Display::of(field) {
            Display::Text => str::from_utf8(bytes).map_or_else(|_| Self::Text(hex(bytes).into()), Self::text),
            Display::Uuid if bytes.len() == 16 => Self::Text(uuid(bytes).into()),
            Display::Uuid | Display::Hex => Self::Text(hex(bytes).into()),
        }
    }

    /// The values of a list, which live shorter than the column: they are copied.
    fn list(item: &Field, values: &dyn Array) -> Self {
        Self::List(
            (0..values.len())
                .map(|row| Cell::of(item, values, row).into_owned())
                .collect(),
        )
    }

    /// Types without a rule of their own (maps, intervals, times of day, unions), as Arrow shows them.
    fn other(array: &dyn Array, row: usize) -> Self {
        Self::Text(Self::formatted(array, row).into())
    }

    fn formatted(array: &dyn Array, row: usize) -> String {
        match ArrayFormatter::try_new(array, &FormatOptions::default()) {
            Ok(formatter) => formatter.value(row).to_string(),
            Err(error) => error.to_string(),
        }
    }

    fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Null => Cell::Null,
            Self::Bool(value) => Cell::Bool(value),
            Self::Number(text) => Cell::Number(text),
            Self::Text(text) => Cell::Text(text.into_owned().into()),
            Self::NotFinite(value) => Cell::NotFinite(value),
            Self::List(items) => Cell::List(items.into_iter().map(Cell::into_owned).collect()),
            Self::Object(members) => Cell::Object(
                members
                    .into_iter()
                    .map(|(name, cell)| (name.into_owned().into(), cell.into_owned()))
                    .collect(),
            ),
        }
    }

    /// The value as plain text, lists and objects as JSON; `null` stands for no value.
    pub(crate) fn as_text<'b>(&'b self, null: &'b str) -> Cow<'b, str> {
        match self {
            Self::Null => Cow::Borrowed(null),
            Self::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Self::Number(text) => Cow::Borrowed(text),
            Self::Text(text) => Cow::Borrowed(text),
            Self::NotFinite(value) => Cow::Owned(format!("{value:?}")),
            Self::List(_) | Self::Object(_) => {
                let mut text = String::new();
                self.push_json(&mut text);
                Cow::Owned(text)
            }
        }
    }

    /// Appends the value as JSON. JSON text in a column stays a string; a float that is not finite becomes null.
    pub(crate) fn push_json(&self, out: &mut String) {
        match self {
            Self::Null | Self::NotFinite(_) => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => push_json_string(out, text),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.push_json(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, member)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    push_json_string(out, name);
                    out.push(':');
                    member.push_json(out);
                }
                out.push('}');
            }
        }
    }
}

/// Whether the values of a type are numbers, which stand at the right of a column.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_number(value),
        other => other.is_numeric(),
    }
}

/// Appends text as a JSON string. What could steer a terminal is escaped too, which JSON allows for any character.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if escape::is_unsafe(c) => escape::push_code(out, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    push_hex(&mut out, bytes);
    out
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

/// Sixteen bytes as a hyphenated UUID.
fn uuid(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        push_hex(&mut out, &[*byte]);
    }
    out
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
