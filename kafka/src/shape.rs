//! The shape of the responses we ask for, walked before they are decoded.
//!
//! The decoder of kafka-protocol reserves what an array's length field says before it looks for the elements, so one
//! damaged length could ask for more memory than there is, which ends a process. Here each length is held against the
//! bytes at hand first. Only a response whose whole shape fits is decoded.

use crate::cursor::{Cursor, Malformed};

/// Elements that the arrays of one response may have together.
const ELEMENTS_MAX: usize = 1 << 20;

/// One field of a response.
struct Field {
    /// First version that has the field.
    since: i16,
    /// Last version that has the field.
    until: i16,
    kind: Kind,
}

/// How a field is laid out.
enum Kind {
    /// So many bytes.
    Fixed(usize),
    /// Text, perhaps null.
    Text,
    /// Bytes, perhaps null.
    Bytes,
    /// An array, perhaps null, of 32-bit numbers.
    Numbers,
    /// An array, perhaps null.
    Array(&'static Struct),
}

/// A sequence of fields, with tagged fields behind them in flexible versions.
struct Struct {
    fields: &'static [Field],
    tagged: &'static [(u32, Struct)],
}

/// The response to one request.
struct Shape {
    key: i16,
    /// Versions described here.
    versions: (i16, i16),
    /// First version with compact lengths and tagged fields.
    flexible_from: i16,
    body: Struct,
}

use Kind::{Array, Bytes, Fixed, Numbers, Text};

const fn always(kind: Kind) -> Field {
    Field {
        since: 0,
        until: i16::MAX,
        kind,
    }
}

const fn since(since: i16, kind: Kind) -> Field {
    Field {
        since,
        until: i16::MAX,
        kind,
    }
}

const fn between(since: i16, until: i16, kind: Kind) -> Field {
    Field { since, until, kind }
}

const fn of(fields: &'static [Field]) -> Struct {
    Struct { fields, tagged: &[] }
}

const I8: Kind = Fixed(1);
const I16: Kind = Fixed(2);
const I32: Kind = Fixed(4);
const I64: Kind = Fixed(8);
const UUID: Kind = Fixed(16);

const PRODUCE: Shape = Shape {
    key: 0,
    versions: (3, 9),
    flexible_from: 9,
    body: of(&[
        always(Array(&of(&[always(Text), always(Array(&PRODUCE_PARTITION))]))),
        always(I32),
    ]),
};
const PRODUCE_PARTITION: Struct = of(&[
    always(I32),
    always(I16),
    always(I64),
    always(I64),
    since(5, I64),
    since(8, Array(&of(&[always(I32), always(Text)]))),
    since(8, Text),
]);

const FETCH: Shape = Shape {
    key: 1,
    versions: (4, 13),
    flexible_from: 12,
    body: of(&[
        always(I32),
        since(7, I16),
        since(7, I32),
        always(Array(&of(&[
            between(4, 12, Text),
            since(13, UUID),
            always(Array(&FETCH_PARTITION)),
        ]))),
    ]),
};
const FETCH_PARTITION: Struct = Struct {
    fields: &[
        always(I32),
        always(I16),
        always(I64),
        always(I64),
        since(5, I64),
        always(Array(&of(&[always(I64), always(I64)]))),
        since(11, I32),
        always(Bytes),
    ],
    tagged: &[
        (0, of(&[always(I32), always(I64)])),
        (1, of(&[always(I32), always(I32)])),
        (2, of(&[always(I64), always(I32)])),
    ],
};

const LIST_OFFSETS: Shape = Shape {
    key: 2,
    versions: (1, 9),
    flexible_from: 6,
    body: of(&[
        since(2, I32),
        always(Array(&of(&[
            always(Text),
            always(Array(&of(&[
                always(I32),
                always(I16),
                always(I64),
                always(I64),
                since(4, I32),
            ]))),
        ]))),
    ]),
};

const METADATA: Shape = Shape {
    key: 3,
    versions: (1, 12),
    flexible_from: 9,
    body: of(&[
        since(3, I32),
        always(Array(&of(&[
            always(I32),
            always(Text),
            always(I32),
            always(Text),
        ]))),
        since(2, Text),
        always(I32),
        always(Array(&of(&[
            always(I16),
            always(Text),
            since(10, UUID),
            always(I8),
            always(Array(&of(&[
                always(I16),
                always(I32),
                always(I32),
                since(7, I32),
                always(Numbers),
                always(Numbers),
                since(5, Numbers),
            ]))),
            since(8, I32),
        ]))),
        between(8, 10, I32),
    ]),
};

const SASL_HANDSHAKE: Shape = Shape {
    key: 17,
    versions: (0, 1),
    flexible_from: i16::MAX,
    body: of(&[always(I16), always(Array(&of(&[always(Text)])))]),
};

const API_VERSIONS: Shape = Shape {
    key: 18,
    versions: (0, 2),
    flexible_from: 3,
    body: of(&[
        always(I16),
        always(Array(&of(&[always(I16), always(I16), always(I16)]))),
        since(1, I32),
    ]),
};

const CREATE_TOPICS: Shape = Shape {
    key: 19,
    versions: (2, 7),
    flexible_from: 5,
    body: of(&[
        always(I32),
        always(Array(&Struct {
            fields: &[
                always(Text),
                since(7, UUID),
                always(I16),
                always(Text),
                since(5, I32),
                since(5, I16),
                since(
                    5,
                    Array(&of(&[
                        always(Text),
                        always(Text),
                        always(I8),
                        always(I8),
                        always(I8),
                    ])),
                ),
            ],
            tagged: &[(0, TAGGED_ERROR)],
        })),
    ]),
};
/// A tagged number, not a structure: it has no tagged fields of its own.
const TAGGED_ERROR: Struct = of(&[]);

const DELETE_TOPICS: Shape = Shape {
    key: 20,
    versions: (1, 6),
    flexible_from: 4,
    body: of(&[
        always(I32),
        always(Array(&of(&[
            always(Text),
            since(6, UUID),
            always(I16),
            since(5, Text),
        ]))),
    ]),
};

const INIT_PRODUCER_ID: Shape = Shape {
    key: 22,
    versions: (0, 4),
    flexible_from: 2,
    body: of(&[always(I32), always(I16), always(I64), always(I16)]),
};

const OFFSET_FOR_LEADER_EPOCH: Shape = Shape {
    key: 23,
    versions: (2, 4),
    flexible_from: 4,
    body: of(&[
        always(I32),
        always(Array(&of(&[
            always(Text),
            always(Array(&of(&[always(I16), always(I32), always(I32), always(I64)]))),
        ]))),
    ]),
};

const DESCRIBE_CONFIGS: Shape = Shape {
    key: 32,
    versions: (1, 4),
    flexible_from: 4,
    body: of(&[
        always(I32),
        always(Array(&of(&[
            always(I16),
            always(Text),
            always(I8),
            always(Text),
            always(Array(&of(&[
                always(Text),
                always(Text),
                always(I8),
                always(I8),
                always(I8),
                always(Array(&of(&[always(Text), always(Text), always(I8)]))),
                since(3, I8),
                since(3, Text),
            ]))),
        ]))),
    ]),
};

const SASL_AUTHENTICATE: Shape = Shape {
    key: 36,
    versions: (0, 2),
    flexible_from: 2,
    body: of(&[always(I16), always(Text), always(Bytes), since(1, I64)]),
};

const SHAPES: &[&Shape] = &[
    &PRODUCE,
    &FETCH,
    &LIST_OFFSETS,
    &METADATA,
    &SASL_HANDSHAKE,
    &API_VERSIONS,
    &CREATE_TOPICS,
    &DELETE_TOPICS,
    &INIT_PRODUCER_ID,
    &OFFSET_FOR_LEADER_EPOCH,
    &DESCRIBE_CONFIGS,
    &SASL_AUTHENTICATE,
];

/// The versions of a request's response that can be checked; `None` for a request without a shape.
pub(super) fn versions(key: i16) -> Option<(i16, i16)> {
    SHAPES
        .iter()
        .find(|shape| shape.key == key)
        .map(|shape| shape.versions)
}

/// Checks that the body of a response has the shape of its version, from the first byte to the last.
pub(super) fn check(key: i16, version: i16, body: &[u8]) -> Result<(), Malformed> {
    let shape = SHAPES
        .iter()
        .find(|shape| shape.key == key && (shape.versions.0..=shape.versions.1).contains(&version))
        .ok_or(Malformed(
            "a response of a kind or version that this program does not read",
        ))?;
    let mut walk = Walk {
        cursor: Cursor::new(body),
        version,
        flexible: version >= shape.flexible_from,
        elements_left: ELEMENTS_MAX,
    };
    walk.structure(&shape.body)?;
    if walk.cursor.is_empty() {
        Ok(())
    } else {
        Err(Malformed("bytes left behind the last field"))
    }
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    version: i16,
    flexible: bool,
    elements_left: usize,
}

impl Walk<'_> {
    fn structure(&mut self, structure: &Struct) -> Result<(), Malformed> {
        for field in structure.fields {
            if (field.since..=field.until).contains(&self.version) {
                self.field(&field.kind)?;
            }
        }
        if self.flexible {
            self.tagged(structure.tagged)
        } else {
            Ok(())
        }
    }

