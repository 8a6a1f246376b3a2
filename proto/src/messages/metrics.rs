//! Metrics: named values of one scope.

use std::borrow::Cow;

use arrow_array::ArrayRef;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use arrow_array::types::Float64Type;

use crate::columns::{ChoiceColumn, Columns, CommonColumns, NumberColumn, PlainColumn, TextColumn};
use crate::enums;
use crate::error::{Reason, Rejection};
use crate::header::Header;
use crate::limits::RECORD_ROWS_MAX;
use crate::maps::{self, Chunks, Entries, Entry, MapValue, TextValue};
use crate::messages::RowContext;
use crate::scratch::{Scratch, Span, check_composed};
use crate::sequence::Emitter;
use crate::wire::{Cursor, Depth, Tag};

/// A Metrics message, borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsView<'a> {
    /// The header, if there is one.
    pub header: Option<Header<'a>>,
    /// What kind of thing is measured: `quality`, `node`.
    pub scope: &'a str,
    /// Which one.
    pub scope_id: &'a str,
    /// The entries, each name once, in the order of the wire.
    pub metrics: Vec<MetricView<'a>>,
    /// Tags as a JSON object of texts.
    pub tags: Option<Span>,
}

/// One entry of a Metrics message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricView<'a> {
    /// Position of the entry in its message.
    pub item: i32,
    /// The metric.
    pub name: &'a str,
    /// Its value, if it has one.
    pub value: MetricValue<'a>,
    /// Unit of the value.
    pub unit: &'a str,
    /// `MetricType` number.
    pub metric_type: i32,
}

/// A metric's value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum MetricValue<'a> {
    /// No member of the oneof is set.
    #[default]
    None,
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// A flag.
    Bool(bool),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl MetricValue<'_> {
    const KINDS: [&'static str; 5] = ["int", "float", "string", "bool", "bytes"];

    /// Index in [`Self::KINDS`].
    fn kind(self) -> Option<i32> {
        match self {
            Self::None => None,
            Self::Int(_) => Some(0),
            Self::Float(_) => Some(1),
            Self::Text(_) => Some(2),
            Self::Bool(_) => Some(3),
            Self::Bytes(_) => Some(4),
        }
    }

    /// The value as a number; flags are 0 and 1.
    #[allow(clippy::cast_precision_loss)]
    fn number(self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            Self::Bool(value) => Some(f64::from(u8::from(value))),
            Self::None | Self::Text(_) | Self::Bytes(_) => None,
        }
    }

    /// Whether the number says less than the value: an integer that a double cannot hold.
    fn number_is_rounded(self) -> bool {
        matches!(self, Self::Int(value) if value.unsigned_abs() > 1 << 53)
    }
}

/// A map entry's MetricValue, still encoded.
#[derive(Debug, Default)]
struct EncodedMetric<'a>(Chunks<'a>);

impl<'a> MapValue<'a> for EncodedMetric<'a> {
    fn merge(&mut self, cursor: &mut Cursor<'a>, tag: Tag, _: Depth) -> Result<(), Rejection> {
        self.0.push(cursor.bytes(tag)?);
        Ok(())
    }

    fn write(&self, _: Depth, _: &mut Scratch) -> Result<(), Rejection> {
        // Metrics become rows, not JSON.
        Ok(())
    }
}

impl<'a> MetricView<'a> {
    fn parse(
        item: i32,
        entry: &Entry<'a, EncodedMetric<'a>>,
        scratch: &mut Scratch,
    ) -> Result<Self, Rejection> {
        let mut view = Self {
            item,
            name: entry.key,
            value: MetricValue::None,
            unit: "",
            metric_type: 0,
        };
        for &chunk in &entry.value.0 {
            let depth = entry.depth.enter()?;
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => view.value = MetricValue::Int(cursor.int64(tag)?),
                    2 => view.value = MetricValue::Float(cursor.double(tag)?),
                    3 => view.value = MetricValue::Text(cursor.text(tag)?),
                    4 => view.value = MetricValue::Bool(cursor.boolean(tag)?),
                    5 => view.value = MetricValue::Bytes(cursor.bytes(tag)?),
                    6 => view.unit = cursor.text(tag)?,
                    7 => view.metric_type = cursor.enumeration(tag)?,
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        Ok(view)
    }
}

impl<'a> MetricsView<'a> {
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let mut tags = Entries::<TextValue<'a>>::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => self.scope = cursor.text(tag)?,
                    3 => self.scope_id = cursor.text(tag)?,
                    4 => {
                        if self.metrics.len() == RECORD_ROWS_MAX {
                            return Err(Rejection::new(
                                Reason::ExpansionLimit,
                                format!("message holds more than {RECORD_ROWS_MAX} metrics"),
                            ));
                        }
                        let entry = Entry::parse(cursor.bytes(tag)?, depth, scratch)?;
                        let item = i32::try_from(self.metrics.len()).unwrap_or(i32::MAX);
                        self.metrics.push(MetricView::parse(item, &entry, scratch)?);
                    }
                    5 => tags.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?),
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        keep_last_of_each_name(&mut self.metrics);
        self.tags = maps::compose(&mut tags, scratch)?;
        check_composed(self.repeated_bytes())?;
        Ok(())
    }

    /// Bytes that all rows of the message repeat.
    pub(crate) fn repeated_bytes(&self) -> usize {
        let header = self.header.map_or(0, |header| header.repeated_bytes());
        let one = header + self.scope.len() + self.scope_id.len() + self.tags.map_or(0, Span::len);
        self.metrics.len().saturating_mul(one)
    }

    /// Which counter numbers such a message.
    #[must_use]
    pub fn emitter(&self) -> Emitter {
        if self.scope == "node" {
            Emitter::Node
        } else {
            Emitter::Graph
        }
    }
}

