//! Finding the bytes of a string that JSON does not take as they are, eight at a time, or 16 where strings are long.

const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The highest bit of each byte that is zero; above the first such byte it may be set in others too.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(repeated(0x01)) & !word & repeated(0x80)
}

/// How many of the eight bytes, the lowest first, come before the first quote, backslash or control character.
#[inline]
pub(super) const fn plain_in_word(word: u64) -> usize {
    let control = word.wrapping_sub(repeated(0x20)) & !word & repeated(0x80);
    let hits = zeros(word ^ repeated(b'"')) | zeros(word ^ repeated(b'\\')) | control;
    // The first byte is the lowest, so that the first hit is the lowest one and exact.
    hits.trailing_zeros() as usize / 8
}

/// Bytes that are looked at together in a long string.
pub(super) const BLOCK: usize = 16;

/// Whether the byte is a quote, backslash or control character.
#[inline]
const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether none of the bytes is special. Compilers turn the loop into vector instructions.
#[inline]
pub(super) fn is_plain(block: &[u8; BLOCK]) -> bool {
    !block.iter().fold(false, |any, byte| any | is_special(*byte))
}

/// Most strings have ended by here: names, keys, numbers in quotes.
const SHORT: usize = 16;

/// Where the first quote, backslash or control character is; the length where there is none.
#[inline]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk() {
        let plain = plain_in_word(u64::from_le_bytes(*word));
        at += plain;
        if plain < 8 {
            return at;
        }
        if at == SHORT {
            while let Some(block) = bytes[at..].first_chunk() {
                if !is_plain(block) {
                    break;
                }
                at += BLOCK;
            }
        }
    }
    let rest = &bytes[at..];
    at + rest
        .iter()
        .position(|byte| is_special(*byte))
        .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_judged_alike_in_every_place() {
        for byte in 0..=255_u8 {
            for len in [1, 7, 8, 9, 23, 48, 85, 120] {
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
