//! The task that watches for stalls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::event::{PartitionHandle, SourceEvent};
use crate::progress::StallDetector;

/// The partitions that are watched.
pub(super) type Watched = Arc<Mutex<Vec<Arc<PartitionHandle>>>>;

/// Looks at all partitions from time to time and tells those that stand still.
pub(super) async fn watch_for_stalls(watched: Watched, events: mpsc::Sender<SourceEvent>, limit: Duration) {
    let pause = (limit / 10).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let mut detectors: HashMap<usize, StallDetector> = HashMap::new();
    loop {
        sleep(pause).await;
        let now = std::time::Instant::now();
        let mut stalls = Vec::new();
        if let Ok(mut watched) = watched.lock() {
            watched.retain(|handle| !handle.progress.is_closed());
            detectors.retain(|index, _| watched.iter().any(|handle| handle.index == *index));
            for handle in watched.iter() {
                let detector = detectors
                    .entry(handle.index)
                    .or_insert_with(|| StallDetector::new(limit, now));
                // A full channel holds up all partitions of a task, whichever of them it has in hand.
                if events.capacity() == 0 {
                    detector.hold(now);
                } else if let Some(report) = detector.look(&handle.progress, now) {
                    stalls.push(SourceEvent::Stalled {
                        partition: Arc::clone(handle),
                        report,
                    });
                }
            }
        }
        for stall in stalls {
            if events.send(stall).await.is_err() {
                return;
            }
        }
    }
}