/// Of several entries of one name a map keeps the last.
fn keep_last_of_each_name(metrics: &mut Vec<MetricView<'_>>) {
    if metrics.len() < 2 {
        return;
    }
    metrics.sort_by(|a, b| a.name.cmp(b.name).then(b.item.cmp(&a.item)));
    metrics.dedup_by(|later, earlier| later.name == earlier.name);
    metrics.sort_by_key(|metric| metric.item);
}

/// The columns of `metrics`.
#[derive(Debug)]
pub(crate) struct MetricsColumns {
    pub(crate) common: CommonColumns,
    scope: TextColumn,
    scope_id: TextColumn,
    name: TextColumn,
    value: PlainColumn<Float64Type>,
    value_text: TextColumn,
    value_kind: ChoiceColumn,
    unit: TextColumn,
    metric_type: NumberColumn,
    tags: TextColumn,
}

impl MetricsColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            scope: TextColumn::default(),
            scope_id: TextColumn::default(),
            name: TextColumn::default(),
            value: PlainColumn::default(),
            value_text: TextColumn::default(),
            value_kind: ChoiceColumn::with_entries(MetricValue::KINDS),
            unit: TextColumn::default(),
            metric_type: NumberColumn::new(enums::metric_type),
            tags: TextColumn::default(),
        }
    }

    /// Appends one row per entry, or one row with a null name when there is none.
    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &MetricsView<'_>) {
        if view.metrics.is_empty() {
            self.push_row(row, view, None);
        }
        for metric in &view.metrics {
            self.push_row(row, view, Some(metric));
        }
    }

    fn push_row(&mut self, row: &RowContext<'_>, view: &MetricsView<'_>, metric: Option<&MetricView<'_>>) {
        let item = metric.map_or(0, |metric| metric.item);
        // What a newer producer added to the message stands once, in its first row.
        let is_first = metric.is_none_or(|metric| {
            view.metrics
                .first()
                .is_some_and(|first| first.item == metric.item)
        });
        let unknown_fields = if is_first { row.unknown_fields } else { &[] };
        let place = if is_first { row.place } else { row.place_repeated };
        let at = self
            .common
            .push(place, item, view.header.as_ref(), row.numbered, unknown_fields);
        self.scope.set(at, view.scope);
        self.scope_id.set(at, view.scope_id);
        self.name.set_option(at, metric.map(|metric| metric.name));
        let value = metric.map_or(MetricValue::None, |metric| metric.value);
        self.value.set_option(at, value.number());
        let text: Option<Cow<'_, str>> = match value {
            MetricValue::Text(text) => Some(text.into()),
            MetricValue::Bytes(bytes) => Some(BASE64.encode(bytes).into()),
            MetricValue::Bool(flag) => Some(if flag { "true" } else { "false" }.into()),
            MetricValue::Int(int) if value.number_is_rounded() => Some(int.to_string().into()),
            MetricValue::None | MetricValue::Int(_) | MetricValue::Float(_) => None,
        };
        self.value_text.set_option(at, text.as_deref());
        self.value_kind.set_option(at, value.kind());
        self.unit.set(at, metric.map_or("", |metric| metric.unit));
        self.metric_type
            .set_option(at, metric.map(|metric| metric.metric_type));
        self.tags
            .set_option(at, view.tags.map(|span| row.composed.get(span)));
    }
}

impl Columns for MetricsColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        let rows = self.common.rows();
        self.common.finish([
            self.scope.finish(rows),
            self.scope_id.finish(rows),
            self.name.finish(rows),
            self.value.finish(rows),
            self.value_text.finish(rows),
            self.value_kind.finish_rows(rows),
            self.unit.finish(rows),
            self.metric_type.finish_rows(rows),
            self.tags.finish(rows),
        ])
    }
}
