//! The name of a tenant in metrics.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Longest name that is shown as it is.
const NAME_BYTES_MAX: usize = 64;

/// Label of tenants that came after [`LABELS_MAX`](super::counts::LABELS_MAX) others.
pub(super) const OVERFLOW: &str = "overflow";

/// The tenant's name where it is 1 to 64 of `A-Z a-z 0-9 . _ -`, else `tenant_` and the first 12 hex digits of its
/// SHA-256: metrics take no other characters, and no names without end.
pub(super) fn label(tenant: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=NAME_BYTES_MAX).contains(&tenant.len()) && tenant.bytes().all(plain) {
        return tenant.to_owned();
    }
    let mut label = String::from("tenant_");
    for byte in &Sha256::digest(tenant.as_bytes())[..6] {
        // Writing to a string cannot fail.
        let _ = write!(label, "{byte:02x}");
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_metrics_cannot_take_are_hashed() {
        let longest = "a".repeat(64);
        for plain in ["acme", "a.b_c-9", longest.as_str()] {
            assert_eq!(label(plain), plain);
        }
        // sha256sum of nothing, of "a b", and of 65 times "a".
        assert_eq!(label(""), "tenant_e3b0c44298fc");
        assert_eq!(label("a b"), "tenant_c8687a08aa5d");
        assert_eq!(label(&"a".repeat(65)), "tenant_635361c48bb9");
        assert_eq!(label("ä").len(), "tenant_".len() + 12);
    }
}
