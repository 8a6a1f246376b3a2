//! Finding the bytes of a string that JSON does not take as they are, eight at a time.

const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The highest bit of each byte that is zero; above the first such byte it may be set in others too.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(repeated(0x01)) & !word & repeated(0x80)
}

/// Where the first quote, backslash or control character is; the length where there is none.
#[inline]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes.get(at..at + 8) {
        let mut eight = [0; 8];
        eight.copy_from_slice(word);
        // The first byte is the lowest, so that the first hit is the lowest one and exact.
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(repeated(0x20)) & !word & repeated(0x80);
        let hits = zeros(word ^ repeated(b'"')) | zeros(word ^ repeated(b'\\')) | control;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    at + bytes[at..].iter().position(special).unwrap_or(bytes.len() - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_judged_alike_in_every_place() {
        for byte in 0..=255_u8 {
            for len in [1, 7, 8, 9, 23] {
                for place in 0..len {
                    let mut bytes = vec![b'~'; len];
                    bytes[place] = byte;
                    let special = byte < 0x20 || byte == b'"' || byte == b'\\';
                    let expected = if special { place } else { len };
                    assert_eq!(plain_len(&bytes), expected, "{byte:#x} at {place} of {len}");
                }
            }
        }
    }
}
