//! Fields of a JSON document, read whatever their type is: which of them matter depends on a field that may come last.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A field as it was found.
#[derive(Debug, Default)]
pub(super) enum Field<T> {
    /// Not there.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// Of the type that is meant.
    Value(T),
    /// Of another type, or out of range.
    Wrong,
}

/// The field is of another type than is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrongType;

impl<T> Field<T> {
    /// The value of a field that may be absent or null.
    pub(super) fn optional(&self) -> Result<Option<&T>, WrongType> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::Value(value) => Ok(Some(value)),
            Self::Wrong => Err(WrongType),
        }
    }

    /// The value of a field that must be there.
    pub(super) fn required(&self) -> Result<&T, WrongType> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Absent | Self::Null | Self::Wrong => Err(WrongType),
        }
    }
}

/// A type of field: what it takes.
pub(super) trait Taken<'de>: Sized {
    fn of_text(_: Cow<'de, str>) -> Option<Self> {
        None
    }

    fn of_str(text: &str) -> Option<Self> {
        Self::of_text(Cow::Owned(text.to_owned()))
    }

    fn of_unsigned(_: u64) -> Option<Self> {
        None
    }

    fn of_negative(_: i64) -> Option<Self> {
        None
    }

    fn of_float(_: f64) -> Option<Self> {
        None
    }

    fn of_bool(_: bool) -> Option<Self> {
        None
    }

    /// Reads an object. It must be read to its end, also where it is not what is meant.
    fn of_map<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A text, borrowed where it has no escapes.
#[derive(Debug)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Taken<'de> for Text<'a> {
    fn of_text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self(text))
    }
}

/// A text of which only that it is one matters.
#[derive(Debug)]
pub(super) struct AnyText;

impl<'de> Taken<'de> for AnyText {
    fn of_text(_: Cow<'de, str>) -> Option<Self> {
        Some(Self)
    }

    fn of_str(_: &str) -> Option<Self> {
        Some(Self)
    }
}

impl<'de> Taken<'de> for u64 {
    fn of_unsigned(value: u64) -> Option<Self> {
        Some(value)
    }
}

impl<'de> Taken<'de> for u32 {
    fn of_unsigned(value: u64) -> Option<Self> {
        value.try_into().ok()
    }
}

impl<'de> Taken<'de> for i64 {
    fn of_unsigned(value: u64) -> Option<Self> {
        value.try_into().ok()
    }

    fn of_negative(value: i64) -> Option<Self> {
        Some(value)
    }
}

impl<'de> Taken<'de> for f64 {
    #[allow(clippy::cast_precision_loss)]
    fn of_unsigned(value: u64) -> Option<Self> {
        Some(value as Self)
    }

    #[allow(clippy::cast_precision_loss)]
    fn of_negative(value: i64) -> Option<Self> {
        Some(value as Self)
    }

    fn of_float(value: f64) -> Option<Self> {
        Some(value)
    }
}

impl<'de> Taken<'de> for bool {
    fn of_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

/// An object whose own fields are read in turn.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Taken<'de> for Object<T> {
    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Some(Self(object)))
    }
}

impl<'de, T: Taken<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

fn taken<T, E>(value: Option<T>) -> Result<Field<T>, E> {
    Ok(value.map_or(Field::Wrong, Field::Value))
}

impl<'de, T: Taken<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Field<T>, E> {
        taken(T::of_bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Field<T>, E> {
        taken(T::of_unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Field<T>, E> {
        taken(T::of_negative(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Field<T>, E> {
        taken(T::of_float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<T>, E> {
        taken(T::of_text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        taken(T::of_str(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field<T>, A::Error> {
        taken(T::of_map(map)?)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field<T>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Wrong)
    }
}
