//! The words that agents, users and tools write with.

use std::sync::LazyLock;

use crate::dice::Dice;

/// Number of words, real and made up.
const WORDS: usize = 4_000;
/// Size of the table that maps 16 random bits to a word.
const TABLE: usize = 1 << 16;
/// The first words hold sentences together and say nothing by themselves.
const STRUCTURE: usize = 130;
/// Common English words, the most frequent first.
const COMMON: &str = include_str!("words.txt");
/// Words that are not ASCII: about one word in 250 is one of these.
const FOREIGN: [&str; 24] = [
    "café",
    "naïve",
    "Zürich",
    "São Paulo",
    "Überprüfung",
    "Größe",
    "résumé",
    "señor",
    "façade",
    "Malmö",
    "Kraków",
    "москва",
    "отчёт",
    "данные",
    "東京",
    "検証済み",
    "会話",
    "請求書",
    "数据",
    "报告",
    "서울",
    "데이터",
    "→",
    "✅",
];

/// All words, and how often each is used (a word's frequency falls with its rank, as Zipf's law says).
#[derive(Debug)]
pub(crate) struct Words {
    words: Vec<String>,
    /// How many of them are real.
    common: usize,
    by_chance: Vec<u16>,
}

/// The words, made once: they are the same for every seed.
pub(crate) static VOCABULARY: LazyLock<Words> = LazyLock::new(Words::new);

impl Words {
    fn new() -> Self {
        let mut words: Vec<String> = COMMON.split_whitespace().map(str::to_owned).collect();
        let common = words.len();
        let mut dice = Dice::new(0x776f_7264, 0);
        while words.len() < WORDS {
            words.push(coin(&mut dice));
        }
        // The exponent and the offset (Mandelbrot's) are those of English prose, roughly.
        let weights: Vec<f64> = (0..words.len()).map(|rank| 1.0 / (rank as f64 + 2.7)).collect();
        let total: f64 = weights.iter().sum();
        let mut by_chance = Vec::with_capacity(TABLE);
        let mut sum = 0.0;
        for (rank, weight) in weights.iter().enumerate() {
            sum += weight / total;
            while by_chance.len() < TABLE && (by_chance.len() as f64) < sum * TABLE as f64 {
                by_chance.push(rank as u16);
            }
        }
        by_chance.resize(TABLE, 0);
        Self {
            words,
            common,
            by_chance,
        }
    }

    /// The rank of a random word, common words more often.
    pub(crate) fn any(&self, dice: &mut Dice) -> u16 {
        self.by_chance[dice.bits() as usize % TABLE]
    }

    /// The rank of a random word of content: none of the words that stand in every text.
    pub(crate) fn content(&self, dice: &mut Dice) -> u16 {
        let last = if dice.chance(0.75) {
            self.common
        } else {
            self.words.len()
        };
        dice.between(STRUCTURE, last - 1) as u16
    }

    /// A word that often follows `word`: there are few, so that phrases recur as they do in prose.
    pub(crate) fn following(&self, word: u16, dice: &mut Dice) -> u16 {
        let bits = dice.bits();
        // Of eight followers, the first is the most frequent.
        let choice = (bits & 7).min(bits >> 3 & 7);
        let place = (u64::from(word) * 8 + choice).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        self.by_chance[place as usize]
    }

    /// The text of a word.
    pub(crate) fn text(&self, word: u16) -> &str {
        &self.words[usize::from(word)]
    }

    /// A word that is not ASCII.
    pub(crate) fn foreign(dice: &mut Dice) -> &'static str {
        dice.pick(&FOREIGN)
    }
}

/// Makes up a word from syllables: names, products, jargon.
fn coin(dice: &mut Dice) -> String {
    const HEADS: [&str; 28] = [
        "b", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pr",
        "qu", "r", "s", "st", "t", "tr", "v", "w", "z",
    ];
    const CORES: [&str; 14] = [
        "a", "e", "i", "o", "u", "ai", "ea", "ee", "ia", "io", "oa", "ou", "y", "ua",
    ];
    const TAILS: [&str; 16] = [
        "", "", "", "n", "r", "l", "s", "t", "m", "ck", "nd", "st", "rm", "ng", "x", "ve",
    ];
    let mut word = String::new();
    for _ in 0..dice.weighted(&[(1, 4), (2, 8), (3, 1)]) {
        word.push_str(dice.pick(&HEADS));
        word.push_str(dice.pick(&CORES));
        word.push_str(dice.pick(&TAILS));
    }
    word.push_str(dice.pick(&[
        "", "", "", "", "ing", "ed", "s", "er", "tion", "ly", "al", "able", "ity",
    ]));
    word
}
