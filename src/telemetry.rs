//! Measuring a command by its own telemetry.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

use quipu_evals::bench::{Probe, ProbeError};
use quipu_ingest::FramesFile;
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::handle::Quipu;

/// The variable that tells a command where its telemetry is expected: a frames file.
pub const TELEMETRY_VARIABLE: &str = "QUIPU_TELEMETRY";

/// What is measured of each run of a graph.
const RUNS: &str = "SELECT CAST(duration_us AS DOUBLE) / 1e3, CAST(errors AS DOUBLE), CAST(tool_calls AS DOUBLE), \
     CASE WHEN tokens_from IS NOT NULL \
          THEN CAST(coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS DOUBLE) END \
     FROM runs";

/// What each run of a graph cost, as far as known.
const COSTS: &str =
    "SELECT CAST(cost_usd AS DOUBLE) FROM costs_by_run WHERE run_number IS NOT NULL AND unpriced = 0";

/// Takes the samples of a benchmark from the telemetry of the command: the runs of graphs in the frames file that it writes
/// to the path in [`TELEMETRY_VARIABLE`]. Metrics: `run_duration_ms`, `run_errors`, `run_tool_calls`, `run_tokens` and
/// `run_cost_usd`; a command may have several runs.
#[derive(Debug)]
pub struct TelemetryProbe {
    runtime: Handle,
    folder: TempDir,
}

impl TelemetryProbe {
    /// A probe that asks its questions on a runtime. It must not be used from within one of its tasks.
    ///
    /// # Errors
    /// No temporary folder can be made.
    pub fn new(runtime: Handle) -> io::Result<Self> {
        Ok(Self {
            runtime,
            folder: TempDir::new()?,
        })
    }

    fn frames(&self) -> PathBuf {
        self.folder.path().join("telemetry.frames")
    }

    async fn runs(&self, quipu: &Quipu) -> crate::Result<Vec<(String, f64)>> {
        type Row = (Option<f64>, Option<f64>, Option<f64>, Option<f64>);
        let rows: Vec<Row> = quipu.sql(RUNS).await?.collect_as().await?;
        let costs: Vec<Option<f64>> = quipu.sql(COSTS).await?.collect_as().await?;
        let named = rows.into_iter().flat_map(|(duration, errors, calls, tokens)| {
            [
                ("run_duration_ms", duration),
                ("run_errors", errors),
                ("run_tool_calls", calls),
                ("run_tokens", tokens),
            ]
        });
        Ok(named
            .chain(costs.into_iter().map(|cost| ("run_cost_usd", cost)))
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect())
    }
}

impl Probe for TelemetryProbe {
    fn variables(&self) -> Vec<(String, OsString)> {
        vec![(TELEMETRY_VARIABLE.to_owned(), self.frames().into_os_string())]
    }

    fn before(&mut self) -> Result<(), ProbeError> {
        match fs::remove_file(self.frames()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn after(&mut self) -> Result<Vec<(String, f64)>, ProbeError> {
        let frames = self.frames();
        if !frames.exists() {
            return Err(format!(
                "the command wrote no telemetry: it must write a frames file to the path in {TELEMETRY_VARIABLE}"
            )
            .into());
        }
        let store = TempDir::new()?;
        let quipu = Quipu::create(store.path())?;
        quipu.ingest(&[FramesFile::new(&frames)])?;
        let measured = self.runtime.block_on(self.runs(&quipu))?;
        if measured.is_empty() {
            return Err("the telemetry of the command holds no run of a graph".into());
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quipu_proto::frames::{Frame, write_frame};
    use quipu_proto::framing::{self, Compression};
    use quipu_proto::message::{DashStreamMessage, Event, Header, dash_stream_message::Message};

    fn event(sequence: u64, event_type: i32, at_us: i64, duration_us: i64) -> Vec<u8> {
        let header = Header {
            message_id: vec![sequence as u8; 16],
            thread_id: "t".into(),
            sequence,
            timestamp_us: at_us,
            schema_version: 1,
            r#type: 1,
            ..Header::default()
        };
        let message = Message::Event(Event {
            header: Some(header),
            event_type,
            duration_us,
            ..Event::default()
        });
        framing::encode(
            &DashStreamMessage {
                message: Some(message),
            },
            Compression::default(),
        )
    }

    #[test]
    fn runs_are_measured_by_what_the_command_wrote() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut probe = TelemetryProbe::new(runtime.handle().clone()).unwrap();
        probe.before().unwrap();
        assert!(
            probe
                .after()
                .unwrap_err()
                .to_string()
                .contains(TELEMETRY_VARIABLE)
        );
        let (_, path) = probe.variables().pop().unwrap();
        let mut file = fs::File::create(path).unwrap();
        for payload in [event(1, 1, 1_000_000, 0), event(2, 2, 1_250_000, 250_000)] {
            write_frame(
                &mut file,
                &Frame {
                    partition: 0,
                    key: b"t",
                    payload: &payload,
                },
            )
            .unwrap();
        }
        let measured = probe.after().unwrap();
        assert_eq!(
            measured,
            [
                ("run_duration_ms".to_owned(), 250.0),
                ("run_errors".to_owned(), 0.0),
                ("run_tool_calls".to_owned(), 0.0)
            ]
        );
    }
}
