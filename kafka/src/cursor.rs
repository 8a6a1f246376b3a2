//! Reading big-endian numbers and zigzag varints from a slice, never beyond its end.

/// What is wrong with the bytes at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// A slice that is read from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self
            .bytes
            .split_at_checked(count)
            .ok_or(Malformed("length beyond the bytes at hand"))?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or(Malformed("bytes end inside a number"))?;
        self.bytes = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// An unsigned varint of at most 64 bits, seven bits a byte, lowest first.
    #[inline]
    fn unsigned(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (index, byte) in self.bytes.iter().enumerate() {
            if index == 9 && *byte > 1 {
                return Err(Malformed("varint of more than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.bytes = &self.bytes[index + 1..];
                return Ok(value);
            }
            if index == 9 {
                return Err(Malformed("varint of more than 10 bytes"));
            }
        }
        Err(Malformed("bytes end inside a varint"))
    }

    /// An unsigned varint that must fit 32 bits, as flexible protocol versions use for lengths and tags. It has at most
    /// five bytes, needed or not: the decoder behind this check reads no further, and what follows would mean
    /// something else to it.
    pub(crate) fn unsigned_varint(&mut self) -> Result<u32, Malformed> {
        let before = self.bytes.len();
        let value = self.unsigned()?;
        if before - self.bytes.len() > 5 {
            return Err(Malformed("varint of more than 5 bytes"));
        }
        u32::try_from(value).map_err(|_| Malformed("varint of more than 32 bits"))
    }

    /// A zigzag varint of at most 64 bits.
    #[inline]
    pub(crate) fn varlong(&mut self) -> Result<i64, Malformed> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A zigzag varint that must fit 32 bits.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<i32, Malformed> {
        i32::try_from(self.varlong()?).map_err(|_| Malformed("varint of more than 32 bits"))
    }

    /// Bytes after a zigzag varint of their length; `None` for length -1.
    #[inline]
    pub(crate) fn varint_bytes(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.varint()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed("negative length"))?;
                self.take(length).map(Some)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn zigzag_varints_read_as_kafka_writes_them() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x01], -1),
            (&[0x02], 1),
            (&[0xd8, 0x04], 300),
            (&[0xfe, 0xff, 0xff, 0xff, 0x0f], i32::MAX),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], i32::MIN),
        ] {
            assert_eq!(Cursor::new(bytes).varint().unwrap(), value);
        }
        assert_eq!(
            Cursor::new(&[0xff; 9].iter().copied().chain([1]).collect::<Vec<_>>())
                .varlong()
                .unwrap(),
            i64::MIN
        );
    }

    #[test]
    fn overlong_and_cut_varints_are_refused() {
        assert!(Cursor::new(&[0xff; 11]).varlong().is_err());
        assert!(Cursor::new(&[0x80, 0x80]).varlong().is_err());
        assert!(
            Cursor::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02])
                .varlong()
                .is_err()
        );
        assert!(Cursor::new(&[0x80, 0x80, 0x80, 0x80, 0x20]).varint().is_err());
    }

    #[test]
    fn a_length_of_more_than_five_bytes_is_refused_even_if_it_is_small() {
        let read = |bytes: &[u8]| Cursor::new(bytes).unsigned_varint();
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80, 0x00]).unwrap(), 0);
        assert!(read(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]).is_err());
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap(), u32::MAX);
        assert!(read(&[0xff, 0xff, 0xff, 0xff, 0x1f]).is_err());
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert!(Cursor::new(&[0x08, 1, 2]).varint_bytes().is_err());
        assert!(Cursor::new(&[0x03]).varint_bytes().is_err(), "length -2");
        assert_eq!(Cursor::new(&[0x01]).varint_bytes().unwrap(), None);
    }
}
