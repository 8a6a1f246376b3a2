//! `DELTA_BINARY_PACKED`: whole numbers as packed differences, in blocks of 128 of which each 32 have a width of their
//! own. Differences wrap around, so that every number has one.
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#delta-encoding-delta_binary_packed--5>

use super::bits::{pack, push_varint, width_of, zigzag};

const BLOCK: usize = 128;
const MINIBLOCKS: usize = 4;
const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// A type of whole numbers that Parquet packs.
pub(super) trait Whole: Copy + Ord + Default {
    /// The difference, wrapped around within the type.
    fn minus(self, other: Self) -> Self;
    /// The number, its sign kept.
    fn wide(self) -> i64;
    /// The bits of the number, zeros above them.
    fn bits(self) -> u64;
}

impl Whole for i32 {
    #[inline]
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline]
    fn wide(self) -> i64 {
        i64::from(self)
    }

    #[inline]
    fn bits(self) -> u64 {
        u64::from(self as u32)
    }
}

impl Whole for i64 {
    #[inline]
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline]
    fn wide(self) -> i64 {
        self
    }

    #[inline]
    fn bits(self) -> u64 {
        self as u64
    }
}

/// Appends the numbers of one page.
pub(super) fn push_numbers<T: Whole>(values: &[T], out: &mut Vec<u8>) {
    push_varint(out, BLOCK as u64);
    push_varint(out, MINIBLOCKS as u64);
    push_varint(out, values.len() as u64);
    push_varint(out, zigzag(values.first().map_or(0, |first| first.wide())));
    let mut deltas = [T::default(); BLOCK];
    // Each block shares its first value with the end of the one before it.
    for start in (0..values.len().saturating_sub(1)).step_by(BLOCK) {
        let window = &values[start..values.len().min(start + BLOCK + 1)];
        let deltas = &mut deltas[..window.len() - 1];
        for (delta, pair) in deltas.iter_mut().zip(window.windows(2)) {
            *delta = pair[1].minus(pair[0]);
        }
        push_block(deltas, out);
    }
}

fn push_block<T: Whole>(deltas: &mut [T], out: &mut Vec<u8>) {
    let min = deltas.iter().copied().min().unwrap_or_default();
    push_varint(out, zigzag(min.wide()));
    let mut widths = [0_u8; MINIBLOCKS];
    for (width, miniblock) in widths.iter_mut().zip(deltas.chunks_mut(MINIBLOCK)) {
        let mut all = 0;
        for delta in miniblock {
            *delta = delta.minus(min);
            all |= delta.bits();
        }
        *width = width_of(all) as u8;
    }
    out.extend_from_slice(&widths);
    for (width, miniblock) in widths.into_iter().zip(deltas.chunks(MINIBLOCK)) {
        let end = out.len() + MINIBLOCK * usize::from(width) / 8;
        pack(miniblock.iter().map(|delta| delta.bits()), u32::from(width), out);
        out.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        // "1, 2, 3, 4, 5": differences of 1, so that all widths are 0.
        let mut out = Vec::new();
        push_numbers(&[1_i32, 2, 3, 4, 5], &mut out);
        assert_eq!(out, [128, 1, 4, 5, 2, 2, 0, 0, 0, 0]);
        // "7, 5, 3, 1, 2, 3, 4, 5": the smallest difference is -2, the others lie 0 or 3 above it.
        let mut out = Vec::new();
        push_numbers(&[7_i32, 5, 3, 1, 2, 3, 4, 5], &mut out);
        assert_eq!(
            out,
            [
                128,
                1,
                4,
                8,
                14,
                3,
                2,
                0,
                0,
                0,
                0b1100_0000,
                0b11_1111,
                0,
                0,
                0,
                0,
                0,
                0
            ]
        );
    }
}
