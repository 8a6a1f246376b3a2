//! The name of a thread, kept beside its state.

/// Longest name, in bytes of tenant and thread together, that needs no allocation of its own. A tenant and a UUID as
/// text fit.
const INLINE_BYTES: usize = 62;

#[derive(Debug)]
enum Bytes {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Boxed(Box<[u8]>),
}

/// Tenant and thread as one piece of bytes.
#[derive(Debug)]
pub(super) struct ThreadName {
    bytes: Bytes,
    tenant_bytes: u32,
}

impl ThreadName {
    /// Keeps a name. Texts of a message are far below 4 GiB, the limit of a record.
    pub(super) fn new(tenant_id: &str, thread_id: &str) -> Self {
        let len = tenant_id.len() + thread_id.len();
        let bytes = if len <= INLINE_BYTES {
            let mut bytes = [0; INLINE_BYTES];
            bytes[..tenant_id.len()].copy_from_slice(tenant_id.as_bytes());
            bytes[tenant_id.len()..len].copy_from_slice(thread_id.as_bytes());
            Bytes::Inline {
                len: len as u8,
                bytes,
            }
        } else {
            Bytes::Boxed(
                [tenant_id.as_bytes(), thread_id.as_bytes()]
                    .concat()
                    .into_boxed_slice(),
            )
        };
        Self {
            bytes,
            tenant_bytes: tenant_id.len() as u32,
        }
    }

    /// Both parts in bytes.
    #[inline]
    fn parts(&self) -> (&[u8], &[u8]) {
        let bytes = match &self.bytes {
            Bytes::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Bytes::Boxed(bytes) => bytes,
        };
        bytes.split_at(self.tenant_bytes as usize)
    }

    /// Whether this is the name of that thread.
    #[inline]
    pub(super) fn is(&self, tenant_id: &str, thread_id: &str) -> bool {
        self.parts() == (tenant_id.as_bytes(), thread_id.as_bytes())
    }

    /// The tenant.
    pub(super) fn tenant_id(&self) -> &str {
        text(self.parts().0)
    }

    /// The thread.
    pub(super) fn thread_id(&self) -> &str {
        text(self.parts().1)
    }

    /// The first 16 bytes of the thread as a number that orders as the text does.
    pub(super) fn thread_prefix(&self) -> u128 {
        let thread = self.parts().1;
        let mut prefix = [0; 16];
        let len = thread.len().min(16);
        prefix[..len].copy_from_slice(&thread[..len]);
        u128::from_be_bytes(prefix)
    }
}

fn text(bytes: &[u8]) -> &str {
    // The bytes come from a `str` and are cut where they were joined.
    std::str::from_utf8(bytes).unwrap_or_default()
}
