//! Which partition a key chooses.

/// How keys choose partitions. All producers of a topic must agree, or the records of one key lie in two partitions and
/// have no order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partitioner {
    /// CRC-32 (zlib's) of the key modulo the number of partitions, as `consistent_random`, the default of librdkafka.
    #[default]
    Crc32,
    /// murmur2 of the key, made positive, modulo the number of partitions: the default of the Java client.
    Murmur2,
}

impl Partitioner {
    /// The partition of a key, from 0. Of no partitions it is 0.
    #[must_use]
    pub fn partition(self, key: &[u8], partitions: usize) -> usize {
        let hash = match self {
            Self::Crc32 => {
                let mut crc = flate2::Crc::new();
                crc.update(key);
                crc.sum()
            }
            Self::Murmur2 => murmur2(key) & 0x7fff_ffff,
        };
        hash as usize % partitions.max(1)
    }
}

/// murmur2 with the seed of the Java client.
fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    // The hash takes lengths modulo 2^32.
    let mut hash = SEED ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (index, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};

    use super::*;

    #[test]
    fn known_keys_choose_known_partitions() {
        for (key, of_3, of_10, of_12) in [
            ("session-123", 0, 1, 3),
            ("thread-1", 0, 1, 9),
            ("default", 1, 9, 7),
        ] {
            let chosen = [3, 10, 12].map(|n| Partitioner::Crc32.partition(key.as_bytes(), n));
            assert_eq!(chosen, [of_3, of_10, of_12], "{key}");
        }
        let chosen = [3, 10, 12].map(|n| Partitioner::Murmur2.partition(b"session-123", n));
        assert_eq!(chosen, [0, 7, 9]);
        assert_eq!(Partitioner::Crc32.partition(b"x", 0), 0);
    }

    #[test]
    fn murmur2_is_that_of_the_java_client() {
        // The values of the tests of Kafka's Utils.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107_i32),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn ten_thousand_random_keys_choose_by_zlib_s_crc_32() {
        let random = RandomState::new();
        for index in 0..10_000_u32 {
            let mut hasher = random.build_hasher();
            hasher.write_u32(index);
            let key = format!("{:x}", hasher.finish()).repeat(index as usize % 5);
            let expected = bitwise_crc32(key.as_bytes());
            for partitions in [1, 3, 10, 12, 97] {
                assert_eq!(
                    Partitioner::Crc32.partition(key.as_bytes(), partitions),
                    expected as usize % partitions
                );
            }
        }
    }

    /// The definition, bit by bit: zlib's polynomial, reflected.
    fn bitwise_crc32(bytes: &[u8]) -> u32 {
        assert_eq!(crc_of(b"123456789"), 0xcbf4_3926);
        crc_of(bytes)
    }

    fn crc_of(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            }
        }
        !crc
    }
}
