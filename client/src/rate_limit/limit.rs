//! How much a tenant may send.

use std::fmt;
use std::str::FromStr;

/// Micro-tokens of one token. A bucket counts in millionths of a token: a rate of one token a second is then one
/// micro-token a microsecond, and all that is stored are integers.
pub(super) const MICRO: i64 = 1_000_000;

/// The limit of a tenant: a token bucket that starts full.
///
/// Any value may be written down. It is read as [`normalised`](Self::normalised) says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Messages a second that go on for ever. With 0 only the burst is ever allowed.
    pub messages_per_second: f64,
    /// Messages that may come at once after a rest: the capacity of the bucket.
    pub burst_capacity: u32,
}

impl RateLimit {
    /// The limit that this one is read as: a rate that is negative, infinite or not a number is 0, and a burst of 0 with
    /// a rate above 0 is 1, since no message could ever pass otherwise.
    #[must_use]
    pub fn normalised(self) -> Self {
        let rate = self.messages_per_second;
        let messages_per_second = if rate.is_finite() && rate > 0.0 { rate } else { 0.0 };
        let burst_capacity = match self.burst_capacity {
            0 if messages_per_second > 0.0 => 1,
            burst => burst,
        };
        Self {
            messages_per_second,
            burst_capacity,
        }
    }

    /// What a bucket needs of a part of this limit. The part of a burst is at least one message, else none could pass.
    pub(super) fn quota(self, share: f64) -> Quota {
        let limit = self.normalised();
        let whole = i64::from(limit.burst_capacity) * MICRO;
        Quota {
            rate: limit.messages_per_second * share,
            capacity: ((whole as f64 * share) as i64).max(whole.min(MICRO)),
        }
    }
}

impl Default for RateLimit {
    /// 100 messages a second, a burst of 1,000.
    fn default() -> Self {
        Self {
            messages_per_second: 100.0,
            burst_capacity: 1_000,
        }
    }
}

/// `<rate> <burst>`: how an override stands in Redis, where a person can read and write it.
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug writes the shortest digits that give the same number, with an exponent where there would be many.
        write!(f, "{:?} {}", self.messages_per_second, self.burst_capacity)
    }
}

impl FromStr for RateLimit {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (rate, burst) = text.split_once(' ').ok_or(())?;
        Ok(Self {
            messages_per_second: rate.parse().map_err(|_| ())?,
            burst_capacity: burst.parse().map_err(|_| ())?,
        })
    }
}

/// A limit in the units of a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    /// Micro-tokens that flow in each microsecond; finite, not negative.
    pub(super) rate: f64,
    /// Micro-tokens that the bucket holds; not negative.
    pub(super) capacity: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(messages_per_second: f64, burst_capacity: u32) -> RateLimit {
        RateLimit {
            messages_per_second,
            burst_capacity,
        }
    }

    #[test]
    fn limits_without_sense_are_read_as_none() {
        for rate in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0] {
            assert_eq!(limit(rate, 7).normalised(), limit(0.0, 7), "{rate}");
            assert_eq!(limit(rate, 0).normalised(), limit(0.0, 0), "{rate}");
        }
        assert_eq!(limit(0.25, 0).normalised(), limit(0.25, 1));
        assert_eq!(limit(100.0, 1_000).normalised(), RateLimit::default());
    }

    #[test]
    fn a_limit_is_read_from_what_it_is_written_as() {
        for limit in [
            limit(100.0, 1_000),
            limit(0.1, 1),
            limit(1e300, u32::MAX),
            limit(2e-9, 0),
        ] {
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
        assert_eq!(limit(100.0, 1_000).to_string(), "100.0 1000");
        assert_eq!("5 10".parse(), Ok(limit(5.0, 10)));
        for wrong in ["", "5", "5 -1", "5  1", "x 1", "5 1.5", "5 4294967296"] {
            assert_eq!(wrong.parse::<RateLimit>(), Err(()), "{wrong:?}");
        }
    }

    #[test]
    fn a_share_of_a_burst_lets_one_message_pass() {
        let quota = limit(100.0, 10).quota(0.25);
        assert_eq!((quota.rate, quota.capacity), (25.0, 2_500_000));
        assert_eq!(limit(100.0, 2).quota(0.25).capacity, MICRO);
        assert_eq!(limit(0.0, 0).quota(0.25).capacity, 0);
        assert_eq!(
            limit(1.0, u32::MAX).quota(1.0).capacity,
            i64::from(u32::MAX) * MICRO
        );
    }
}
