//! The buckets of this process.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hashbrown::HashTable;

use super::bucket::{Bucket, Taken};
use super::key::TenantKey;
use super::limit::{Quota, RateLimit};

/// Locks that tenants are spread over, where there are enough of them.
const SHARDS_MAX: usize = 64;
/// Tenants for which another lock is worth while.
const TENANTS_PER_SHARD: usize = 1_024;
/// One in so many buckets goes at once where none is full.
const EVICTED_PART: usize = 16;

/// How much memory the buckets of this process may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Tenants whose buckets are kept; 1,048,576 unless said otherwise. Each takes 33 bytes in tables that are at least a
    /// quarter full, so all of them 141 MB at most. Tenants are spread by hash, so that the last sixteenth may find its
    /// part of the tables full.
    ///
    /// Where there are more, full buckets go first: a bucket that is not kept is full, so nothing is lost. Where none
    /// is full, those go that miss the least, and what they miss is given to their tenants; see
    /// [`RateLimitMetrics::evicted_before_full`](super::RateLimitMetrics::evicted_before_full).
    pub tenants_max: usize,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { tenants_max: 1 << 20 }
    }
}

#[derive(Debug)]
pub(super) struct Memory {
    default: Quota,
    /// The part of each limit that this process has.
    share: f64,
    shards: Box<[Mutex<Shard>]>,
    tenants_per_shard: usize,
    started: Instant,
    evicted_full: AtomicU64,
    evicted_before_full: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    buckets: HashTable<(TenantKey, Bucket)>,
    overrides: HashMap<TenantKey, RateLimit>,
}

impl Memory {
    pub(super) fn new(default: RateLimit, share: f64, options: MemoryOptions) -> Self {
        let shards = (options.tenants_max / TENANTS_PER_SHARD)
            .next_power_of_two()
            .min(SHARDS_MAX);
        // A hash does not deal evenly: a sixteenth more than the even part.
        let even = options.tenants_max.div_ceil(shards);
        let slack = if shards == 1 { 0 } else { even / 16 };
        Self {
            default: default.quota(share),
            share,
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            tenants_per_shard: (even + slack).max(1),
            started: Instant::now(),
            evicted_full: AtomicU64::new(0),
            evicted_before_full: AtomicU64::new(0),
        }
    }

    /// Takes tokens of a tenant now; see [`Bucket::take`].
    pub(super) fn take(&self, tenant: TenantKey, cost: u32, longest_wait_us: u64) -> Taken {
        let now_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.take_at(tenant, cost, longest_wait_us, now_us)
    }

    fn take_at(&self, tenant: TenantKey, cost: u32, longest_wait_us: u64, now_us: u64) -> Taken {
        let mut shard = self.shard(tenant);
        let quota = self.quota(shard.overrides.get(&tenant));
        if let Some((_, bucket)) = shard.buckets.find_mut(tenant.place, |(key, _)| *key == tenant) {
            return bucket.take(quota, cost, longest_wait_us, now_us);
        }
        let mut bucket = Bucket::full(quota, now_us);
        let taken = bucket.take(quota, cost, longest_wait_us, now_us);
        // A full bucket is one that is not kept.
        if bucket.missing(quota, now_us) > 0 {
            if shard.buckets.len() >= self.tenants_per_shard {
                self.make_room(&mut shard, now_us);
            }
            shard
                .buckets
                .insert_unique(tenant.place, (tenant, bucket), |(key, _)| key.place);
        }
        taken
    }

    /// Sets or removes what holds for a tenant in place of the default. The tokens in its bucket stay, as far as the new
    /// burst holds them.
    pub(super) fn set_override(&self, tenant: TenantKey, limit: Option<RateLimit>) {
        let mut shard = self.shard(tenant);
        match limit {
            Some(limit) => shard.overrides.insert(tenant, limit),
            None => shard.overrides.remove(&tenant),
        };
    }

    /// The limit that a tenant has in place of the default.
    pub(super) fn own_limit(&self, tenant: TenantKey) -> Option<RateLimit> {
        self.shard(tenant).overrides.get(&tenant).copied()
    }

    /// Tenants whose buckets are kept.
    pub(super) fn tenants(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).buckets.len()).sum()
    }

    pub(super) fn evicted_full(&self) -> u64 {
        self.evicted_full.load(Relaxed)
    }

    pub(super) fn evicted_before_full(&self) -> u64 {
        self.evicted_before_full.load(Relaxed)
    }

    fn quota(&self, own: Option<&RateLimit>) -> Quota {
        own.map_or(self.default, |limit| limit.quota(self.share))
    }

    fn make_room(&self, shard: &mut Shard, now_us: u64) {
        let before = shard.buckets.len();
        let Shard { buckets, overrides } = shard;
        let missing =
            |key: &TenantKey, bucket: &Bucket| bucket.missing(self.quota(overrides.get(key)), now_us);
        buckets.retain(|(key, bucket)| missing(key, bucket) > 0);
        let full = before - buckets.len();
        self.evicted_full.fetch_add(full as u64, Relaxed);
        if full > 0 {
            return;
        }
        // Many at once, so that not every new tenant costs a walk through all of them.
        let going = before.div_ceil(EVICTED_PART);
        let mut all: Vec<i64> = buckets.iter().map(|(key, bucket)| missing(key, bucket)).collect();
        let (less, most, _) = all.select_nth_unstable(going - 1);
        let most = *most;
        let mut ties = going - less.iter().filter(|missing| **missing < most).count();
        buckets.retain(|(key, bucket)| match missing(key, bucket).cmp(&most) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => {
                let goes = ties > 0;
                ties -= usize::from(goes);
                !goes
            }
        });
        self.evicted_before_full.fetch_add(going as u64, Relaxed);
    }

    fn shard(&self, tenant: TenantKey) -> MutexGuard<'_, Shard> {
        // The number of shards is a power of two.
        locked(&self.shards[tenant.shard as usize & (self.shards.len() - 1)])
    }
}

