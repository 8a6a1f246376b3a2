//! The filter of thread ids: may a segment hold rows of this thread?
//!
//! A split-block Bloom filter: a key picks one block of 256 bits and sets one bit in each of its eight words. It is
//! kept as the bytes of the manifest, so that opening a store of a thousand segments decodes none of them.

use prost::bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

/// Bits spent on each distinct thread id: about one false answer in a hundred.
const BITS_PER_THREAD: usize = 10;

/// Fewer bits than that per thread id let so many through that the filter is not worth its space.
const BITS_PER_THREAD_MIN: usize = 5;

/// The most that one segment's filter may take in a manifest, which every commit writes again.
pub(crate) const FILTER_BYTES_MAX: usize = 16 * 1024;

const BLOCK_BYTES: usize = 32;

/// One odd factor per word of a block, each of which picks another bit for the same key.
const FACTORS: [u32; 8] = [
    0x9e37_79b1,
    0x85eb_ca77,
    0xc2b2_ae3d,
    0x27d4_eb2f,
    0x1656_67b1,
    0x2c1b_3c6d,
    0x297a_2d39,
    0xdd6b_cd4b,
];

/// Tells which threads a segment certainly does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadFilter {
    blocks: Bytes,
    threads: u64,
}

impl ThreadFilter {
    /// Hash of a thread id, as the filter wants it.
    #[must_use]
    pub(crate) fn hash(thread_id: &[u8]) -> u64 {
        xxh3_64(thread_id)
    }

    /// The filter of distinct ids given by their hashes; none if it would let nearly everything through.
    pub(crate) fn build(hashes: impl ExactSizeIterator<Item = u64>) -> Option<Self> {
        let threads = hashes.len();
        let wanted = (threads * BITS_PER_THREAD).div_ceil(8 * BLOCK_BYTES) * BLOCK_BYTES;
        let bytes = wanted.min(FILTER_BYTES_MAX);
        if threads == 0 || bytes * 8 < threads * BITS_PER_THREAD_MIN {
            return None;
        }
        let mut blocks = vec![0_u8; bytes];
        for hash in hashes {
            let at = block_of(hash, bytes);
            for (word, bit) in bits(hash) {
                blocks[at + word * 4 + bit / 8] |= 1 << (bit % 8);
            }
        }
        Some(Self {
            blocks: blocks.into(),
            threads: threads as u64,
        })
    }

    /// The filter that [`ThreadFilter::bytes`] gave; none if that cannot be one.
    #[must_use]
    pub(crate) fn from_bytes(blocks: Bytes, threads: u64) -> Option<Self> {
        let fits = !blocks.is_empty()
            && blocks.len() <= FILTER_BYTES_MAX
            && blocks.len().is_multiple_of(BLOCK_BYTES);
        fits.then_some(Self { blocks, threads })
    }

    /// The filter as bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.blocks
    }

    /// How many distinct thread ids went in.
    #[must_use]
    pub fn threads(&self) -> u64 {
        self.threads
    }

    /// False only if the segment holds no row of the thread.
    #[must_use]
    pub fn may_contain(&self, thread_id: &str) -> bool {
        let hash = Self::hash(thread_id.as_bytes());
        let at = block_of(hash, self.blocks.len());
        bits(hash).all(|(word, bit)| self.blocks[at + word * 4 + bit / 8] & (1 << (bit % 8)) != 0)
    }
}

/// Where the block of a key begins: the upper half of its hash, scaled to the number of blocks.
fn block_of(hash: u64, bytes: usize) -> usize {
    let blocks = (bytes / BLOCK_BYTES) as u64;
    (((hash >> 32) * blocks) >> 32) as usize * BLOCK_BYTES
}

/// The bit that a key sets in each word of its block, from the lower half of its hash.
fn bits(hash: u64) -> impl Iterator<Item = (usize, usize)> {
    FACTORS
        .iter()
        .enumerate()
        .map(move |(word, factor)| (word, ((hash as u32).wrapping_mul(*factor) >> 27) as usize))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn filter(threads: usize) -> Option<ThreadFilter> {
        let hashes: Vec<u64> = (0..threads)
            .map(|n| ThreadFilter::hash(format!("thread-{n}").as_bytes()))
            .collect();
        ThreadFilter::build(hashes.into_iter())
    }

    #[test]
    fn a_thread_that_is_there_is_never_denied() {
        for threads in [1, 2, 100, 5_000, 20_000] {
            let filter = filter(threads).unwrap();
            assert!(
                (0..threads).all(|n| filter.may_contain(&format!("thread-{n}"))),
                "{threads} threads"
            );
        }
    }

    #[test]
    fn about_one_absent_thread_in_fifty_passes_at_most() {
        let filter = filter(5_000).unwrap();
        let passed = (0..10_000)
            .filter(|n| filter.may_contain(&format!("other-{n}")))
            .count();
        assert!(passed < 200, "{passed} of 10,000 passed");
    }

    #[test]
    fn a_filter_that_cannot_help_is_left_out() {
        assert_eq!(filter(0), None);
        assert_eq!(filter(FILTER_BYTES_MAX * 8 / BITS_PER_THREAD_MIN + 1), None);
        assert_eq!(filter(20_000).unwrap().bytes().len(), FILTER_BYTES_MAX);
    }

    #[test]
    fn the_bytes_give_the_same_filter_back() {
        let filter = filter(100).unwrap();
        let again = ThreadFilter::from_bytes(Bytes::copy_from_slice(filter.bytes()), 100);
        assert_eq!(again, Some(filter));
        assert_eq!(ThreadFilter::from_bytes(Bytes::from_static(&[0; 31]), 1), None);
        assert_eq!(ThreadFilter::from_bytes(Bytes::new(), 1), None);
    }
}
