//! Rows as values of a caller's type, by serde.

use std::fmt;

use quipu_sql::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use quipu_sql::arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use quipu_sql::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Why rows do not fit the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "a row does not fit the type it is asked as: {0}; give the columns names and types that do, by AS and CAST"
)]
pub(crate) struct TypeError(String);

impl de::Error for TypeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Reads every row of a batch.
pub(crate) fn rows<T: DeserializeOwned>(batch: &RecordBatch) -> Result<Vec<T>, TypeError> {
    (0..batch.num_rows())
        .map(|row| T::deserialize(Row { batch, row }))
        .collect()
}

/// A row: a struct or map by the names of columns, a tuple by their order, anything else from the only column.
struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    fn cells(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let row = self.row;
        self.batch.columns().iter().map(move |array| Cell { array, row })
    }

    fn only(&self) -> Result<Cell<'a>, TypeError> {
        match self.batch.columns() {
            [array] => Ok(Cell { array, row: self.row }),
            columns => Err(TypeError(format!(
                "it has {} columns, and one is read",
                columns.len()
            ))),
        }
    }
}

macro_rules! forward_to_only_column {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
            self.only()?.$method(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Row<'_> {
    type Error = TypeError;

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        let schema = self.batch.schema();
        let names = schema.fields().iter().map(|field| field.name().clone());
        visitor.visit_map(MapDeserializer::new(names.zip(self.cells())))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, TypeError> {
        if length != self.batch.num_columns() {
            let columns = self.batch.num_columns();
            return Err(TypeError(format!(
                "it has {columns} columns, and {length} are read"
            )));
        }
        visitor.visit_seq(SeqDeserializer::new(self.cells()))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    forward_to_only_column! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_seq
    }

    forward_to_deserialize_any! { i128 u128 unit unit_struct identifier ignored_any }
}

/// One value. A point in time is microseconds since the Unix epoch, or a text in RFC 3339 where a text is asked.
struct Cell<'a> {
    array: &'a ArrayRef,
    row: usize,
}

impl<'de> IntoDeserializer<'de, TypeError> for Cell<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Cell<'_> {
    fn text(&self) -> Result<String, TypeError> {
        ArrayFormatter::try_new(self.array, &FormatOptions::default())
            .map(|formatter| formatter.value(self.row).to_string())
            .map_err(|error| TypeError(error.to_string()))
    }

    fn is_text(&self) -> bool {
        matches!(
            self.array.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _)
        )
    }
}

