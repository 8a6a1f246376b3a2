//! Bytes as text.

const DIGITS: [[u8; 2]; 256] = digits();

const fn digits() -> [[u8; 2]; 256] {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [HEX[byte >> 4], HEX[byte & 15]];
        byte += 1;
    }
    table
}

/// Appends the digits of bytes, without quotes.
fn push_digits(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend_from_slice(&DIGITS[usize::from(*byte)]);
    }
}

/// Writes bytes as a JSON string of lower-case hexadecimal digits.
pub(crate) fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    push_digits(out, bytes);
    out.push(b'"');
}

/// Writes 16 bytes as a hyphenated UUID, other lengths as [`write_hex`].
pub(super) fn write_id(out: &mut Vec<u8>, bytes: &[u8]) {
    let Ok(id) = <&[u8; 16]>::try_from(bytes) else {
        return write_hex(out, bytes);
    };
    let mut text = [b'-'; 38];
    (text[0], text[37]) = (b'"', b'"');
    let mut at = 1;
    for (index, byte) in id.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at..at + 2].copy_from_slice(&DIGITS[usize::from(*byte)]);
        at += 2;
    }
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_are_a_uuid_and_other_lengths_are_not() {
        let written = |bytes: &[u8]| {
            let mut out = Vec::new();
            write_id(&mut out, bytes);
            String::from_utf8(out).unwrap_or_default()
        };
        let bytes: Vec<u8> = (0xf0..=0xff).collect();
        assert_eq!(written(&bytes), "\"f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff\"");
        assert_eq!(written(&bytes[1..]), "\"f1f2f3f4f5f6f7f8f9fafbfcfdfeff\"");
        assert_eq!(written(&[]), "\"\"");
    }
}
