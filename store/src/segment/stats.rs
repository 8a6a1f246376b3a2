//! Ranges of the columns that look-ups use, taken from the batches while they are written.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema, TimeUnit};
use hashbrown::HashTable;

use crate::segment::filter::{FILTER_BYTES_MAX, ThreadFilter};

/// Columns that have a range in the manifest, in every table that has them. Manifests name a column by its place
/// here, so new ones are added at the end.
pub const RANGED_COLUMNS: [&str; 15] = [
    "time",
    "kafka_time",
    "partition",
    "offset",
    "tenant_id",
    "thread_id",
    "node_id",
    "tool_name",
    "topic",
    "sequence",
    "incarnation",
    "first_offset",
    "last_offset",
    "first_time",
    "last_time",
];

/// The column whose values also go into a filter.
const THREAD_COLUMN: &str = "thread_id";

/// Longest text kept as a bound, in bytes.
const BOUND_BYTES_MAX: usize = 64;

/// More distinct threads than this make a filter useless, so no more are counted.
const THREADS_MAX: usize = FILTER_BYTES_MAX * 8 / 5;

/// One bound of a range.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatValue {
    /// Of a number; points in time are microseconds since the Unix epoch.
    Int(i64),
    /// Of a text, ordered by its bytes.
    Text(Box<str>),
}

/// The range of a column within a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnRange {
    /// No value is below; none if all are null or no bound is known.
    pub min: Option<StatValue>,
    /// No value is above; none if all are null or no bound is known.
    pub max: Option<StatValue>,
    /// How many values are null.
    pub null_count: u64,
    /// Whether both bounds are values of the column. Long texts are cut, the upper bound rounded up.
    pub exact: bool,
}

/// What the manifest knows of a segment's content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentStats {
    /// Ranges by column, in the order of [`RANGED_COLUMNS`].
    pub columns: Vec<(&'static str, ColumnRange)>,
    /// Filter of the thread ids; none if the table has no threads or too many of them to help.
    pub threads: Option<ThreadFilter>,
}

impl SegmentStats {
    /// The range of a column, if one is kept.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnRange> {
        self.columns
            .iter()
            .find(|(column, _)| *column == name)
            .map(|(_, range)| range)
    }
}

/// Takes the ranges of batches of one schema.
#[derive(Debug)]
pub struct StatsCollector {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    index: usize,
    nulls: u64,
    values: Values,
    threads: Option<Threads>,
}

#[derive(Debug)]
enum Values {
    Int {
        range: Option<(i64, i64)>,
        unknown: bool,
    },
    Text {
        range: Option<(String, String)>,
    },
}

impl StatsCollector {
    /// Prepares for batches of that schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let columns = RANGED_COLUMNS.iter().filter_map(|name| {
            let (index, field) = schema.column_with_name(name)?;
            let values = match field.data_type() {
                DataType::Int32
                | DataType::Int64
                | DataType::UInt64
                | DataType::Timestamp(TimeUnit::Microsecond, _) => Values::Int {
                    range: None,
                    unknown: false,
                },
                DataType::Utf8 => Values::Text { range: None },
                DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => {
                    Values::Text { range: None }
                }
                _ => return None,
            };
            let threads = (*name == THREAD_COLUMN).then(Threads::default);
            Some(Column {
                name,
                index,
                nulls: 0,
                values,
                threads,
            })
        });
        Self {
            columns: columns.collect(),
        }
    }

    /// Takes a batch into account.
    pub fn update(&mut self, batch: &RecordBatch) {
        for column in &mut self.columns {
            column.update(batch.column(column.index), None);
        }
    }

    /// Takes one column of a batch into account, the one at that place in the schema. Where it is known which values occur
    /// in it, its rows need not be looked at.
    pub(super) fn update_column(&mut self, index: usize, array: &ArrayRef, distinct: Option<&[&[u8]]>) {
        if let Some(column) = self.columns.iter_mut().find(|column| column.index == index) {
            column.update(array, distinct);
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> SegmentStats {
        let mut stats = SegmentStats::default();
        for column in self.columns {
            let null_count = column.nulls;
            if let Some(threads) = column.threads {
                stats.threads = threads.filter();
            }
            let range = match column.values {
                Values::Int {
                    range: Some((min, max)),
                    unknown: false,
                } => ColumnRange {
                    min: Some(StatValue::Int(min)),
                    max: Some(StatValue::Int(max)),
                    null_count,
                    exact: true,
                },
                Values::Int { .. } | Values::Text { range: None } => ColumnRange {
                    null_count,
                    ..ColumnRange::default()
                },
                Values::Text {
                    range: Some((min, max)),
                } => text_range(&min, &max, null_count),
            };
            stats.columns.push((column.name, range));
        }
        stats
    }
}

impl Column {
    /// Takes values into account; `distinct` are those that occur, where that is known.
    fn update(&mut self, array: &ArrayRef, distinct: Option<&[&[u8]]>) {
        self.nulls += array.null_count() as u64;
        match &mut self.values {
            Values::Int { range, unknown } => {
                let found = match array.data_type() {
                    DataType::Int32 => range_of(array.as_primitive::<Int32Type>())
                        .map(|(min, max)| (i64::from(min), i64::from(max))),
                    DataType::Int64 => range_of(array.as_primitive::<Int64Type>()),
                    DataType::UInt64 => {
                        range_of(array.as_primitive::<UInt64Type>()).and_then(|(min, max)| {
                            // A number beyond i64 has no bound here, and neither has a column with one.
                            let signed = i64::try_from(min).ok().zip(i64::try_from(max).ok());
                            *unknown |= signed.is_none();
                            signed
                        })
                    }
                    DataType::Timestamp(..) => range_of(array.as_primitive::<TimestampMicrosecondType>()),
                    _ => None,
                };
                if let Some((min, max)) = found {
                    let before = range.get_or_insert((min, max));
                    *before = (before.0.min(min), before.1.max(max));
                }
            }
            Values::Text { range } => {
                let mut see = |value: &str| {
                    see_text(range, value);
                    if let Some(threads) = &mut self.threads {
                        threads.see(value);
                    }
                };
                match (distinct, array.data_type()) {
                    // A column of text holds UTF-8 only, so that none is left out.
                    (Some(distinct), _) => distinct
                        .iter()
                        .filter_map(|value| str::from_utf8(value).ok())
                        .for_each(see),
                    (None, DataType::Dictionary(..)) => {
                        let dictionary = array.as_dictionary::<Int32Type>();
                        let values = dictionary.values().as_string::<i32>();
                        each_used_key(dictionary.keys(), values.len(), |key| {
                            if values.is_valid(key) {
                                see(values.value(key));
                            }
                        });
                    }
                    (None, _) => each_run(array.as_string::<i32>(), see),
                }
            }
        }
    }
}

/// The smallest and largest value that is not null.
fn range_of<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> Option<(T::Native, T::Native)>
where
    T::Native: Ord,
{
    let values = array.values();
    let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return range_of_slice(values);
    };
    let mut range: Option<(T::Native, T::Native)> = None;
    for (start, end) in nulls.valid_slices() {
        if let Some((min, max)) = range_of_slice(&values[start..end]) {
            let before = range.get_or_insert((min, max));
            *before = (before.0.min(min), before.1.max(max));
        }
    }
    range
}

