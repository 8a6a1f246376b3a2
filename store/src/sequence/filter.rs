//! A filter of the names of cold threads, so that a new thread costs no read of the index.

/// Bits per name. With six bits set per name about one new thread in a hundred is looked up in vain.
const BITS_PER_KEY: usize = 12;
const BITS_SET: u32 = 6;
/// Names the first layer is made for; each further layer takes twice as many.
const FIRST_LAYER_KEYS: usize = 1 << 14;
/// One cache line.
const BLOCK_WORDS: usize = 8;

/// A Bloom filter in layers, each of blocks of one cache line. It grows without being rebuilt, and never says no to a
/// name that was added.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ColdFilter {
    layers: Vec<Layer>,
}

#[derive(Debug, PartialEq, Eq)]
struct Layer {
    words: Vec<u64>,
    keys: usize,
    keys_max: usize,
}

impl ColdFilter {
    /// Adds a name by its hash.
    pub(super) fn insert(&mut self, hash: u64) {
        if self.contains(hash) {
            return;
        }
        let keys_max = match self.layers.last() {
            Some(layer) if layer.keys < layer.keys_max => None,
            Some(layer) => Some(layer.keys_max * 2),
            None => Some(FIRST_LAYER_KEYS),
        };
        if let Some(keys_max) = keys_max {
            let blocks = (keys_max * BITS_PER_KEY).div_ceil(BLOCK_WORDS * 64);
            self.layers.push(Layer {
                words: vec![0; blocks * BLOCK_WORDS],
                keys: 0,
                keys_max,
            });
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.insert(hash);
        }
    }

    /// Whether a name may have been added.
    pub(super) fn contains(&self, hash: u64) -> bool {
        self.layers.iter().any(|layer| layer.contains(hash))
    }

    /// The filter as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for layer in &self.layers {
            for number in [layer.keys as u64, layer.keys_max as u64, layer.words.len() as u64] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend(layer.words.iter().flat_map(|word| word.to_le_bytes()));
        }
        bytes
    }

    /// Reads what [`Self::encode`] wrote; none when it is anything else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        let mut layers = Vec::new();
        while let Some(keys) = words.next() {
            let keys_max = usize::try_from(words.next()?).ok()?;
            let len = usize::try_from(words.next()?).ok()?;
            if len == 0 || len % BLOCK_WORDS != 0 || len > words.len() {
                return None;
            }
            layers.push(Layer {
                words: words.by_ref().take(len).collect(),
                keys: usize::try_from(keys).ok()?,
                keys_max,
            });
        }
        Some(Self { layers })
    }
}

impl Layer {
    fn insert(&mut self, hash: u64) {
        for (word, bit) in self.bits(hash) {
            self.words[word] |= bit;
        }
        self.keys += 1;
    }

    fn contains(&self, hash: u64) -> bool {
        self.bits(hash).all(|(word, bit)| self.words[word] & bit != 0)
    }

    /// Word and bit of each of the places of a name, all within one block.
    fn bits(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let blocks = (self.words.len() / BLOCK_WORDS) as u64;
        let block = (((hash >> 32) * blocks) >> 32) as usize;
        // The block took the upper half, so the places come from a mixture of both halves.
        let mixed = (hash ^ hash >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..BITS_SET).map(move |step| {
            let place = (mixed >> (9 * step)) as usize % (BLOCK_WORDS * 64);
            (block * BLOCK_WORDS + place / 64, 1 << (place % 64))
        })
    }
}
