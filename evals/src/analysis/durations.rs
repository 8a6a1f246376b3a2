//! A sample of durations.

/// Durations in milliseconds, in no order.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations(Vec<f64>);

/// What is told of a sample; all zero for an empty one. Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spread {
    pub(super) count: u64,
    pub(super) total: f64,
    pub(super) avg: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
}

impl Durations {
    pub(super) fn push(&mut self, ms: f64) {
        self.0.push(ms);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Sums go over the sorted sample, so that they do not depend on the order in which durations came.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn spread(mut self) -> Spread {
        self.0.sort_unstable_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (self.0.first(), self.0.last()) else {
            return Spread::default();
        };
        let total: f64 = self.0.iter().sum();
        Spread {
            count: self.0.len() as u64,
            total,
            avg: total / self.0.len() as f64,
            min,
            max,
            p50: percentile(&self.0, 0.50),
            p95: percentile(&self.0, 0.95),
            p99: percentile(&self.0, 0.99),
        }
    }
}

/// The nearest rank: the least value that has the share `p` of the sample at or below it.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn percentile(sorted: &[f64], p: f64) -> f64 {
    let rank = (sorted.len() as f64 * p).ceil() as usize;
    let index = rank.saturating_sub(1).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u32>) -> Spread {
        Durations(values.into_iter().map(f64::from).collect()).spread()
    }

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let two = of([350, 250]);
        assert_eq!((two.p50, two.p95, two.avg), (250.0, 350.0, 300.0));
        assert_eq!(of(1..=20).p95, 19.0);
        assert_eq!(of((1..=100).rev()).p99, 99.0);
        assert_eq!(
            of([7]),
            Spread {
                count: 1,
                total: 7.0,
                avg: 7.0,
                min: 7.0,
                max: 7.0,
                p50: 7.0,
                p95: 7.0,
                p99: 7.0
            }
        );
        assert_eq!(of([]), Spread::default());
    }
}
