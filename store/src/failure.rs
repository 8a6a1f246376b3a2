//! How a step of a commit failed: what that means for the writer.

use crate::error::StoreError;

/// A failed step of a commit.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing became visible and nothing is in doubt: the commit may be tried again.
    Clean(StoreError),
    /// What is on disk is in doubt, as after a failed sync, which the operating system does not repeat: the writer may
    /// not go on.
    Uncertain(StoreError),
    /// A synced segment could not be given its name. Nothing refers to it, but that a folder takes no name may have a
    /// cause that harms more than this file.
    Unnamed(StoreError),
    /// The name was taken: there is another writer.
    Fenced,
    /// A file that this writer was about to publish is gone. If there is another writer, that one took it for a leftover.
    Swept(StoreError),
}

impl Failure {
    /// The one of two failures that says more about what may still be done.
    pub(crate) fn graver(first: Option<Self>, second: Self) -> Self {
        match (first, second) {
            (None, failure) | (Some(Self::Clean(_)), failure) => failure,
            (Some(doubt @ Self::Uncertain(_)), _) | (_, doubt @ Self::Uncertain(_)) => doubt,
            (Some(Self::Fenced), _) | (_, Self::Fenced) => Self::Fenced,
            (Some(swept @ Self::Swept(_)), _) | (_, swept @ Self::Swept(_)) => swept,
            (Some(first), _) => first,
        }
    }
}
