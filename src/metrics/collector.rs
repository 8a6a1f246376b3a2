//! The counters of a run as metrics, read at the moment of a scrape.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use quipu_ingest::{GAP_SIZES, Progress};

use super::ledger::Ledger;

/// Reads the counters of a run when a scrape asks.
#[derive(Debug)]
pub(super) struct RunCollector {
    progress: Arc<Progress>,
    ledger: Arc<Ledger>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartitionLabels {
    topic: String,
    incarnation: String,
    partition: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GapLabels {
    cause: String,
    certainty: String,
}

impl RunCollector {
    pub(super) fn new(progress: Arc<Progress>, ledger: Arc<Ledger>) -> Self {
        Self { progress, ledger }
    }

    fn sequences(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.progress.sequence_counts();
        let received = self.progress.counts().messages;
        for (name, help, count) in [
            ("dashstream_messages_received", "Messages decoded", received),
            (
                "dashstream_sequence_gaps",
                "Jumps in the numbers of threads on arrival",
                counts.gaps,
            ),
            (
                "dashstream_sequence_duplicates",
                "Messages with the newest number of their thread once more",
                counts.duplicates,
            ),
            (
                "dashstream_sequence_reorders",
                "Messages with an older number of their thread",
                counts.reorders,
            ),
        ] {
            counter(encoder, name, help, count)?;
        }
        let mut buckets: Vec<(f64, u64)> = GAP_SIZES
            .iter()
            .map(|bound| *bound as f64)
            .zip(counts.gap_sizes)
            .collect();
        buckets.push((f64::INFINITY, counts.gap_sizes[GAP_SIZES.len()]));
        encoder
            .encode_descriptor(
                "dashstream_sequence_gap_size",
                "Numbers that a jump left out",
                None,
                MetricType::Histogram,
            )?
            .encode_histogram::<NoLabelSet>(counts.gap_missing as f64, counts.gaps, &buckets, None)
    }

    fn run(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.progress.counts();
        for (name, help, count) in [
            (
                "quipu_records",
                "Records read, dead letters included",
                counts.records,
            ),
            ("quipu_commits", "Commits", counts.commits),
            ("quipu_rows_committed", "Rows committed", counts.rows),
            (
                "quipu_segment_bytes_committed",
                "Bytes of the segments committed",
                counts.bytes,
            ),
        ] {
            counter(encoder, name, help, count)?;
        }
        let forwarded = self.progress.forwarded();
        for (name, help, count) in [
            (
                "dashstream_dlq_sends",
                "Dead letters sent to their topic",
                forwarded.sends,
            ),
            (
                "dashstream_dlq_send_failures",
                "Dead letters whose every attempt failed",
                forwarded.send_failures,
            ),
            (
                "dashstream_dlq_send_retries",
                "Attempts that failed",
                forwarded.send_retries,
            ),
            (
                "dashstream_dlq_dropped",
                "Dead letters that were not tried; they are in the store",
                forwarded.dropped,
            ),
        ] {
            counter(encoder, name, help, count)?;
        }
        if let Some(committed_us) = self.progress.committed_us() {
            let age = (now_us() - committed_us).max(0) as f64 / 1e6;
            gauge(
                encoder,
                "quipu_commit_age_seconds",
                "Time since the last commit",
                age,
            )?;
        }
        let mut letters = encoder.encode_descriptor(
            "quipu_dead_letters",
            "Records that became dead letters, by reason",
            None,
            MetricType::Counter,
        )?;
        for (reason, count) in self.progress.dead_letters() {
            letters
                .encode_family(&ReasonLabel {
                    reason: reason.as_str(),
                })?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn partitions(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let partitions = self.progress.partitions();
        let labels = |log: &quipu_proto::LogPartition| PartitionLabels {
            topic: log.log.topic.to_string(),
            incarnation: log.log.incarnation.to_string(),
            partition: i64::from(log.partition.0),
        };
        let mut lag = encoder.encode_descriptor(
            "quipu_lag_records",
            "Records in Kafka that were not read yet",
            None,
            MetricType::Gauge,
        )?;
        for partition in &partitions {
            lag.encode_family(&labels(&partition.log))?
                .encode_gauge(&partition.lag)?;
        }
        let mut next = encoder.encode_descriptor(
            "quipu_next_offset",
            "Offset to read next",
            None,
            MetricType::Gauge,
        )?;
        for partition in &partitions {
            next.encode_family(&labels(&partition.log))?
                .encode_gauge(&partition.next_offset)?;
        }
        Ok(())
    }

    fn ledger(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(told) = self.ledger.told() else {
            return Ok(());
        };
        let mut gaps = encoder.encode_descriptor(
            "quipu_open_gaps",
            "Gaps in the store that no late message has closed",
            None,
            MetricType::Gauge,
        )?;
        for open in &told.open_gaps {
            let labels = GapLabels {
                cause: open.cause.clone(),
                certainty: open.certainty.clone(),
            };
            gaps.encode_family(&labels)?
                .encode_gauge(&saturating(open.gaps))?;
        }
        let mut missing = encoder.encode_descriptor(
            "quipu_missing_messages",
            "Numbers in these gaps",
            None,
            MetricType::Gauge,
        )?;
        for open in &told.open_gaps {
            let labels = GapLabels {
                cause: open.cause.clone(),
                certainty: open.certainty.clone(),
            };
            missing
                .encode_family(&labels)?
                .encode_gauge(&saturating(open.missing))?;
        }
        gauge(
            encoder,
            "quipu_segments",
            "Live segments of the store",
            told.segments as f64,
        )?;
        gauge(
            encoder,
            "quipu_segment_bytes",
            "Bytes of the live segments",
            told.bytes as f64,
        )
    }
}

impl Collector for RunCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.sequences(&mut encoder)?;
        self.run(&mut encoder)?;
        self.partitions(&mut encoder)?;
        self.ledger(&mut encoder)
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> fmt::Result {
    use prometheus_client::encoding::EncodeMetric;
    let counter = ConstCounter::new(count);
    let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
    counter.encode(metric)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    use prometheus_client::encoding::EncodeMetric;
    let gauge = ConstGauge::new(value);
    let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(metric)
}

fn saturating(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn now_us() -> i64 {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_scrape_has_every_name_and_is_whole() {
        let mut registry = Registry::default();
        let collector = RunCollector::new(Arc::default(), Arc::default());
        registry.register_collector(Box::new(collector));
        let mut text = String::new();
        encode(&mut text, &registry).expect("text can be written");
        for name in [
            "dashstream_messages_received_total 0",
            "dashstream_sequence_gaps_total 0",
            "dashstream_sequence_duplicates_total 0",
            "dashstream_sequence_reorders_total 0",
            "dashstream_sequence_gap_size_bucket{le=\"1000.0\"} 0",
            "dashstream_sequence_gap_size_bucket{le=\"+Inf\"} 0",
            "quipu_dead_letters_total{reason=\"protobuf\"} 0",
            "quipu_commits_total 0",
            "dashstream_dlq_sends_total 0",
            "dashstream_dlq_dropped_total 0",
        ] {
            assert!(text.contains(name), "{name} is not in:\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
