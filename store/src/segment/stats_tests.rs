#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow_array::{
    DictionaryArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::Field;

use super::*;

fn stats(name: &str, arrays: Vec<Arc<dyn Array>>) -> SegmentStats {
    let schema = Arc::new(Schema::new(vec![Field::new(
        name,
        arrays[0].data_type().clone(),
        true,
    )]));
    let mut collector = StatsCollector::new(&schema);
    for array in arrays {
        collector.update(&RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap());
    }
    collector.finish()
}

fn range(name: &str, arrays: Vec<Arc<dyn Array>>) -> ColumnRange {
    stats(name, arrays).column(name).unwrap().clone()
}

fn ints(min: i64, max: i64, null_count: u64) -> ColumnRange {
    ColumnRange {
        min: Some(StatValue::Int(min)),
        max: Some(StatValue::Int(max)),
        null_count,
        exact: true,
    }
}

fn texts(min: &str, max: &str, null_count: u64) -> ColumnRange {
    ColumnRange {
        min: Some(StatValue::Text(min.into())),
        max: Some(StatValue::Text(max.into())),
        null_count,
        exact: true,
    }
}

#[test]
fn numbers_of_every_type_have_their_range() {
    let offsets: Arc<dyn Array> = Arc::new(Int64Array::from(vec![5, -3, 9]));
    assert_eq!(
        range("offset", vec![offsets, Arc::new(Int64Array::from(vec![11]))]),
        ints(-3, 11, 0)
    );
    assert_eq!(
        range("partition", vec![Arc::new(Int32Array::from(vec![2, 1]))]),
        ints(1, 2, 0)
    );
    assert_eq!(
        range("sequence", vec![Arc::new(UInt64Array::from(vec![7]))]),
        ints(7, 7, 0)
    );
    let times = TimestampMicrosecondArray::from(vec![Some(4), None, Some(3)]).with_timezone("UTC");
    assert_eq!(range("time", vec![Arc::new(times)]), ints(3, 4, 1));
}

#[test]
fn values_behind_nulls_do_not_count() {
    let hidden = Int64Array::new(
        vec![100, 1, 2, -100].into(),
        Some(vec![false, true, true, false].into()),
    );
    assert_eq!(range("offset", vec![Arc::new(hidden)]), ints(1, 2, 2));
    let all_null = Int64Array::from(vec![None, None]);
    assert_eq!(
        range("offset", vec![Arc::new(all_null)]),
        ColumnRange {
            null_count: 2,
            ..ColumnRange::default()
        }
    );
}

#[test]
fn a_number_beyond_i64_leaves_no_range() {
    let huge: Arc<dyn Array> = Arc::new(UInt64Array::from(vec![1, u64::MAX]));
    let small: Arc<dyn Array> = Arc::new(UInt64Array::from(vec![5]));
    assert_eq!(range("sequence", vec![small, huge]), ColumnRange::default());
}

#[test]
fn text_of_both_kinds_has_its_range() {
    let plain = StringArray::from(vec![Some("b"), Some("b"), None, Some("a"), Some("c")]);
    assert_eq!(range("node_id", vec![Arc::new(plain)]), texts("a", "c", 1));
    // "z" stands in the dictionary, but no row uses it.
    let keys = Int32Array::from(vec![Some(0), None, Some(1), Some(0)]);
    let values = Arc::new(StringArray::from(vec!["m", "k", "z"]));
    let dictionary = DictionaryArray::new(keys, values);
    assert_eq!(range("tool_name", vec![Arc::new(dictionary)]), texts("k", "m", 1));
}

#[test]
fn long_text_is_cut_and_its_upper_bound_rounded_up() {
    let long = "é".repeat(40);
    let found = range("node_id", vec![Arc::new(StringArray::from(vec![long.as_str()]))]);
    let Some(StatValue::Text(min)) = found.min else {
        panic!("no lower bound")
    };
    let Some(StatValue::Text(max)) = found.max else {
        panic!("no upper bound")
    };
    assert_eq!(&*min, "é".repeat(32));
    assert_eq!(&*max, format!("{}ê", "é".repeat(31)));
    assert!(*min < *long && *long < *max);
    assert!(!found.exact);
}

#[test]
fn text_that_cannot_be_rounded_up_has_no_upper_bound() {
    let highest = "\u{10ffff}".repeat(20);
    let found = range(
        "node_id",
        vec![Arc::new(StringArray::from(vec![highest.as_str()]))],
    );
    assert_eq!(found.max, None);
    assert!(!found.exact);
    assert_eq!(round_up("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
    assert_eq!(round_up("a\u{10ffff}").as_deref(), Some("b"));
}

#[test]
fn threads_are_in_the_filter_of_their_segment() {
    let names: Vec<String> = (0..300).map(|n| format!("thread-{}", n % 100)).collect();
    let stats = stats("thread_id", vec![Arc::new(StringArray::from(names.clone()))]);
    let filter = stats.threads.unwrap();
    assert_eq!(filter.threads(), 100);
    assert!(names.iter().all(|name| filter.may_contain(name)));
}

#[test]
fn tables_without_threads_have_no_filter() {
    assert!(
        stats("node_id", vec![Arc::new(StringArray::from(vec!["a"]))])
            .threads
            .is_none()
    );
}
