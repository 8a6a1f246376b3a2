//! Several files as one input.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The files one after the other, with a line feed between them.
pub(super) struct Files {
    waiting: VecDeque<(String, Box<dyn Read>)>,
    /// The last file that was read from.
    name: String,
}

impl Files {
    /// Opens all files; without any, standard input.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut waiting = VecDeque::new();
        for path in paths {
            waiting.push_back(open(path)?);
        }
        if waiting.is_empty() {
            waiting.push_back(open(Path::new("-"))?);
        }
        let name = waiting.front().map(|(name, _)| name.clone()).unwrap_or_default();
        Ok(Self { waiting, name })
    }

    /// The file that is read, or was last.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

fn open(path: &Path) -> Result<(String, Box<dyn Read>)> {
    if path == Path::new("-") {
        return Ok(("standard input".to_owned(), Box::new(io::stdin())));
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    Ok((name, Box::new(file)))
}

impl Read for Files {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some((name, file)) = self.waiting.front_mut() else {
                return Ok(0);
            };
            self.name.clone_from(name);
            let read = file.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.waiting.pop_front();
            if !self.waiting.is_empty()
                && let Some(first) = buffer.first_mut()
            {
                // A file may end without one.
                *first = b'\n';
                return Ok(1);
            }
        }
    }
}
