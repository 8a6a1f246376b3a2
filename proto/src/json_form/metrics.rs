//! A Metrics message as a document.

use super::hex::write_hex;
use super::names::Names;
use super::object::Object;
use crate::json;
use crate::messages::MetricsView;
use crate::messages::metrics::{MetricValue, MetricView};
use crate::scratch::ComposedText;

pub(super) fn write(view: &MetricsView<'_>, names: Names, composed: ComposedText<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open("Metrics", view.header.as_ref(), names, out);
    object.text("scope", view.scope);
    object.text("scope_id", view.scope_id);
    let mut sorted: Vec<&MetricView<'_>> = view.metrics.iter().collect();
    sorted.sort_unstable_by_key(|metric| metric.name);
    let out = object.key("metrics");
    out.push(b'{');
    let mut first = true;
    for metric in sorted {
        json::write_key(out, &mut first, metric.name);
        write_value(out, metric.value);
    }
    out.push(b'}');
    object.composed("tags", view.tags, composed);
    object.close();
}

/// Bytes are hexadecimal even where they are text, other than those of attributes.
fn write_value(out: &mut Vec<u8>, value: MetricValue<'_>) {
    match value {
        MetricValue::None => out.extend_from_slice(b"null"),
        MetricValue::Int(value) => json::write_int(out, value),
        MetricValue::Float(value) => json::write_float_or_null(out, value),
        MetricValue::Text(text) => json::write_string(out, text),
        MetricValue::Bool(value) => json::write_bool(out, value),
        MetricValue::Bytes(bytes) => write_hex(out, bytes),
    }
}
