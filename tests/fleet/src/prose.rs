//! Text as a model, a user or a tool would write it.

use std::fmt::Write as _;

use crate::dice::Dice;
use crate::words::{VOCABULARY, Words};

/// Words that a text of one session keeps coming back to.
const TOPIC_WORDS: usize = 40;

/// A writer who continues where the last text stopped.
#[derive(Debug)]
pub(crate) struct Prose {
    topic: Vec<u16>,
    last: u16,
    /// Words to the end of the sentence; 0 = the next word begins one.
    left: usize,
    /// Sentences to the end of the paragraph.
    sentences: usize,
}

impl Prose {
    /// A writer with a topic of its own.
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let topic = (0..TOPIC_WORDS).map(|_| VOCABULARY.content(dice)).collect();
        Self {
            topic,
            last: 0,
            left: 0,
            sentences: 4,
        }
    }

    /// About `bytes` bytes of text on one line, at least one word.
    pub(crate) fn text(&mut self, bytes: usize, dice: &mut Dice) -> String {
        let mut text = String::with_capacity(bytes + 16);
        self.left = 0;
        while text.is_empty() || text.len() + 4 < bytes {
            self.word(&mut text, dice);
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// A piece of a streamed answer of about `bytes` bytes: it continues the last one, with blanks where they fall,
    /// paragraphs, lists and code marks.
    pub(crate) fn piece(&mut self, bytes: usize, dice: &mut Dice) -> String {
        let mut text = String::with_capacity(bytes + 16);
        while text.is_empty() || text.len() + 3 < bytes {
            if self.left == 0 && self.sentences == 0 {
                text.push_str(dice.weighted(&[("\n\n", 6), ("\n- ", 4), ("\n\n## ", 1), ("\n1. ", 1)]));
                self.sentences = dice.between(1, 6);
            }
            self.word(&mut text, dice);
        }
        text
    }

    /// A few words, as in a title or a search.
    pub(crate) fn title(&self, words: usize, dice: &mut Dice) -> String {
        let mut text = String::new();
        for _ in 0..words.max(1) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(VOCABULARY.text(dice.pick(&self.topic)));
        }
        text
    }

    /// One word of content, as in a name.
    pub(crate) fn name(&self, dice: &mut Dice) -> &'static str {
        VOCABULARY.text(dice.pick(&self.topic))
    }

    /// Appends a word with the blank or the stop that follows it.
    fn word(&mut self, text: &mut String, dice: &mut Dice) {
        let begins = self.left == 0;
        if begins {
            self.left = dice.log_normal(13.0, 0.45).clamp(3.0, 45.0) as usize;
            self.sentences = self.sentences.saturating_sub(1);
        }
        self.left -= 1;
        let chance = dice.below(1_000);
        match chance {
            0..4 => text.push_str(Words::foreign(dice)),
            4..16 => number(text, dice),
            16..19 => {
                let _ = write!(text, "`{}_{}`", self.name(dice), self.name(dice));
            }
            _ => {
                self.last = match chance {
                    19..150 => dice.pick(&self.topic),
                    150..560 => VOCABULARY.following(self.last, dice),
                    _ => VOCABULARY.any(dice),
                };
                let word = VOCABULARY.text(self.last);
                if begins && word.is_ascii() && !word.is_empty() {
                    text.push(char::from(word.as_bytes()[0].to_ascii_uppercase()));
                    text.push_str(&word[1..]);
                } else {
                    text.push_str(word);
                }
            }
        }
        if self.left == 0 {
            text.push_str(dice.weighted(&[(". ", 85), ("? ", 5), (": ", 6), ("! ", 1), ("; ", 3)]));
        } else {
            text.push_str(dice.weighted(&[(" ", 92), (", ", 7), (" - ", 1)]));
        }
    }
}

fn number(text: &mut String, dice: &mut Dice) {
    let _ = match dice.below(6) {
        0 => write!(text, "{}", dice.between(2, 12)),
        1 => write!(text, "{}%", dice.between(1, 99)),
        2 => write!(text, "{}.{:02}", dice.below(400), dice.below(100)),
        3 => write!(text, "{}", dice.between(2015, 2026)),
        4 => write!(text, "${},{:03}", dice.between(1, 99), dice.below(1_000)),
        _ => write!(text, "[{}]", dice.between(1, 9)),
    };
}
