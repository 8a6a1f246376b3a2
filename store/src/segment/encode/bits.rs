//! Packing of whole numbers into as many bits as they need, lowest bits first, as Parquet's encodings lay them out.

/// Bits that the numbers up to `max` need.
#[inline]
pub(super) fn width_of(max: u64) -> u32 {
    64 - max.leading_zeros()
}

/// Appends the lowest `width` bits of each value. A last byte that is not full is filled with zeros.
#[inline]
pub(super) fn pack(values: impl IntoIterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let mut word = 0_u64;
    let mut filled = 0;
    for value in values {
        word |= value << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= 64;
            // What did not fit; nothing when the value ended with the word.
            word = if filled == 0 { 0 } else { value >> (width - filled) };
        }
    }
    let bytes = filled.div_ceil(8) as usize;
    out.extend_from_slice(&word.to_le_bytes()[..bytes]);
}

/// Appends a number in groups of seven bits, lowest first (ULEB128).
#[inline]
pub(super) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Maps small numbers of either sign to small numbers without one.
#[inline]
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_width_come_back() {
        for width in 1..=64_u32 {
            let mask = u64::MAX >> (64 - width);
            let values: Vec<u64> = (0..96_u64)
                .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask)
                .collect();
            let mut packed = Vec::new();
            pack(values.iter().copied(), width, &mut packed);
            assert_eq!(packed.len(), 96 * width as usize / 8);
            for (index, value) in values.iter().enumerate() {
                let mut found = 0;
                for bit in 0..width as usize {
                    let at = index * width as usize + bit;
                    found |= u64::from(packed[at / 8] >> (at % 8) & 1) << bit;
                }
                assert_eq!(found, *value, "value {index} of width {width}");
            }
        }
    }

    #[test]
    fn the_last_byte_is_filled_with_zeros() {
        let mut packed = Vec::new();
        pack([1, 1, 1], 3, &mut packed);
        assert_eq!(packed, [0b0100_1001, 0]);
    }

    #[test]
    fn small_numbers_of_either_sign_stay_small() {
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
        assert_eq!(zigzag(i64::MIN), u64::MAX);
        let mut out = Vec::new();
        push_varint(&mut out, 300);
        assert_eq!(out, [0xac, 0x02]);
    }
}
