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
    /// Long text, which is two thirds of a store. Over a million messages (268 MB of it) level 1 took 0.58 s and made
    /// 74 MB, level 2 0.68 s and 64 MB, level 3 0.85 s and 60 MB; larger tables and windows on level 1 lie on the same
    /// line, and the fast levels below it save less time than they cost space (-1: 0.55 s, 102 MB).
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
            Self::Long => &[CParameter::CompressionLevel(2)],
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
