//! How a book is set up, and what opening and closing it tells.

/// Settings of a book. None of them changes an answer.
#[derive(Clone, Debug)]
pub struct BookOptions {
    /// Threads kept in memory, about 220 bytes each. Beyond that number those untouched for longest go to disk at the
    /// next commit. Default 1,000,000.
    pub hot_threads_max: usize,
    /// Threads in memory up to which a clean close writes them to disk, which takes about 10 to 20 µs each. With more, the
    /// book is rebuilt from its snapshot instead. Default 50,000.
    pub close_threads_max: usize,
}

impl Default for BookOptions {
    fn default() -> Self {
        Self {
            hot_threads_max: 1_000_000,
            close_threads_max: 50_000,
        }
    }
}

/// What opening a book found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookStart {
    /// The book is that of the newest manifest.
    Current,
    /// The book is empty. It is rebuilt by [`restore`](super::SequenceBook::restore) from the newest snapshot there
    /// is, then [`replay`](super::SequenceBook::replay) of every message after it.
    Rebuild {
        /// Why, in plain words, about "the index".
        reason: String,
    },
}

/// How a book was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookClose {
    /// Everything is on disk: the next open takes it over.
    Clean,
    /// The next open rebuilds the book.
    Rebuild {
        /// Why, in plain words.
        reason: String,
    },
}
