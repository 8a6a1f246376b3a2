//! Parquet's hybrid of run lengths and bit packing (`RLE`): definition levels, repetition levels, dictionary indices.
//!
//! A run is a header and what it announces: an even header `2 n` is followed by one value that comes `n` times, an odd
//! one `2 n + 1` by `n` groups of eight packed values.
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#run-length-encoding--bit-packing-hybrid-rle--3>

use arrow_buffer::NullBuffer;

use super::bits::{pack, push_varint};

/// Equal values from which a run of its own is shorter than packing them, whatever their width.
const RUN_MIN: usize = 16;

/// Appends values that need `width` bits.
pub(super) fn push_values(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while at < values.len() {
        let value = values[at];
        let run = values[at..].iter().take_while(|other| **other == value).count();
        // Packed values come in groups of eight: the last group is filled from the run.
        let filling = (packed_from as isize - at as isize).rem_euclid(8) as usize;
        if run < RUN_MIN + filling {
            at += run;
            continue;
        }
        push_packed(&values[packed_from..at + filling], width, out);
        push_run(value, run - filling, width, out);
        at += run;
        packed_from = at;
    }
    push_packed(&values[packed_from..], width, out);
}

fn push_packed(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    push_varint(out, (groups as u64) << 1 | 1);
    let end = out.len() + groups * width as usize;
    pack(values.iter().map(|value| u64::from(*value)), width, out);
    // The last group is whole, whatever its values.
    out.resize(end, 0);
}

fn push_run(value: u32, count: usize, width: u32, out: &mut Vec<u8>) {
    push_varint(out, (count as u64) << 1);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends the definition levels of a page whose values are at most null: 1 for a value, 0 for null.
pub(super) fn push_validity(nulls: Option<&NullBuffer>, rows: usize, out: &mut Vec<u8>) {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else {
        push_run(1, rows, 1, out);
        return;
    };
    if nulls.null_count() == rows {
        push_run(0, rows, 1, out);
        return;
    }
    // Whole words of one kind become runs; the others are packed as they stand, which is how Parquet wants them.
    let mut open = Open::Nothing;
    let mut left = rows;
    for word in nulls.inner().bit_chunks().iter_padded() {
        if left == 0 {
            break;
        }
        let bits = left.min(64);
        left -= bits;
        let all = u64::MAX >> (64 - bits);
        let next = match word {
            0 => Open::Run(0, bits),
            word if word == all => Open::Run(1, bits),
            word => Open::Packed(vec![word], bits),
        };
        open = match (open, next) {
            (Open::Run(level, count), Open::Run(same, more)) if level == same => {
                Open::Run(level, count + more)
            }
            (Open::Packed(mut words, count), Open::Packed(more, bits)) => {
                words.extend(more);
                Open::Packed(words, count + bits)
            }
            (open, next) => {
                open.close(out);
                next
            }
        };
    }
    open.close(out);
}

/// A run of definition levels that may still grow.
enum Open {
    Nothing,
    Run(u32, usize),
    Packed(Vec<u64>, usize),
}

impl Open {
    fn close(self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => {}
            Self::Run(level, count) => push_run(level, count, 1, out),
            Self::Packed(words, count) => {
                let groups = count.div_ceil(8);
                push_varint(out, (groups as u64) << 1 | 1);
                let end = out.len() + groups;
                out.extend(words.into_iter().flat_map(u64::to_le_bytes));
                out.truncate(end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads what the functions above wrote, by the words of the specification.
    fn read(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes[0];
                bytes = &bytes[1..];
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let len = width.div_ceil(8) as usize;
                let mut word = [0; 4];
                word[..len].copy_from_slice(&bytes[..len]);
                bytes = &bytes[len..];
                values.extend(std::iter::repeat_n(
                    u32::from_le_bytes(word),
                    (header >> 1) as usize,
                ));
            } else {
                for index in 0..(header >> 1) as usize * 8 {
                    let mut value = 0;
                    for bit in 0..width as usize {
                        let at = index * width as usize + bit;
                        value |= u32::from(bytes[at / 8] >> (at % 8) & 1) << bit;
                    }
                    values.push(value);
                }
                bytes = &bytes[(header >> 1) as usize * width as usize..];
            }
        }
        assert!(bytes.is_empty(), "{} bytes are left", bytes.len());
        values.truncate(count);
        values
    }

    fn round_trip(values: &[u32], width: u32) {
        let mut out = Vec::new();
        push_values(values, width, &mut out);
        assert_eq!(read(&out, width, values.len()), values);
    }

    #[test]
    fn runs_and_packed_values_alternate() {
        round_trip(&[], 3);
        round_trip(&[5; 1000], 3);
        round_trip(&[1, 2, 3], 2);
        let mut values: Vec<u32> = (0..13).collect();
        values.extend([9; 40]);
        values.extend(0..7);
        values.extend([3; 17]);
        values.extend([4; 18]);
        round_trip(&values, 4);
        round_trip(&[0; 20], 0);
    }

    #[test]
    fn every_place_and_length_of_a_run_comes_back() {
        for before in 0..20 {
            for run in 0..40 {
                for after in [0, 1, 9] {
                    let values: Vec<u32> = (0..before)
                        .map(|n| n % 7)
                        .chain(std::iter::repeat_n(7, run))
                        .chain((0..after).map(|n| n % 5))
                        .collect();
                    round_trip(&values, 3);
                }
            }
        }
    }

    #[test]
    fn validity_comes_back() {
        for rows in [1_usize, 7, 63, 64, 65, 128, 200, 1000] {
            for every in [1_usize, 2, 3, 70, 150, 5000] {
                let valid: Vec<bool> = (0..rows).map(|row| row % every != 0).collect();
                let nulls = NullBuffer::from(valid.clone());
                let mut out = Vec::new();
                push_validity(Some(&nulls), rows, &mut out);
                let expected: Vec<u32> = valid.iter().map(|valid| u32::from(*valid)).collect();
                assert_eq!(read(&out, 1, rows), expected, "{rows} rows, null every {every}");
                // As in a page that begins in the middle of a byte.
                let from = rows / 3;
                let mut out = Vec::new();
                push_validity(Some(&nulls.slice(from, rows - from)), rows - from, &mut out);
                assert_eq!(read(&out, 1, rows - from), expected[from..]);
            }
        }
    }
}
