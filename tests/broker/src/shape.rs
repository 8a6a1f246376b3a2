//! The layouts of the requests that are served, walked before a request is decoded.
//!
//! `kafka-protocol` reserves memory for as many elements as the length of an array says. A frame of thirty
//! bytes can so ask for hundreds of gigabytes, and a failed allocation ends the process. The walk visits
//! every element, so a length that passes it is one whose elements are all present in the frame.

/// Most array elements of one request. The largest real requests name some ten thousand partitions.
const ELEMENTS_MAX: usize = 1 << 18;

/// The layout of one kind of request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The first version with compact lengths and tagged fields.
    pub(crate) flexible_from: i16,
    pub(crate) fields: &'static [Field],
}

/// A field and the versions that have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    since: i16,
    until: i16,
    layout: Layout,
}

impl Field {
    /// Not before this version.
    pub(crate) const fn since(self, since: i16) -> Self {
        Self { since, ..self }
    }

    /// Not after this version.
    pub(crate) const fn until(self, until: i16) -> Self {
        Self { until, ..self }
    }
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    Fixed(usize),
    Text,
    Blob,
    Fixeds(usize),
    Texts,
    Structs(&'static [Field]),
}

const fn field(layout: Layout) -> Field {
    Field {
        since: 0,
        until: i16::MAX,
        layout,
    }
}

/// A number, boolean or UUID of that many bytes.
pub(crate) const fn fixed(bytes: usize) -> Field {
    field(Layout::Fixed(bytes))
}

/// A string, or null.
pub(crate) const fn text() -> Field {
    field(Layout::Text)
}

/// Bytes or records, or null.
pub(crate) const fn blob() -> Field {
    field(Layout::Blob)
}

/// An array of numbers of that many bytes each.
pub(crate) const fn fixeds(bytes: usize) -> Field {
    field(Layout::Fixeds(bytes))
}

/// An array of strings.
pub(crate) const fn texts() -> Field {
    field(Layout::Texts)
}

/// An array of structures.
pub(crate) const fn structs(fields: &'static [Field]) -> Field {
    field(Layout::Structs(fields))
}

/// A request that does not have its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    #[error("a field needs {needed} bytes but {present} are left")]
    Short { needed: usize, present: usize },
    #[error("a length of {0} is not possible")]
    Length(i64),
    #[error("more than {ELEMENTS_MAX} array elements")]
    Elements,
    #[error("a varint of more than five bytes")]
    Varint,
}

impl Shape {
    /// Walks the body of a request and returns how many bytes follow its last field. Those are no error, as
    /// with Kafka: librdkafka 2.16 sends three with a Metadata request for all topics.
    pub(crate) fn walk(&self, version: i16, body: &[u8]) -> Result<usize, ShapeError> {
        let flexible = version >= self.flexible_from;
        let mut walk = Walk {
            rest: body,
            version,
            flexible,
            elements_left: ELEMENTS_MAX,
        };
        walk.structure(self.fields)?;
        Ok(walk.rest.len())
    }
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements_left: usize,
}

impl<'a> Walk<'a> {
    fn structure(&mut self, fields: &[Field]) -> Result<(), ShapeError> {
        for field in fields {
            if (field.since..=field.until).contains(&self.version) {
                self.field(field.layout)?;
            }
        }
        if self.flexible {
            for _ in 0..self.varint()? {
                let _tag = self.varint()?;
                let bytes = self.varint()? as usize;
                self.take(bytes)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, layout: Layout) -> Result<(), ShapeError> {
        match layout {
            Layout::Fixed(bytes) => self.take(bytes).map(drop),
            Layout::Text => self.sized(2),
            Layout::Blob => self.sized(4),
            Layout::Fixeds(bytes) => self.each(|walk| walk.take(bytes).map(drop)),
            Layout::Texts => self.each(|walk| walk.sized(2)),
            Layout::Structs(fields) => self.each(|walk| walk.structure(fields)),
        }
    }

    fn each(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), ShapeError>,
    ) -> Result<(), ShapeError> {
        for _ in 0..self.length(4)?.unwrap_or(0) {
            self.elements_left = self.elements_left.checked_sub(1).ok_or(ShapeError::Elements)?;
            element(self)?;
        }
        Ok(())
    }

    fn sized(&mut self, length_bytes: usize) -> Result<(), ShapeError> {
        match self.length(length_bytes)? {
            Some(bytes) => self.take(bytes).map(drop),
            None => Ok(()),
        }
    }

    /// A length: a number of that many bytes with -1 for null, or a varint of one more with 0 for null.
    fn length(&mut self, length_bytes: usize) -> Result<Option<usize>, ShapeError> {
        if self.flexible {
            return Ok((self.varint()? as usize).checked_sub(1));
        }
        let bytes = self.take(length_bytes)?;
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        match bytes
            .iter()
            .fold(sign, |value: i64, byte| (value << 8) | i64::from(*byte))
        {
            -1 => Ok(None),
            length => usize::try_from(length)
                .map(Some)
                .map_err(|_| ShapeError::Length(length)),
        }
    }

    fn varint(&mut self) -> Result<u32, ShapeError> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| ShapeError::Varint);
            }
        }
        Err(ShapeError::Varint)
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], ShapeError> {
        let short = ShapeError::Short {
            needed: bytes,
            present: self.rest.len(),
        };
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(short)?;
        self.rest = rest;
        Ok(taken)
    }
}
