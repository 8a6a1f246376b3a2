//! How topics are made.

use std::time::Duration;

const GIB: u64 = 1 << 30;
const DAY: Duration = Duration::from_secs(86_400);

/// Settings for common uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopicProfile {
    /// Ten partitions of one copy, a week long.
    #[default]
    Default,
    /// As the default, with three copies of which two have to acknowledge: for clusters.
    Recommended,
    /// Three partitions of one copy, a day long, in small segments.
    Dev,
    /// For dead letters: three partitions of one copy, thirty days long.
    DeadLetters,
}

impl TopicProfile {
    /// The settings.
    #[must_use]
    pub fn settings(self) -> TopicSettings {
        let default = TopicSettings {
            partitions: 10,
            replication_factor: 1,
            retention: Some(7 * DAY),
            segment_bytes: Some(GIB),
            cleanup: CleanupPolicy::Delete,
            compression: CompressionType::Zstd,
            min_insync_replicas: None,
            others: Vec::new(),
        };
        match self {
            Self::Default => default,
            Self::Recommended => TopicSettings {
                replication_factor: 3,
                min_insync_replicas: Some(2),
                ..default
            },
            Self::Dev => TopicSettings {
                partitions: 3,
                retention: Some(DAY),
                segment_bytes: Some(GIB / 4),
                compression: CompressionType::Producer,
                ..default
            },
            Self::DeadLetters => TopicSettings {
                partitions: 3,
                retention: Some(30 * DAY),
                segment_bytes: Some(GIB / 4),
                ..default
            },
        }
    }
}

/// What becomes of old records (`cleanup.policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CleanupPolicy {
    /// They go.
    Delete,
    /// Of each key the newest stays.
    Compact,
    /// Both.
    CompactAndDelete,
}

impl CleanupPolicy {
    fn value(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
            Self::CompactAndDelete => "compact,delete",
        }
    }
}

/// How the broker stores batches (`compression.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// Not compressed, whatever the producer sent.
    None,
    /// Compressed anew with gzip.
    Gzip,
    /// Compressed anew with Snappy.
    Snappy,
    /// Compressed anew with LZ4.
    Lz4,
    /// Compressed anew with zstd.
    Zstd,
    /// As the producer sent them.
    Producer,
}

impl CompressionType {
    fn value(self) -> &'static str {
        match self {
            // "none" is what producers call it; brokers refuse that name.
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Producer => "producer",
        }
    }
}

/// How a topic is made. [`TopicProfile`] has settings to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// Number of partitions; -1 = as the broker sees fit.
    pub partitions: i32,
    /// Copies of each partition; -1 = as the broker sees fit.
    pub replication_factor: i16,
    /// How long records stay (`retention.ms`); `None` = as the broker sees fit.
    pub retention: Option<Duration>,
    /// Size in bytes of the files of a log (`segment.bytes`); `None` = as the broker sees fit.
    pub segment_bytes: Option<u64>,
    /// What becomes of old records.
    pub cleanup: CleanupPolicy,
    /// How batches are stored.
    pub compression: CompressionType,
    /// Copies that have to have a record before it is acknowledged (`min.insync.replicas`); `None` = as the broker sees
    /// fit.
    pub min_insync_replicas: Option<u16>,
    /// Other settings by their names; they win over those above.
    pub others: Vec<(String, String)>,
}

impl Default for TopicSettings {
    fn default() -> Self {
        TopicProfile::Default.settings()
    }
}

impl TopicSettings {
    /// The settings by Kafka's names, each once.
    #[must_use]
    pub fn configs(&self) -> Vec<(String, String)> {
        let own = [
            (
                "retention.ms",
                self.retention.map(|time| time.as_millis().to_string()),
            ),
            ("segment.bytes", self.segment_bytes.map(|bytes| bytes.to_string())),
            ("cleanup.policy", Some(self.cleanup.value().to_owned())),
            ("compression.type", Some(self.compression.value().to_owned())),
            (
                "min.insync.replicas",
                self.min_insync_replicas.map(|copies| copies.to_string()),
            ),
        ];
        let mut configs: Vec<(String, String)> = own
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        for (name, value) in &self.others {
            match configs.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1.clone_from(value),
                None => configs.push((name.clone(), value.clone())),
            }
        }
        configs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_those_that_users_know() {
        let shown = |profile: TopicProfile| {
            let settings = profile.settings();
            let configs: Vec<String> = settings
                .configs()
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!(
                "{} x {}: {}",
                settings.partitions,
                settings.replication_factor,
                configs.join(" ")
            )
        };
        for (profile, expected) in [
            (
                TopicProfile::Default,
                "10 x 1: retention.ms=604800000 segment.bytes=1073741824 cleanup.policy=delete compression.type=zstd",
            ),
            (
                TopicProfile::Recommended,
                "10 x 3: retention.ms=604800000 segment.bytes=1073741824 cleanup.policy=delete compression.type=zstd \
                 min.insync.replicas=2",
            ),
            (
                TopicProfile::Dev,
                "3 x 1: retention.ms=86400000 segment.bytes=268435456 cleanup.policy=delete compression.type=producer",
            ),
            (
                TopicProfile::DeadLetters,
                "3 x 1: retention.ms=2592000000 segment.bytes=268435456 cleanup.policy=delete compression.type=zstd",
            ),
        ] {
            assert_eq!(shown(profile), expected);
        }
    }

    #[test]
    fn other_settings_win_and_none_comes_twice() {
        let settings = TopicSettings {
            compression: CompressionType::None,
            others: vec![
                ("retention.ms".to_owned(), "5".to_owned()),
                ("max.message.bytes".to_owned(), "9".to_owned()),
            ],
            ..TopicSettings::default()
        };
        let configs = settings.configs();
        let value = |name: &str| {
            let found: Vec<_> = configs.iter().filter(|(known, _)| known == name).collect();
            assert_eq!(found.len(), 1, "{name}");
            found[0].1.clone()
        };
        assert_eq!(value("retention.ms"), "5");
        assert_eq!(value("max.message.bytes"), "9");
        assert_eq!(value("compression.type"), "uncompressed");
    }
}
