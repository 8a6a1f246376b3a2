//! Kafka headers as the JSON object of column `headers`.

use serde_json::{Map, Value};

use crate::raw::RawHeaders;

/// The headers as a JSON object: a name that occurs several times holds an array of its values, a null value is null,
/// and what is not UTF-8 is `{"$bytes": base64}` as a value and lossy as a name. `None` for no headers.
pub(crate) fn to_json(headers: &RawHeaders<'_>) -> Option<String> {
    if headers.is_empty() {
        return None;
    }
    let mut object: Map<String, Value> = Map::new();
    let mut repeated: Vec<String> = Vec::new();
    for header in headers.iter() {
        let name = String::from_utf8_lossy(header.key).into_owned();
        let value = header.value.map_or(Value::Null, value);
        match object.get_mut(&name) {
            None => {
                object.insert(name, value);
            }
            Some(Value::Array(values)) if repeated.contains(&name) => values.push(value),
            Some(first) => {
                *first = Value::Array(vec![first.take(), value]);
                repeated.push(name);
            }
        }
    }
    Some(Value::Object(object).to_string())
}

fn value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => quipu_proto::json_bytes(bytes),
    }
}
