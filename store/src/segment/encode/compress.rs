//! zstd with one context per thread, whose memory serves every column.

use std::cell::RefCell;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use zstd::zstd_safe::{CCtx, CParameter, ResetDirective, compress_bound, get_error_name};

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Bytes in which nothing can be found.
    None,
    /// What a dictionary or an encoding has made short already, and flags.
    Light,
    /// Long text, which is two thirds of a store. Over a million messages (268 MB of it) level 1 took 0.53 s and made
    /// 71.2 MB, level 2 0.64 s and 61.9 MB, level 3 0.78 s and 57.1 MB; level 2 that looks for matches of seven bytes
    /// instead of six 0.61 s and 61.6 MB. Larger tables and windows lie on the same line, and the fast levels save less
    /// time than they cost space (-1: 0.50 s, 98.9 MB).
    Long,
}

impl Codec {
    /// What the file says of it: readers need the kind only.
    pub(super) fn compression(self) -> Compression {
        match self {
            Self::None => Compression::UNCOMPRESSED,
            Self::Light | Self::Long => Compression::ZSTD(ZstdLevel::default()),
        }
    }

    fn parameters(self) -> &'static [CParameter] {
        match self {
            Self::None => &[],
            Self::Light => &[CParameter::CompressionLevel(1)],
            Self::Long => &[CParameter::CompressionLevel(2), CParameter::MinMatch(7)],
        }
    }
}

thread_local! {
    static CONTEXT: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
}

/// Compresses into `out`, which is emptied first.
pub(super) fn compress(codec: Codec, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    out.reserve(compress_bound(input.len()));
    let told = |code| ParquetError::General(format!("zstd: {}", get_error_name(code)));
    CONTEXT.with_borrow_mut(|context| {
        context
            .reset(ResetDirective::SessionAndParameters)
            .map_err(told)?;
        for parameter in codec.parameters() {
            context.set_parameter(*parameter).map_err(told)?;
        }
        context.compress2(out, input).map_err(told)?;
        Ok(())
    })
}
