//! Settings of a writer.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::disk::{Disk, SystemDisk};

/// How many of the newest manifests stay on disk whether or not a reader needs them.
pub const MANIFESTS_KEPT: usize = 16;

/// How many of the newest commits a manifest tells about.
pub const COMMIT_NOTES_KEPT: usize = 128;

/// Settings of a [`Writer`](crate::Writer). The default is right for every ordinary use.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Threads that encode the tables of one commit side by side. Default: the processor's cores; never more.
    pub encoding_threads_max: NonZeroUsize,
    /// The file system. Default: that of the operating system.
    pub disk: Arc<dyn Disk>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            encoding_threads_max: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            disk: Arc::new(SystemDisk),
        }
    }
}
