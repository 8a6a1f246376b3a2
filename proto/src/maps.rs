//! Map fields: entries in wire order become a JSON object with sorted keys, the last entry of a key winning.

use smallvec::SmallVec;

use crate::error::Rejection;
use crate::json;
use crate::scratch::{Scratch, Span};
use crate::wire::{Cursor, Depth, Tag};

/// The encodings whose concatenation is one nested message. Nearly always one; more when a producer repeats a
/// singular field, which protobuf merges.
pub(crate) type Chunks<'a> = SmallVec<[&'a [u8]; 1]>;

/// A value type of a map.
pub(crate) trait MapValue<'a>: Default {
    /// Reads one occurrence of the entry's value field.
    fn merge(&mut self, cursor: &mut Cursor<'a>, tag: Tag, depth: Depth) -> Result<(), Rejection>;

    /// Writes the value as JSON. What can still be wrong with it, fails here.
    fn write(&self, depth: Depth, scratch: &mut Scratch) -> Result<(), Rejection>;
}

/// A `string` value.
#[derive(Debug, Default)]
pub(crate) struct TextValue<'a>(&'a str);

impl<'a> MapValue<'a> for TextValue<'a> {
    fn merge(&mut self, cursor: &mut Cursor<'a>, tag: Tag, _: Depth) -> Result<(), Rejection> {
        self.0 = cursor.text(tag)?;
        Ok(())
    }

    fn write(&self, _: Depth, scratch: &mut Scratch) -> Result<(), Rejection> {
        json::write_string(&mut scratch.text, self.0);
        Ok(())
    }
}

/// A `bytes` value that should hold JSON.
#[derive(Debug, Default)]
pub(crate) struct JsonValue<'a>(&'a [u8]);

impl<'a> MapValue<'a> for JsonValue<'a> {
    fn merge(&mut self, cursor: &mut Cursor<'a>, tag: Tag, _: Depth) -> Result<(), Rejection> {
        self.0 = cursor.bytes(tag)?;
        Ok(())
    }

    fn write(&self, _: Depth, scratch: &mut Scratch) -> Result<(), Rejection> {
        json::write_json_or_bytes(&mut scratch.text, self.0);
        Ok(())
    }
}

/// One entry: its key and its value as far as read.
#[derive(Debug)]
pub(crate) struct Entry<'a, V> {
    pub(crate) key: &'a str,
    pub(crate) value: V,
    /// Inside the entry.
    pub(crate) depth: Depth,
}

impl<'a, V: MapValue<'a>> Entry<'a, V> {
    /// Reads one occurrence of the map field.
    #[inline]
    pub(crate) fn parse(bytes: &'a [u8], depth: Depth, scratch: &mut Scratch) -> Result<Self, Rejection> {
        let depth = depth.enter()?;
        scratch.count_part()?;
        let mut entry = Self {
            key: "",
            value: V::default(),
            depth,
        };
        let mut cursor = Cursor::new(bytes);
        while let Some(tag) = cursor.tag()? {
            match tag.number {
                1 => entry.key = cursor.text(tag)?,
                2 => {
                    scratch.count_part()?;
                    entry.value.merge(&mut cursor, tag, depth)?;
                }
                _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
            }
        }
        Ok(entry)
    }
}

/// The entries of one map field.
pub(crate) type Entries<'a, V> = SmallVec<[Entry<'a, V>; 8]>;

/// Sorts entries by key, leaving those of one key in wire order.
pub(crate) fn sort<V>(entries: &mut [Entry<'_, V>]) {
    if !entries.is_sorted_by(|a, b| a.key <= b.key) {
        entries.sort_by(|a, b| a.key.cmp(b.key));
    }
}

/// Writes a map as a JSON object; `None` for a map without entries.
pub(crate) fn compose<'a, V: MapValue<'a>>(
    entries: &mut Entries<'a, V>,
    scratch: &mut Scratch,
) -> Result<Option<Span>, Rejection> {
    if entries.is_empty() {
        return Ok(None);
    }
    let start = scratch.mark();
    write_object(entries, scratch)?;
    Ok(Some(scratch.span_from(start)))
}

/// Writes entries as a JSON object.
pub(crate) fn write_object<'a, V: MapValue<'a>>(
    entries: &mut Entries<'a, V>,
    scratch: &mut Scratch,
) -> Result<(), Rejection> {
    sort(entries);
    scratch.text.push(b'{');
    let mut first = true;
    for (index, entry) in entries.iter().enumerate() {
        let start = scratch.mark();
        let is_last_of_key = entries.get(index + 1).is_none_or(|next| next.key != entry.key);
        if is_last_of_key {
            json::write_key(&mut scratch.text, &mut first, entry.key);
        }
        entry.value.write(entry.depth, scratch)?;
        if !is_last_of_key {
            // An entry that a later one replaces must still be well formed.
            scratch.text.truncate(start);
        }
        scratch.check_len()?;
    }
    scratch.text.push(b'}');
    Ok(())
}
