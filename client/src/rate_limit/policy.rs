//! How a limiter goes by Redis, and what it does without.

use std::time::Duration;

use super::error::RateLimitError;
use super::memory::MemoryOptions;

/// What decides while Redis is away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OnOutage {
    /// Each process allows its share of every limit, by buckets of its own. With N producers and a share of 1/N all of
    /// them together allow what the limit says. A share of a burst is at least one message.
    LocalShare {
        /// Part of the rate and of the burst, above 0 and up to 1.
        share: f64,
    },
    /// Everything may be sent.
    Open,
    /// Nothing may be sent.
    Closed,
}

impl Default for OnOutage {
    /// A quarter of the limit for each process: right for four producers, too little for fewer, too much for more.
    fn default() -> Self {
        Self::LocalShare { share: 0.25 }
    }
}

/// How a limiter goes by Redis.
#[derive(Clone, Debug, PartialEq)]
pub struct RedisOptions {
    /// What decides while Redis is away.
    pub on_outage: OnOutage,
    /// Longest time that one call waits for Redis before the outage policy decides: 50 ms unless said otherwise, 1 to 90,
    /// so that no send is held up longer than 100.
    pub call_timeout: Duration,
    /// Failures in a row after which Redis counts as away: 3 unless said otherwise. One call without an answer in time is
    /// enough, so that not the next one waits too.
    pub failures_to_open: u32,
    /// Good probes in a row after which Redis counts as back: 2 unless said otherwise.
    pub probes_to_close: u32,
    /// Time between the probes, which are made in the background: 1 s unless said otherwise.
    pub probe_interval: Duration,
    /// Longest time to connect, in the background and when the limiter is made: 1 s unless said otherwise.
    pub connect_timeout: Duration,
    /// What all keys begin with: `quipu:rate` unless said otherwise. Limiters with one prefix share their quotas.
    pub key_prefix: String,
    /// Bound of the buckets for outages.
    pub memory: MemoryOptions,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            on_outage: OnOutage::default(),
            call_timeout: Duration::from_millis(50),
            failures_to_open: 3,
            probes_to_close: 2,
            probe_interval: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            key_prefix: "quipu:rate".to_owned(),
            memory: MemoryOptions::default(),
        }
    }
}

impl RedisOptions {
    /// The part of each limit that this process allows by itself.
    pub(super) fn share(&self) -> f64 {
        match self.on_outage {
            OnOutage::LocalShare { share } => share,
            OnOutage::Open | OnOutage::Closed => 1.0,
        }
    }

    pub(super) fn check(&self) -> Result<(), RateLimitError> {
        let wrong = |name, value: String, range| Err(RateLimitError::Option { name, value, range });
        let ms = Duration::from_millis;
        if !(self.share() > 0.0 && self.share() <= 1.0) {
            let range = "a share is above 0 and at most 1; to let nothing pass choose Closed";
            return wrong("on_outage.share", self.share().to_string(), range);
        }
        if !(ms(1)..=ms(90)).contains(&self.call_timeout) {
            let range = "between 1 ms and 90 ms, so that no send is held up longer than 100 ms";
            return wrong("call_timeout", format!("{:?}", self.call_timeout), range);
        }
        for (name, value) in [
            ("probe_interval", self.probe_interval),
            ("connect_timeout", self.connect_timeout),
        ] {
            if !(ms(1)..=ms(60_000)).contains(&value) {
                return wrong(name, format!("{value:?}"), "between 1 ms and 60 s");
            }
        }
        for (name, value) in [
            ("failures_to_open", self.failures_to_open),
            ("probes_to_close", self.probes_to_close),
        ] {
            if value == 0 {
                return wrong(name, value.to_string(), "at least 1");
            }
        }
        if self.key_prefix.is_empty() {
            let range = "at least one character, so that the keys are told from others";
            return wrong("key_prefix", "empty".to_owned(), range);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_named() {
        assert_eq!(RedisOptions::default().check(), Ok(()));
        let with = |change: fn(&mut RedisOptions)| {
            let mut options = RedisOptions::default();
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        let share = with(|o| o.on_outage = OnOutage::LocalShare { share: 1.5 });
        assert!(share.contains("on_outage.share is 1.5"), "{share}");
        let share = with(|o| o.on_outage = OnOutage::LocalShare { share: f64::NAN });
        assert!(share.contains("on_outage.share is NaN"), "{share}");
        let timeout = with(|o| o.call_timeout = Duration::from_millis(91));
        assert!(
            timeout.contains("call_timeout is 91ms: between 1 ms"),
            "{timeout}"
        );
        assert!(with(|o| o.probe_interval = Duration::ZERO).contains("probe_interval"));
        assert!(with(|o| o.connect_timeout = Duration::MAX).contains("connect_timeout"));
        assert!(with(|o| o.failures_to_open = 0).contains("failures_to_open is 0"));
        assert!(with(|o| o.probes_to_close = 0).contains("probes_to_close is 0"));
        assert!(with(|o| o.key_prefix.clear()).contains("key_prefix"));
    }
}
