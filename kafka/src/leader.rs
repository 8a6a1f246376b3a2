//! One task per partition leader: it fetches all partitions of its broker and hands on what comes.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::address::BrokerAddress;
use crate::batch::{self, BatchError, BatchFault, Checksums, Scan};
use crate::connect::Connection;
use crate::continuity::LogChange;
use crate::error::KafkaError;
use crate::event::{Fetched, SourceEvent};
use crate::fetch::{FetchBounds, FetchPosition, FetchedPartition, fetch};
use crate::offsets::{Isolation, OffsetAt, list_offsets};
use crate::open;
use crate::options::KafkaOptions;
use crate::partition::{PartitionFetch, Start};

/// Longest time that a broker may make us wait by throttling.
const THROTTLE_MAX: Duration = Duration::from_secs(30);
/// What a response needs beside the batches of one partition.
const RESPONSE_HEAD_BYTES: usize = 64 << 10;
/// A broker that answers an empty fetch at once, instead of waiting for records, is not asked again sooner than this.
const EMPTY_PAUSE: Duration = Duration::from_millis(20);
/// Fetches of the same damaged batch before it is believed that the log, and not the answer, is damaged.
const DAMAGES_MAX: u32 = 3;

/// What a leader task is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Read this partition from now on.
    Assign(PartitionFetch),
    /// Give the partition with this handle index back.
    Revoke(usize),
}

/// A partition that a leader task gives back.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) partition: PartitionFetch,
    pub(super) why: Why,
}

/// Why a partition comes back.
#[derive(Debug)]
pub(super) enum Why {
    /// Read to its end, or failed for good: the event was sent.
    Closed,
    /// It was asked for.
    Revoked,
    /// The log is another one than was read: the next life of it begins so.
    Changed { change: LogChange, start: Start },
    /// Something that may be better after a look at the metadata.
    Retry(Arc<KafkaError>),
}

/// The task's work is over.
pub(super) enum Stop {
    /// Nobody listens to the events any more, or nobody needs the task.
    Unneeded,
    /// The connection is of no more use.
    Broken(KafkaError),
}

impl From<KafkaError> for Stop {
    fn from(error: KafkaError) -> Self {
        Self::Broken(error)
    }
}

/// The task.
pub(super) struct LeaderTask {
    pub(super) broker: BrokerAddress,
    pub(super) options: Arc<KafkaOptions>,
    pub(super) events: mpsc::Sender<SourceEvent>,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) returns: mpsc::UnboundedSender<Returned>,
    pub(super) partitions: Vec<PartitionFetch>,
}