/// A thread that panicked under the lock left whole numbers behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::key::Keys;
    use super::*;

    fn limit(messages_per_second: f64, burst_capacity: u32) -> RateLimit {
        RateLimit {
            messages_per_second,
            burst_capacity,
        }
    }

    fn memory(default: RateLimit, tenants_max: usize) -> Memory {
        Memory::new(default, 1.0, MemoryOptions { tenants_max })
    }

    #[test]
    fn an_override_holds_for_its_tenant_alone_and_keeps_the_tokens() {
        let (keys, memory) = (Keys::default(), memory(limit(0.0, 10), 100));
        let (a, b) = (keys.of("a"), keys.of("b"));
        assert_eq!(memory.take_at(a, 8, 0, 0), Taken::After(0));
        memory.set_override(a, Some(limit(1.0, 100)));
        assert_eq!(memory.take_at(a, 3, 0, 0), Taken::Limited(1_000_000));
        assert_eq!(memory.take_at(a, 3, 0, 1_000_000), Taken::After(0));
        assert_eq!(memory.take_at(b, 11, 0, 0), Taken::Never);
        assert_eq!(memory.take_at(a, 49, 0, 60_000_000), Taken::After(0));
        // Back to the default: 10 tokens left, of which the burst holds all.
        memory.set_override(a, None);
        assert_eq!(memory.take_at(a, 10, 0, 60_000_000), Taken::After(0));
        assert_eq!(memory.take_at(a, 1, 0, 90_000_000), Taken::Never);
    }

    #[test]
    fn full_buckets_go_first_and_lose_nothing() {
        let (keys, memory) = (Keys::default(), memory(limit(1.0, 10), 100));
        let spent = keys.of("spent");
        assert_eq!(memory.take_at(spent, 10, 0, 0), Taken::After(0));
        for tenant in 0..99 {
            memory.take_at(keys.of(&tenant.to_string()), 1, 0, 0);
        }
        assert_eq!(memory.tenants(), 100);
        // After a second the 99 are full again, and the spent one is not.
        memory.take_at(keys.of("new"), 1, 0, 1_000_000);
        assert_eq!(memory.tenants(), 2);
        assert_eq!((memory.evicted_full(), memory.evicted_before_full()), (99, 0));
        assert_eq!(memory.take_at(spent, 2, 0, 1_000_000), Taken::Limited(1_000_000));
        assert_eq!(memory.take_at(keys.of("5"), 10, 0, 1_000_000), Taken::After(0));
    }

    #[test]
    fn where_none_is_full_those_go_that_miss_the_least() {
        let (keys, memory) = (Keys::default(), memory(limit(0.0, 1_000), 160));
        for tenant in 0..160u32 {
            memory.take_at(keys.of(&tenant.to_string()), tenant + 1, 0, 0);
        }
        memory.take_at(keys.of("new"), 1, 0, 0);
        assert_eq!((memory.evicted_full(), memory.evicted_before_full()), (0, 10));
        assert_eq!(memory.tenants(), 151);
        // The eleventh misses 11 still, the tenth is full anew.
        assert_eq!(memory.take_at(keys.of("10"), 990, 0, 0), Taken::Never);
        assert_eq!(memory.take_at(keys.of("9"), 1_000, 0, 0), Taken::After(0));
    }

    #[test]
    fn tenants_that_never_sent_take_no_memory() {
        let (keys, memory) = (Keys::default(), memory(limit(1.0, 10), 100));
        for tenant in 0..50 {
            assert_eq!(
                memory.take_at(keys.of(&tenant.to_string()), 11, 0, 0),
                Taken::Never
            );
            assert_eq!(
                memory.take_at(keys.of(&tenant.to_string()), 0, 0, 0),
                Taken::After(0)
            );
        }
        assert_eq!(memory.tenants(), 0);
    }

    #[test]
    fn tenants_stay_within_the_bound_whatever_comes() {
        for tenants_max in [0, 1, 10, 5_000] {
            let (keys, memory) = (Keys::default(), memory(limit(0.0, 10), tenants_max));
            for tenant in 0..20_000 {
                memory.take_at(keys.of(&tenant.to_string()), 1, 0, 0);
            }
            let bound = (tenants_max + tenants_max / 16 + 8).max(1);
            assert!(memory.tenants() <= bound, "{} of {tenants_max}", memory.tenants());
            assert!(memory.tenants() >= tenants_max.min(1), "{tenants_max}");
        }
    }

    proptest! {
        /// Buckets in a table that is large enough act as buckets of their own: no tenant is another's loss.
        #[test]
        fn tenants_do_not_touch_each_other(
            calls in prop::collection::vec((0usize..20, 0u64..200_000, 0u32..4, 0u64..100_000), 1..300)
        ) {
            let default = limit(7.0, 5);
            let (keys, memory) = (Keys::default(), memory(default, 10_000));
            let mut alone: HashMap<usize, Bucket> = HashMap::new();
            let quota = default.quota(1.0);
            let mut now = 0;
            for (tenant, pause, cost, longest) in calls {
                now += pause;
                let bucket = alone.entry(tenant).or_insert_with(|| Bucket::full(quota, now));
                prop_assert_eq!(
                    memory.take_at(keys.of(&tenant.to_string()), cost, longest, now),
                    bucket.take(quota, cost, longest, now)
                );
            }
        }
    }
}
