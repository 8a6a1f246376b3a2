//! The script that takes tokens in Redis, its keys and its answers.

use redis::{FromRedisValue, ParsingError, Script, Value};

use super::bucket::Taken;
use super::limit::RateLimit;

/// Added to the first number of an answer where the override cannot be read.
const DAMAGED: i64 = 10;

/// The script, and where its keys lie.
#[derive(Debug)]
pub(super) struct TakeScript {
    script: Script,
    prefix: String,
}

/// What the script answered.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) taken: Taken,
    /// What holds for the tenant in place of the default.
    pub(super) limit: Option<RateLimit>,
    /// What stands as its limit and is none.
    pub(super) damaged: Option<String>,
}

impl TakeScript {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            script: Script::new(include_str!("script.lua")),
            prefix: prefix.to_owned(),
        }
    }

    /// The bucket of a tenant.
    pub(super) fn bucket_key(&self, tenant: &str) -> String {
        format!("{}:{tenant}", self.prefix)
    }

    /// The hash of overrides. No bucket is called so: theirs have a colon behind the prefix.
    pub(super) fn limits_key(&self) -> String {
        format!("{}_limits", self.prefix)
    }

    /// What probes write.
    pub(super) fn probe_key(&self) -> String {
        format!("{}_probe", self.prefix)
    }

    /// Takes tokens of a tenant, by the digest of the script; the text goes only to a server that does not know it yet.
    pub(super) async fn take(
        &self,
        connection: &mut impl redis::aio::ConnectionLike,
        tenant: &str,
        cost: u32,
        default: RateLimit,
        longest_wait_us: u64,
    ) -> redis::RedisResult<Answer> {
        self.script
            .key(self.bucket_key(tenant))
            .key(self.limits_key())
            .arg(tenant)
            .arg(cost)
            .arg(format!("{:?}", default.messages_per_second))
            .arg(default.burst_capacity)
            .arg(longest_wait_us)
            .invoke_async(connection)
            .await
    }
}

impl FromRedisValue for Answer {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (what, us, found): (i64, u64, Option<Vec<u8>>) = redis::from_redis_value(value)?;
        let taken = match what % DAMAGED {
            1 => Taken::After(us),
            0 => Taken::Limited(us),
            // -1, which 10 more make 9.
            -1 | 9 => Taken::Never,
            _ => return Err(format!("the script answered {what}").into()),
        };
        let found = found.map(|text| String::from_utf8_lossy(&text).into_owned());
        let limit = found.as_deref().and_then(|text| text.parse().ok());
        Ok(Self {
            taken,
            limit: limit.filter(|_| what < DAMAGED - 1),
            damaged: found.filter(|_| what >= DAMAGED - 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_takes_no_time_from_its_caller() {
        let text = include_str!("script.lua");
        assert!(text.contains("redis.call('TIME')"));
        assert!(text.contains("ARGV[5]") && !text.contains("ARGV[6]"));
        assert!(text.contains("ARGV     tenant, messages, default rate, default burst, longest wait"));
    }

    #[test]
    fn no_key_is_another_ones() {
        let script = TakeScript::new("quipu:rate");
        assert_eq!(script.bucket_key("a:b c"), "quipu:rate:a:b c");
        assert_eq!(script.limits_key(), "quipu:rate_limits");
        assert_eq!(script.probe_key(), "quipu:rate_probe");
    }

    #[test]
    fn answers_are_read_and_strange_ones_refused() {
        let answer = |what, text: Option<&str>| {
            let text = text.map_or(Value::Nil, |text| Value::BulkString(text.into()));
            Answer::from_redis_value(Value::Array(vec![Value::Int(what), Value::Int(7), text]))
        };
        let read = |taken, limit, damaged: Option<&str>| Answer {
            taken,
            limit,
            damaged: damaged.map(str::to_owned),
        };
        let limit = RateLimit {
            messages_per_second: 5.0,
            burst_capacity: 9,
        };
        assert_eq!(answer(1, None).unwrap(), read(Taken::After(7), None, None));
        assert_eq!(
            answer(0, Some("5.0 9")).unwrap(),
            read(Taken::Limited(7), Some(limit), None)
        );
        assert_eq!(answer(-1, None).unwrap(), read(Taken::Never, None, None));
        assert_eq!(answer(9, Some("x")).unwrap(), read(Taken::Never, None, Some("x")));
        assert_eq!(
            answer(11, Some("x")).unwrap(),
            read(Taken::After(7), None, Some("x"))
        );
        assert!(answer(5, None).is_err());
        assert!(Answer::from_redis_value(Value::Okay).is_err());
    }
}
