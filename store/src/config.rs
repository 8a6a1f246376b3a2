//! Settings of a writer.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::disk::{Disk, SystemDisk};

/// How many of the newest manifests stay on disk whether or not a reader needs them.
pub const MANIFESTS_KEPT: usize = 16;

/// How many of the newest commits a manifest tells about.
pub const COMMIT_NOTES_KEPT: usize = 128;

/// How the files of one commit are made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Syncing {
    /// At the same time, and while others are still being encoded: a disk keeps several promises at once.
    #[default]
    Together,
    /// One after the other. With one thread that encodes, the calls to the disk come in the same order every time, as
    /// tests of faults need it.
    OneByOne,
}

/// Settings of a [`Writer`](crate::Writer). The default is right for every ordinary use.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Threads that encode the tables of one commit side by side. Default: the processor's cores; never more.
    pub encoding_threads_max: NonZeroUsize,
    /// How the files of one commit are made durable. Default: at the same time.
    pub syncing: Syncing,
    /// The file system. Default: that of the operating system.
    pub disk: Arc<dyn Disk>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            syncing: Syncing::default(),
            encoding_threads_max: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            disk: Arc::new(SystemDisk),
        }
    }
}
