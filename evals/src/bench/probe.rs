//! What is measured of a run.

use std::error::Error;
use std::ffi::OsString;
use std::time::Instant;

/// What is wrong with a measurement.
pub type ProbeError = Box<dyn Error + Send + Sync>;

/// What is measured of a run.
///
/// [`Probe::before`] is called right before the command starts, [`Probe::after`] right after it has ended well. Of several
/// probes those that come later in their list are nearer to the run: they are asked last before it and first after it.
pub trait Probe {
    /// Variables that the command is given besides those of this process.
    fn variables(&self) -> Vec<(String, OsString)> {
        Vec::new()
    }

    /// Gets ready for a run.
    ///
    /// # Errors
    /// What keeps it from measuring.
    fn before(&mut self) -> Result<(), ProbeError>;

    /// What was measured: names of metrics with their values. Less is better of all of them. Names end with their unit, as
    /// `wall_time_ms`; one that comes several times has several values in this run.
    ///
    /// # Errors
    /// What kept it from measuring.
    fn after(&mut self) -> Result<Vec<(String, f64)>, ProbeError>;
}

/// The time from the start of the process to its end, as a user waits for it: metric `wall_time_ms`.
#[derive(Debug, Default)]
pub struct WallTime {
    started: Option<Instant>,
}

impl WallTime {
    /// Name of the metric, milliseconds.
    pub const METRIC: &str = "wall_time_ms";
}

impl Probe for WallTime {
    fn before(&mut self) -> Result<(), ProbeError> {
        self.started = Some(Instant::now());
        Ok(())
    }

    fn after(&mut self) -> Result<Vec<(String, f64)>, ProbeError> {
        let started = self.started.take().ok_or("the clock was not started")?;
        Ok(vec![(
            Self::METRIC.to_owned(),
            started.elapsed().as_secs_f64() * 1_000.0,
        )])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_measured_between_before_and_after() {
        let mut probe = WallTime::default();
        assert!(probe.after().is_err(), "nothing began");
        let begun = Instant::now();
        probe.before().unwrap();
        std::thread::yield_now();
        let values = probe.after().unwrap();
        let whole = begun.elapsed().as_secs_f64() * 1_000.0;
        assert_eq!(values[0].0, "wall_time_ms");
        assert!((0.0..=whole).contains(&values[0].1), "{values:?}");
        assert!(probe.after().is_err(), "a run is measured once");
    }
}
