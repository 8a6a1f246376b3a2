//! What was typed before, kept in a file of the user's state folder.

use std::env;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use rustyline::history::DefaultHistory;
use rustyline::{Editor, Helper};

/// Only the user may look into the folder.
const FOLDER_MODE: u32 = 0o700;

/// The file that keeps history. That it cannot be read or written never disturbs the prompt.
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
}

impl File {
    /// `quipu/history` in `$XDG_STATE_HOME`, or in `~/.local/state`; none without either.
    pub(crate) fn locate() -> Option<Self> {
        let folder = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        Self::below(folder("XDG_STATE_HOME"), folder("HOME"))
    }

    fn below(state: Option<PathBuf>, home: Option<PathBuf>) -> Option<Self> {
        let state = state.or_else(|| Some(home?.join(".local/state")))?;
        Some(Self {
            path: state.join("quipu").join("history"),
        })
    }

    /// Reads the file into the editor.
    pub(crate) fn load<H: Helper>(&self, editor: &mut Editor<H, DefaultHistory>) {
        if self.path.exists()
            && let Err(error) = editor.load_history(&self.path)
        {
            tracing::info!(path = %self.path.display(), %error, "history cannot be read");
        }
    }

    /// Adds what is new to the file, so that several prompts can share it.
    pub(crate) fn append<H: Helper>(&self, editor: &mut Editor<H, DefaultHistory>) {
        let folder = self.path.parent().map_or(Ok(()), |folder| {
            DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
        });
        let written = folder
            .map_err(Into::into)
            .and_then(|()| editor.append_history(&self.path));
        if let Err(error) = written {
            tracing::info!(path = %self.path.display(), %error, "history cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_wins_over_the_home_folder() {
        let path = |state: Option<&str>, home: Option<&str>| {
            File::below(state.map(PathBuf::from), home.map(PathBuf::from)).map(|file| file.path)
        };
        assert_eq!(path(Some("/s"), Some("/h")), Some("/s/quipu/history".into()));
        assert_eq!(
            path(None, Some("/h")),
            Some("/h/.local/state/quipu/history".into())
        );
        assert_eq!(path(None, None), None);
    }
}