fn range_of_slice<T: Copy + Ord>(values: &[T]) -> Option<(T, T)> {
    let first = *values.first()?;
    // Two separate folds: compilers turn each into vector instructions.
    let min = values.iter().copied().fold(first, T::min);
    let max = values.iter().copied().fold(first, T::max);
    Some((min, max))
}

fn see_text(range: &mut Option<(String, String)>, value: &str) {
    match range {
        None => *range = Some((value.to_owned(), value.to_owned())),
        Some((min, max)) => {
            if value < min.as_str() {
                value.clone_into(min);
            } else if value > max.as_str() {
                value.clone_into(max);
            }
        }
    }
}

/// Calls for each key that some row uses, once.
fn each_used_key(keys: &PrimitiveArray<Int32Type>, values: usize, mut see: impl FnMut(usize)) {
    let mut seen = vec![false; values];
    let mut unseen = values;
    for row in 0..keys.len() {
        if unseen == 0 {
            break;
        }
        if !keys.is_valid(row) {
            continue;
        }
        let key = keys.value(row) as usize;
        if let Some(flag) = seen.get_mut(key).filter(|flag| !**flag) {
            *flag = true;
            unseen -= 1;
            see(key);
        }
    }
}

/// Calls for each value that differs from the one before it: texts of one thread come in runs.
fn each_run(array: &StringArray, mut see: impl FnMut(&str)) {
    let mut last: Option<&str> = None;
    for value in array.iter().flatten() {
        if last != Some(value) {
            see(value);
            last = Some(value);
        }
    }
}

/// Distinct thread ids, by hash.
#[derive(Debug, Default)]
struct Threads {
    hashes: HashTable<u64>,
}

impl Threads {
    fn see(&mut self, thread_id: &str) {
        if self.hashes.len() <= THREADS_MAX {
            let hash = ThreadFilter::hash(thread_id.as_bytes());
            self.hashes
                .entry(hash, |other| *other == hash, |other| *other)
                .or_insert(hash);
        }
    }

    fn filter(self) -> Option<ThreadFilter> {
        ThreadFilter::build(self.hashes.into_iter())
    }
}

/// The range of texts between these.
fn text_range(min: &str, max: &str, null_count: u64) -> ColumnRange {
    let (min, max) = text_bounds(min, max);
    let exact = [&min, &max]
        .into_iter()
        .all(|bound| bound.as_ref().is_some_and(|(_, exact)| *exact));
    let text = |bound: TextBound| bound.map(|(text, _)| StatValue::Text(text.into()));
    ColumnRange {
        min: text(min),
        max: text(max),
        null_count,
        exact,
    }
}

/// A bound of texts, and whether it is a text of the column.
pub(super) type TextBound = Option<(String, bool)>;

/// Bounds of texts, cut to [`BOUND_BYTES_MAX`].
pub(super) fn text_bounds(min: &str, max: &str) -> (TextBound, TextBound) {
    let lower = cut(min);
    let lower_bound = (lower.to_owned(), lower.len() == min.len());
    let upper_bound = if cut(max).len() == max.len() {
        Some((max.to_owned(), true))
    } else {
        round_up(cut(max)).map(|upper| (upper, false))
    };
    (Some(lower_bound), upper_bound)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(BOUND_BYTES_MAX)]
}

/// The shortest text that is above every text which begins with this one; none if there is no such text.
fn round_up(prefix: &str) -> Option<String> {
    let mut upper = prefix.to_owned();
    while let Some(last) = upper.pop() {
        // Between U+D7FF and U+E000 lie no characters.
        let next = if last == '\u{d7ff}' {
            Some('\u{e000}')
        } else {
            char::from_u32(last as u32 + 1)
        };
        if let Some(next) = next {
            upper.push(next);
            return Some(upper);
        }
    }
    None
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
