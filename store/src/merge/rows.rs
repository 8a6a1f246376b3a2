//! Rows one behind the other.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::concat::concat;
use hashbrown::HashMap;

use super::source::Source;
use crate::error::Result;

/// Rows of a row group, as ingestion makes them.
pub(super) const GROUP_ROWS: usize = 65_536;

/// About the most bytes of a row group in memory.
const GROUP_BYTES: usize = 16 << 20;

/// Gives out the rows of sources, row group by row group.
pub(super) fn each_group(
    schema: &SchemaRef,
    sources: impl Iterator<Item = Result<Source>>,
    mut give: impl FnMut(&RecordBatch) -> Result<()>,
    failed: impl Fn(ArrowError) -> crate::error::StoreError,
) -> Result<()> {
    let mut batches: Vec<RecordBatch> = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    for source in sources {
        for batch in source? {
            let batch = batch?;
            if rows + batch.num_rows() > GROUP_ROWS || bytes > GROUP_BYTES {
                give(&joined(schema, &batches).map_err(&failed)?)?;
                batches.clear();
                (rows, bytes) = (0, 0);
            }
            rows += batch.num_rows();
            bytes += batch.get_array_memory_size();
            batches.push(batch);
        }
    }
    if rows > 0 {
        give(&joined(schema, &batches).map_err(&failed)?)?;
    }
    Ok(())
}

fn joined(schema: &SchemaRef, batches: &[RecordBatch]) -> std::result::Result<RecordBatch, ArrowError> {
    if let [batch] = batches {
        return Ok(batch.clone());
    }
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let columns = batches.iter().map(|batch| batch.column(index));
        match field.data_type() {
            DataType::Dictionary(..) => joined_choices(columns),
            _ => concat(&columns.map(AsRef::as_ref).collect::<Vec<_>>()),
        }
    });
    let columns = columns.collect::<std::result::Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Columns of few different texts as one, with each text once in its list.
fn joined_choices<'a>(
    columns: impl Iterator<Item = &'a ArrayRef>,
) -> std::result::Result<ArrayRef, ArrowError> {
    let mut known: HashMap<&str, i32> = HashMap::new();
    let mut texts: Vec<&str> = Vec::new();
    let mut keys: Vec<Option<i32>> = Vec::new();
    for column in columns {
        let column = column.as_dictionary::<Int32Type>();
        let values = column.values().as_string::<i32>();
        let places: Vec<Option<i32>> = values
            .iter()
            .map(|text| {
                text.map(|text| {
                    *known.entry(text).or_insert_with(|| {
                        texts.push(text);
                        (texts.len() - 1) as i32
                    })
                })
            })
            .collect();
        keys.extend((0..column.len()).map(|row| column.key(row).and_then(|key| places[key])));
    }
    let values = StringArray::from(texts);
    let column = DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), Arc::new(values))?;
    Ok(Arc::new(column))
}
