//! What was allowed and what was not, per tenant.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;

use super::key::TenantKey;
use super::label::{OVERFLOW, label};
use super::metrics::TenantCounts;

/// Tenants that have a label of their own; all others share one.
pub(super) const LABELS_MAX: usize = 1_000;
/// Locks that tenants are spread over; a power of two.
const SHARDS: usize = 64;

#[derive(Debug)]
pub(super) struct Counts {
    shards: [Mutex<HashTable<Labelled>>; SHARDS],
    labels: AtomicUsize,
    overflow: [AtomicU64; 2],
}

#[derive(Debug)]
struct Labelled {
    tenant: TenantKey,
    counts: TenantCounts,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            labels: AtomicUsize::new(0),
            overflow: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Counts `cost` messages of a tenant.
    pub(super) fn count(&self, key: TenantKey, tenant: &str, cost: u32, allowed: bool) {
        let mut shard = self.shards[key.shard as usize & (SHARDS - 1)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shard.find_mut(key.place, |entry| entry.tenant == key) {
            found.counts.add(cost, allowed);
            return;
        }
        let free = |taken: usize| (taken < LABELS_MAX).then_some(taken + 1);
        if self
            .labels
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, free)
            .is_err()
        {
            self.overflow[usize::from(allowed)].fetch_add(u64::from(cost), Ordering::Relaxed);
            return;
        }
        let mut counts = TenantCounts {
            label: label(tenant),
            allowed: 0,
            exceeded: 0,
        };
        counts.add(cost, allowed);
        shard.insert_unique(key.place, Labelled { tenant: key, counts }, |entry| {
            entry.tenant.place
        });
    }

    /// All labels in order, each once.
    pub(super) fn snapshot(&self) -> Vec<TenantCounts> {
        let [exceeded, allowed] = [0, 1].map(|i: usize| self.overflow[i].load(Ordering::Relaxed));
        let mut all = Vec::new();
        if allowed + exceeded > 0 {
            all.push(TenantCounts {
                label: OVERFLOW.to_owned(),
                allowed,
                exceeded,
            });
        }
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(shard.iter().map(|entry| entry.counts.clone()));
        }
        all.sort_unstable_by(|a, b| a.label.cmp(&b.label));
        // A tenant may be called as another one's label.
        all.dedup_by(|later, kept| {
            let same = later.label == kept.label;
            if same {
                kept.allowed += later.allowed;
                kept.exceeded += later.exceeded;
            }
            same
        });
        all
    }
}

impl TenantCounts {
    fn add(&mut self, cost: u32, allowed: bool) {
        match allowed {
            true => self.allowed += u64::from(cost),
            false => self.exceeded += u64::from(cost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::Keys;
    use super::*;

    fn counts(label: &str, allowed: u64, exceeded: u64) -> TenantCounts {
        TenantCounts {
            label: label.into(),
            allowed,
            exceeded,
        }
    }

    #[test]
    fn tenants_after_the_thousandth_share_a_label() {
        let (keys, all) = (Keys::default(), Counts::new());
        for tenant in 0..1_500 {
            let name = format!("t{tenant:04}");
            all.count(keys.of(&name), &name, 2, true);
            all.count(keys.of(&name), &name, 3, tenant % 2 == 0);
        }
        let snapshot = all.snapshot();
        assert_eq!(snapshot.len(), LABELS_MAX + 1);
        assert_eq!(
            snapshot[0],
            counts("overflow", 500 * 2 + 250 * 3, 250 * 3),
            "o is before t"
        );
        assert_eq!(snapshot[1], counts("t0000", 5, 0));
        assert_eq!(snapshot[1_000], counts("t0999", 2, 3));
    }

    #[test]
    fn a_tenant_called_like_a_label_is_counted_with_it() {
        let (keys, all) = (Keys::default(), Counts::new());
        for tenant in ["a b", "tenant_c8687a08aa5d", "a b"] {
            all.count(keys.of(tenant), tenant, 1, true);
        }
        assert_eq!(all.snapshot(), [counts("tenant_c8687a08aa5d", 3, 0)]);
    }
}
