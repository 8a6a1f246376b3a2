//! The name of a thread, kept beside its state.

/// Longest name, in bytes of tenant and thread together, that needs no allocation of its own. A tenant and a UUID as
/// text fit.
const INLINE_BYTES: usize = 61;

/// Tenant and thread as one piece of bytes: one line of a cache.
#[derive(Debug)]
pub(super) struct ThreadName(Parts);

/// The bytes of two texts, the second behind the first.
#[derive(Debug)]
enum Parts {
    Inline {
        tenant_bytes: u8,
        len: u8,
        bytes: [u8; INLINE_BYTES],
    },
    Boxed {
        tenant_bytes: u32,
        bytes: Box<[u8]>,
    },
}

const _: () = assert!(size_of::<ThreadName>() == 64);

impl ThreadName {
    /// Keeps a name. Texts of a message are far below 4 GiB, the limit of a record.
    pub(super) fn new(tenant_id: &str, thread_id: &str) -> Self {
        let len = tenant_id.len() + thread_id.len();
        if len <= INLINE_BYTES {
            let mut bytes = [0; INLINE_BYTES];
            bytes[..tenant_id.len()].copy_from_slice(tenant_id.as_bytes());
            bytes[tenant_id.len()..len].copy_from_slice(thread_id.as_bytes());
            Self(Parts::Inline {
                tenant_bytes: tenant_id.len() as u8,
                len: len as u8,
                bytes,
            })
        } else {
            Self(Parts::Boxed {
                tenant_bytes: tenant_id.len() as u32,
                bytes: [tenant_id.as_bytes(), thread_id.as_bytes()]
                    .concat()
                    .into_boxed_slice(),
            })
        }
    }

    /// Both parts in bytes.
    #[inline]
    fn parts(&self) -> (&[u8], &[u8]) {
        match &self.0 {
            Parts::Inline {
                tenant_bytes,
                len,
                bytes,
            } => bytes[..usize::from(*len)].split_at(usize::from(*tenant_bytes)),
            Parts::Boxed { tenant_bytes, bytes } => bytes.split_at(*tenant_bytes as usize),
        }
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
}

fn text(bytes: &[u8]) -> &str {
    // SAFETY: the bytes come from a `str` and are cut where they were joined.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_come_back_in_their_parts() {
        for (tenant, thread) in [
            (0, 0),
            (8, 36),
            (61, 0),
            (0, 61),
            (25, 36),
            (26, 36),
            (62, 0),
            (0, 62),
            (300, 0),
            (0, 300),
            (200, 100),
        ] {
            let (tenant_id, thread_id) = (
                "t".repeat(tenant),
                "ü".repeat(thread / 2) + &"x".repeat(thread % 2),
            );
            let name = ThreadName::new(&tenant_id, &thread_id);
            assert_eq!((name.tenant_id(), name.thread_id()), (&*tenant_id, &*thread_id));
            assert!(name.is(&tenant_id, &thread_id));
            assert!(!name.is(&format!("{tenant_id}x"), &thread_id));
            assert_eq!(
                matches!(name.0, Parts::Inline { .. }),
                tenant + thread <= INLINE_BYTES,
                "{tenant} and {thread}"
            );
        }
    }
}