impl LeaderTask {
    /// Works until nobody needs the task, or until the connection breaks; then all partitions go back.
    pub(super) async fn run(mut self) {
        let error = match self.serve().await {
            Ok(()) | Err(Stop::Unneeded) => return,
            Err(Stop::Broken(error)) => Arc::new(error),
        };
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.obey(command);
        }
        for mut partition in self.partitions.drain(..) {
            partition.failures += 1;
            // Nobody listens only when the whole source is over.
            let _ = self.returns.send(Returned {
                partition,
                why: Why::Retry(Arc::clone(&error)),
            });
        }
    }

    async fn serve(&mut self) -> Result<(), Stop> {
        let connect = Arc::new(self.options.connect.clone());
        let mut connection = Connection::open(&self.broker, Arc::clone(&connect)).await?;
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            if self.partitions.is_empty() {
                match self.commands.recv().await {
                    Some(command) => self.obey(command),
                    None => return Ok(()),
                }
                continue;
            }
            self.drop_abandoned();
            if !connection.is_usable() {
                connection = Connection::open(&self.broker, Arc::clone(&connect)).await?;
            }
            open::open(self, &mut connection).await?;
            if !self.partitions.is_empty() {
                self.fetch(&mut connection).await?;
            }
        }
    }

    /// Lets go of the partitions that the pipeline cannot take on.
    fn drop_abandoned(&mut self) {
        let abandoned = |partition: &mut PartitionFetch| partition.handle.progress.is_abandoned();
        for partition in self.partitions.extract_if(.., abandoned).collect::<Vec<_>>() {
            partition.handle.progress.close();
            self.give_back(partition, Why::Closed);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Assign(partition) => self.partitions.push(partition),
            Command::Revoke(index) => {
                if let Some(at) = self
                    .partitions
                    .iter()
                    .position(|partition| partition.handle.index == index)
                {
                    let partition = self.partitions.remove(at);
                    self.give_back(partition, Why::Revoked);
                }
            }
        }
    }

    async fn fetch(&mut self, connection: &mut Connection) -> Result<(), Stop> {
        let (asked, bytes_max) = self.line_up();
        let positions: Vec<FetchPosition> = self.partitions[..asked]
            .iter()
            .map(|partition| FetchPosition {
                partition: partition.reference(),
                offset: partition.position,
                last_epoch: partition.epochs.last(),
                bytes_max: i32::try_from(bytes_max).unwrap_or(i32::MAX),
            })
            .collect();
        let bounds = FetchBounds {
            wait: self.options.fetch_wait,
            bytes_max: i32::try_from(bytes_max.max(self.options.fetch_bytes_max)).unwrap_or(i32::MAX),
            isolation: self.options.isolation,
        };
        let began = Instant::now();
        let answer = fetch(connection, &positions, &bounds).await?;
        let mut quiet = true;
        let mut answers: Vec<Option<(FetchedPartition, Scan)>> = Vec::new();
        answers.resize_with(self.partitions.len(), || None);
        for (index, fetched) in answer.partitions {
            quiet &= fetched.error.is_none() && fetched.records.is_empty();
            answers[index] = Some(self.scan(connection, &self.partitions[index], fetched).await?);
        }
        // From here on nothing can fail for which the partitions would have to go back.
        for (partition, answer) in std::mem::take(&mut self.partitions).into_iter().zip(answers) {
            match answer {
                Some((fetched, scan)) => self.take_in(partition, fetched, scan, asked).await?,
                // Not asked for, or left out of the answer.
                None => self.partitions.push(partition),
            }
        }
        if !answer.throttle.is_zero() {
            sleep(answer.throttle.min(THROTTLE_MAX)).await;
        } else if quiet && began.elapsed() < EMPTY_PAUSE.min(self.options.fetch_wait) {
            sleep(EMPTY_PAUSE.min(self.options.fetch_wait)).await;
        }
        Ok(())
    }

    /// Puts the partitions in the order of the next fetch. Gives how many of them to ask for, and how many bytes of each.
    ///
    /// Brokers fill a response in the order of the request, and the first that has something to send gets one whole batch
    /// in any case. So each partition comes first in turn. One that had its turn and still got no whole batch is asked
    /// for alone, with all the room that a response may have.
    fn line_up(&mut self) -> (usize, u32) {
        let count = self.partitions.len();
        if let Some(at) = self
            .partitions
            .iter()
            .position(|partition| partition.cuts > count)
        {
            self.partitions.swap(0, at);
            let room = self
                .options
                .connect
                .response_bytes_max
                .saturating_sub(RESPONSE_HEAD_BYTES);
            return (1, u32::try_from(room).unwrap_or(u32::MAX));
        }
        self.partitions.rotate_left(1);
        (count, self.options.partition_bytes_max)
    }

    /// Looks how far the answer for a partition carries its position.
    async fn scan(
        &self,
        connection: &mut Connection,
        partition: &PartitionFetch,
        mut fetched: FetchedPartition,
    ) -> Result<(FetchedPartition, Scan), KafkaError> {
        let (position, leader_epoch) = (partition.position, partition.leader_epoch);
        let mut scan = batch::scan(&fetched.records, position, fetched.high_watermark, leader_epoch);
        if matches!(
            &scan.stop,
            Some(BatchError {
                fault: BatchFault::AboveHighWatermark { .. },
                ..
            })
        ) {
            // Brokers note the high watermark before they read, so records may lie above it. Only what lies above the
            // high watermark of now is wrong.
            let asked = [partition.reference()];
            let latest =
                list_offsets(connection, &asked, OffsetAt::Latest, Isolation::ReadUncommitted).await?;
            let latest = latest.into_values().find_map(Result::ok).unwrap_or(-1);
            fetched.high_watermark = fetched.high_watermark.max(latest);
            scan = batch::scan(&fetched.records, position, fetched.high_watermark, leader_epoch);
        }
        Ok((fetched, scan))
    }

    /// Hands on what came for one partition, in a fetch that asked for so many, and moves its position.
    async fn take_in(
        &mut self,
        mut partition: PartitionFetch,
        fetched: FetchedPartition,
        scan: Scan,
        asked: usize,
    ) -> Result<(), Stop> {
        if let Some(error) = fetched.error {
            return self.refused(partition, "Fetch", error).await;
        }
        let position = partition.position;
        let place = partition.handle.place();
        let progress = &partition.handle.progress;
        progress.told(
            fetched.high_watermark,
            fetched.last_stable_offset,
            fetched.log_start_offset,
        );
        if let Some(diverging) = fetched.diverging {
            let error = KafkaError::Diverging {
                place,
                position,
                epoch: diverging.leader_epoch,
                end_offset: diverging.end_offset,
            };
            partition.failures += 1;
            self.give_back(partition, Why::Retry(Arc::new(error)));
            return Ok(());
        }
        partition.failures = 0;
        // A damaged answer is asked for again: the log itself may be sound.
        let again = (scan.sound.is_some() || scan.stop.is_some()) && partition.damages + 1 < DAMAGES_MAX;
        let checksums = match scan.sound {
            Some(_) if !again => Checksums::Verify,
            _ => Checksums::Ignore,
        };
        let damage = match (&scan.sound, &scan.stop) {
            (Some(sound), _) => sound.damage.to_owned(),
            (None, Some(error)) => error.to_string(),
            (None, None) => String::new(),
        };
        let scan = if again { scan.sound_part() } else { scan };
        if fetched.records.is_empty() {
            self.partitions.push(partition);
            return Ok(());
        }
        if scan.whole_bytes > 0 {
            let next_offset = scan.next_offset.min(partition.end);
            let event = SourceEvent::Fetched(Fetched {
                partition: Arc::clone(&partition.handle),
                records: fetched.records.slice(..scan.whole_bytes),
                aborted: fetched.aborted,
                fetch_offset: position,
                next_offset,
                end: partition.end,
                high_watermark: fetched.high_watermark,
                last_stable_offset: fetched.last_stable_offset,
                leader_epoch: scan.leader_epoch,
                checksums,
            });
            partition.handle.progress.set_handing_over(true);
            self.tell(event).await?;
            partition.handle.progress.set_handing_over(false);
            partition.move_to(next_offset);
            for (epoch, from) in &scan.epochs {
                partition.epochs.read(*epoch, *from);
            }
            partition.cuts = 0;
        }
        if partition.position >= partition.end {
            return self.finish_or_keep(partition).await;
        }
        if again {
            partition.damages += 1;
            partition.failures = partition.damages;
            let damaged = KafkaError::DamagedAnswer {
                broker: self.broker.to_string(),
                place,
                offset: partition.position,
                reason: damage,
            };
            self.give_back(partition, Why::Retry(Arc::new(damaged)));
            return Ok(());
        }
        partition.damages = 0;
        if let Some(source) = scan.stop {
            return self.fail(partition, KafkaError::Batch { place, source }).await;
        }
        if scan.whole_bytes == 0 {
            if asked == 1 && partition.cuts > 1 {
                let fault = BatchFault::LongerThanResponse {
                    limit: self.options.connect.response_bytes_max,
                };
                let source = BatchError {
                    base_offset: position,
                    last_offset: None,
                    fault,
                };
                return self.fail(partition, KafkaError::Batch { place, source }).await;
            }
            partition.cuts += 1;
        }
        self.partitions.push(partition);
        Ok(())
    }

    /// Tells the end of a partition that has reached it, and keeps any other.
    pub(super) async fn finish_or_keep(&mut self, partition: PartitionFetch) -> Result<(), Stop> {
        if partition.position < partition.end {
            self.partitions.push(partition);
            return Ok(());
        }
        partition.handle.progress.close();
        let next_offset = partition.position;
        self.tell(SourceEvent::PartitionDone {
            partition: Arc::clone(&partition.handle),
            next_offset,
        })
        .await?;
        self.give_back(partition, Why::Closed);
        Ok(())
    }

    /// Deals with a request that the broker refused for one partition.
    pub(super) async fn refused(
        &mut self,
        mut partition: PartitionFetch,
        api: &'static str,
        error: ResponseError,
    ) -> Result<(), Stop> {
        let refusal = KafkaError::RefusedPartition {
            broker: self.broker.to_string(),
            api,
            place: partition.handle.place(),
            error,
        };
        match error {
            // The metadata is asked first: a topic that was recreated must not be taken for one that was cut.
            ResponseError::OffsetOutOfRange
            | ResponseError::UnknownServerError
            | ResponseError::UnknownTopicId
            | ResponseError::InconsistentTopicId => {}
            error if error.is_retriable() => {}
            _ => return self.fail(partition, refusal).await,
        }
        partition.failures += 1;
        self.give_back(partition, Why::Retry(Arc::new(refusal)));
        Ok(())
    }

    /// Ends a partition that cannot be read on.
    pub(super) async fn fail(&mut self, partition: PartitionFetch, error: KafkaError) -> Result<(), Stop> {
        partition.handle.progress.close();
        self.tell(SourceEvent::PartitionFailed {
            partition: Arc::clone(&partition.handle),
            error,
        })
        .await?;
        self.give_back(partition, Why::Closed);
        Ok(())
    }

    pub(super) fn give_back(&self, partition: PartitionFetch, why: Why) {
        // Nobody listens only when the whole source is over.
        let _ = self.returns.send(Returned { partition, why });
    }

    pub(super) async fn tell(&self, event: SourceEvent) -> Result<(), Stop> {
        self.events.send(event).await.map_err(|_| Stop::Unneeded)
    }
}