impl<'de> de::Deserializer<'de> for Cell<'_> {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        let Self { array, row } = self;
        if array.is_null(row) {
            return visitor.visit_none();
        }
        match array.data_type() {
            DataType::Boolean => visitor.visit_bool(array.as_boolean().value(row)),
            DataType::Int8 => visitor.visit_i8(array.as_primitive::<Int8Type>().value(row)),
            DataType::Int16 => visitor.visit_i16(array.as_primitive::<Int16Type>().value(row)),
            DataType::Int32 => visitor.visit_i32(array.as_primitive::<Int32Type>().value(row)),
            DataType::Int64 => visitor.visit_i64(array.as_primitive::<Int64Type>().value(row)),
            DataType::UInt8 => visitor.visit_u8(array.as_primitive::<UInt8Type>().value(row)),
            DataType::UInt16 => visitor.visit_u16(array.as_primitive::<UInt16Type>().value(row)),
            DataType::UInt32 => visitor.visit_u32(array.as_primitive::<UInt32Type>().value(row)),
            DataType::UInt64 => visitor.visit_u64(array.as_primitive::<UInt64Type>().value(row)),
            DataType::Float32 => visitor.visit_f32(array.as_primitive::<Float32Type>().value(row)),
            DataType::Float64 => visitor.visit_f64(array.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal128(_, 0) => {
                let value = array.as_primitive::<Decimal128Type>().value(row);
                match (u64::try_from(value), i64::try_from(value)) {
                    (Ok(value), _) => visitor.visit_u64(value),
                    (_, Ok(value)) => visitor.visit_i64(value),
                    _ => visitor.visit_i128(value),
                }
            }
            DataType::Decimal128(_, scale) => {
                let value = array.as_primitive::<Decimal128Type>().value(row);
                visitor.visit_f64(value as f64 / 10_f64.powi(i32::from(*scale)))
            }
            DataType::Timestamp(unit, _) => {
                let micros = match unit {
                    TimeUnit::Second => array
                        .as_primitive::<TimestampSecondType>()
                        .value(row)
                        .checked_mul(1_000_000),
                    TimeUnit::Millisecond => {
                        let millis = array.as_primitive::<TimestampMillisecondType>().value(row);
                        millis.checked_mul(1_000)
                    }
                    TimeUnit::Microsecond => {
                        Some(array.as_primitive::<TimestampMicrosecondType>().value(row))
                    }
                    TimeUnit::Nanosecond => Some(
                        array
                            .as_primitive::<TimestampNanosecondType>()
                            .value(row)
                            .div_euclid(1_000),
                    ),
                };
                match micros {
                    Some(micros) => visitor.visit_i64(micros),
                    None => Err(TypeError("a time is too far away for microseconds".to_owned())),
                }
            }
            DataType::Binary => visitor.visit_bytes(array.as_binary::<i32>().value(row)),
            DataType::BinaryView => visitor.visit_bytes(array.as_binary_view().value(row)),
            DataType::List(_) => {
                let items = array.as_list::<i32>().value(row);
                let cells = (0..items.len()).map(|row| Cell { array: &items, row });
                visitor.visit_seq(SeqDeserializer::new(cells))
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let names = fields.iter().map(|field| field.name().clone());
                let cells = columns.iter().map(|array| Cell { array, row });
                visitor.visit_map(MapDeserializer::new(names.zip(cells)))
            }
            _ => visitor.visit_string(self.text()?),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if self.array.is_null(self.row) {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.array.data_type() {
            DataType::Timestamp(_, _) if self.array.is_valid(self.row) => visitor.visit_string(self.text()?),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        if self.is_text() && self.array.is_valid(self.row) {
            let text: de::value::StringDeserializer<TypeError> = self.text()?.into_deserializer();
            return text.deserialize_enum(name, variants, visitor);
        }
        Err(TypeError(format!(
            "{name} is read from a text, found {}",
            self.array.data_type()
        )))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct
        map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quipu_sql::arrow::array::{
        BinaryViewArray, Decimal128Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
    };
    use serde::Deserialize;

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
            .unwrap()
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Status {
        Completed,
        Failed,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Run {
        status: Status,
        started: String,
        duration_us: Option<i64>,
        tokens: u64,
    }

    fn runs() -> RecordBatch {
        let started = TimestampMicrosecondArray::from(vec![1_700_000_000_250_000, 0]).with_timezone("UTC");
        let tokens = Decimal128Array::from(vec![7, 8])
            .with_precision_and_scale(38, 0)
            .unwrap();
        batch(vec![
            ("tokens", Arc::new(tokens)),
            (
                "status",
                Arc::new(StringViewArray::from(vec!["completed", "failed"])),
            ),
            ("started", Arc::new(started)),
            ("duration_us", Arc::new(Int64Array::from(vec![Some(5), None]))),
        ])
    }

    #[test]
    fn a_struct_is_read_by_the_names_of_columns() {
        let read: Vec<Run> = rows(&runs()).unwrap();
        assert_eq!(
            read[0],
            Run {
                status: Status::Completed,
                started: "2023-11-14T22:13:20.250Z".to_owned(),
                duration_us: Some(5),
                tokens: 7,
            }
        );
        assert_eq!((&read[1].status, read[1].duration_us), (&Status::Failed, None));
    }

    #[test]
    fn a_tuple_is_read_by_their_order_and_a_value_from_the_only_one() {
        let read: Vec<(u64, String, i64, Option<i64>)> = rows(&runs()).unwrap();
        assert_eq!(read[1], (8, "failed".to_owned(), 0, None));
        let ids = batch(vec![("id", Arc::new(BinaryViewArray::from(vec![&b"ab"[..]])))]);
        assert_eq!(rows::<serde_bytes_like::Bytes>(&ids).unwrap()[0].0, b"ab");
    }

    /// Bytes as a caller would read them.
    mod serde_bytes_like {
        use super::*;

        #[derive(Debug)]
        pub(super) struct Bytes(pub(super) Vec<u8>);

        impl<'de> Deserialize<'de> for Bytes {
            fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Read;
                impl Visitor<'_> for Read {
                    type Value = Bytes;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("bytes")
                    }

                    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                        Ok(Bytes(bytes.to_owned()))
                    }
                }
                deserializer.deserialize_bytes(Read)
            }
        }
    }

    #[test]
    fn what_does_not_fit_says_what_and_why() {
        let error = |wrong: TypeError| wrong.to_string();
        assert!(error(rows::<(u64, String)>(&runs()).unwrap_err()).contains("4 columns, and 2 are read"));
        assert!(error(rows::<i64>(&runs()).unwrap_err()).contains("4 columns"));
        #[derive(Debug, Deserialize)]
        struct Other {
            #[serde(rename = "duration_us")]
            _duration_us: i64,
        }
        assert!(error(rows::<Other>(&runs()).unwrap_err()).contains("expected i64"));
    }
}
