//! The columns of a table as a session shows them.
//!
//! A segment holds text as `Utf8` or as a dictionary, whichever its writer built. A session reads all text as
//! `Utf8View` and all bytes as `BinaryView`: the Parquet reader makes views straight from dictionary pages without
//! copying, DataFusion compares, groups and joins views on its fast paths (which dictionaries leave), and the JSON
//! functions take them. So every text column of every table and view has one type. Names, order, nullability and
//! metadata of the columns are those of the table.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use quipu_proto::Table;

/// The columns of a table in a session.
pub(crate) fn of(table: Table) -> SchemaRef {
    static SCHEMAS: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| {
        Table::ALL
            .into_iter()
            .map(|table| with_views(&table.schema()))
            .collect()
    });
    Arc::clone(&SCHEMAS[table as usize])
}

fn with_views(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            DataType::Dictionary(_, value) if **value == DataType::Utf8 => DataType::Utf8View,
            other => other.clone(),
        };
        field.as_ref().clone().with_data_type(data_type)
    });
    Arc::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_shows_the_columns_of_the_table_with_views_for_text() {
        for table in Table::ALL {
            let (stored, shown) = (table.schema(), of(table));
            assert_eq!(stored.fields().len(), shown.fields().len());
            for (stored, shown) in stored.fields().iter().zip(shown.fields()) {
                assert_eq!(stored.name(), shown.name());
                assert_eq!(stored.is_nullable(), shown.is_nullable());
                assert_eq!(stored.metadata(), shown.metadata());
                let text = matches!(
                    shown.data_type(),
                    DataType::Utf8 | DataType::Dictionary(..) | DataType::Binary
                );
                assert!(!text, "{table}.{} is {}", shown.name(), shown.data_type());
            }
        }
    }
}