    fn field(&mut self, kind: &Kind) -> Result<(), Malformed> {
        match kind {
            Fixed(bytes) => self.cursor.take(*bytes).map(drop),
            Text => {
                let length = if self.flexible {
                    self.compact()?
                } else {
                    short(self.cursor.i16()?.into())?
                };
                self.cursor.take(length.unwrap_or(0)).map(drop)
            }
            Bytes => {
                let length = self.length()?;
                self.cursor.take(length.unwrap_or(0)).map(drop)
            }
            Numbers => {
                let count = self.count()?;
                self.cursor.take(count.saturating_mul(4)).map(drop)
            }
            Array(element) => {
                for _ in 0..self.count()? {
                    self.structure(element)?;
                }
                Ok(())
            }
        }
    }

    fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.length()?.unwrap_or(0);
        self.elements_left = self
            .elements_left
            .checked_sub(count)
            .ok_or(Malformed("too many array elements"))?;
        Ok(count)
    }

    fn length(&mut self) -> Result<Option<usize>, Malformed> {
        if self.flexible {
            self.compact()
        } else {
            short(self.cursor.i32()?)
        }
    }

    fn compact(&mut self) -> Result<Option<usize>, Malformed> {
        Ok((self.cursor.unsigned_varint()? as usize).checked_sub(1))
    }

    fn tagged(&mut self, known: &[(u32, Struct)]) -> Result<(), Malformed> {
        for _ in 0..self.cursor.unsigned_varint()? {
            let tag = self.cursor.unsigned_varint()?;
            let size = self.cursor.unsigned_varint()? as usize;
            let content = self.cursor.take(size)?;
            // The decoder reads a field it knows by its own idea of the size, so that idea has to be right.
            if let Some((_, structure)) = known.iter().find(|(number, _)| *number == tag) {
                if structure.fields.is_empty() {
                    if size != 2 {
                        return Err(Malformed("a tagged field of the wrong size"));
                    }
                    continue;
                }
                let mut inner = Walk {
                    cursor: Cursor::new(content),
                    ..*self
                };
                inner.structure(structure)?;
                if !inner.cursor.is_empty() {
                    return Err(Malformed("a tagged field of the wrong size"));
                }
            }
        }
        Ok(())
    }
}

fn short(length: i32) -> Result<Option<usize>, Malformed> {
    match length {
        -1 => Ok(None),
        _ => usize::try_from(length)
            .map(Some)
            .map_err(|_| Malformed("negative length")),
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
