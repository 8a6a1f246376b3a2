//! Tenants by a hash of their name, so that a long name costs no more memory than a short one.

use std::hash::{BuildHasher, RandomState};

/// Stands for a tenant in the tables of this process: 128 bits of two SipHashes with random keys. That two of a million
/// tenants share one has a chance of 1 in 10^26, and nobody outside can look for such a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TenantKey {
    /// Places the tenant in a hash table.
    pub(super) place: u64,
    /// Chooses the shard.
    pub(super) shard: u64,
}

#[derive(Debug, Default)]
pub(super) struct Keys {
    place: RandomState,
    shard: RandomState,
}

impl Keys {
    pub(super) fn of(&self, tenant: &str) -> TenantKey {
        TenantKey {
            place: self.place.hash_one(tenant),
            shard: self.shard.hash_one(tenant),
        }
    }
}
