//! Finding where partitions begin and end, at their leader, and whether their logs are still the ones that were read.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::OffsetForLeaderEpochRequest;

use crate::connect::Connection;
use crate::continuity::{Evidence, Found, LogChange};
use crate::epochs::ReadEpochs;
use crate::error::KafkaError;
use crate::event::SourceEvent;
use crate::hole::{HoleCause, OffsetHole};
use crate::leader::{LeaderTask, Stop, Why};
use crate::offsets::{ByPartition, EpochEnd, Isolation, OffsetAt, PartitionRef, epoch_ends, list_offsets};
use crate::options::{OnOutOfRange, Until};
use crate::partition::{PartitionFetch, Start, State};
use crate::witness;

/// What the leader says about the partitions to be opened.
struct Answers {
    earliest: ByPartition<i64>,
    high_watermark: ByPartition<i64>,
    /// The last stable offset when reading committed records.
    latest: ByPartition<i64>,
    from_time: ByPartition<i64>,
    until_time: ByPartition<i64>,
    epoch_ends: ByPartition<EpochEnd>,
    /// What stands where the record was that was read last; only where that matters.
    last_records: ByPartition<Found>,
}

/// What the leader says about one partition.
struct Known {
    log_start: i64,
    high_watermark: i64,
    latest: i64,
    from_time: Option<i64>,
    until_time: Option<i64>,
    epoch_end: Option<EpochEnd>,
    last_record: Found,
}

/// Takes each partition of the task that is not being fetched yet to the place where fetching begins.
pub(super) async fn open(task: &mut LeaderTask, connection: &mut Connection) -> Result<(), Stop> {
    if task
        .partitions
        .iter()
        .all(|partition| partition.state == State::Fetching)
    {
        return Ok(());
    }
    let answers = ask(task, connection).await?;
    for partition in std::mem::take(&mut task.partitions) {
        if partition.state == State::Fetching {
            task.partitions.push(partition);
            continue;
        }
        match answers.of(&partition) {
            Ok(known) => place(task, partition, &known).await?,
            Err(error) => task.refused(partition, "ListOffsets", error).await?,
        }
    }
    Ok(())
}

async fn ask(task: &LeaderTask, connection: &mut Connection) -> Result<Answers, KafkaError> {
    let isolation = task.options.isolation;
    let waiting: Vec<&PartitionFetch> = task
        .partitions
        .iter()
        .filter(|partition| partition.state != State::Fetching)
        .collect();
    let all: Vec<PartitionRef> = waiting.iter().map(|partition| partition.reference()).collect();

    let earliest = list_offsets(connection, &all, OffsetAt::Earliest, isolation).await?;
    let high_watermark = list_offsets(connection, &all, OffsetAt::Latest, Isolation::ReadUncommitted).await?;
    let latest = list_offsets(connection, &all, OffsetAt::Latest, isolation).await?;
    let mut from_time = ByPartition::new();
    if let Some(time) = waiting.iter().find_map(|partition| match partition.state {
        State::Opening(Start::Timestamp(time)) => Some(time),
        _ => None,
    }) {
        from_time = list_offsets(connection, &all, OffsetAt::Time(time), isolation).await?;
    }
    let until_time = match task.options.until {
        Until::Timestamp(time) => list_offsets(connection, &all, OffsetAt::Time(time), isolation).await?,
        _ => ByPartition::new(),
    };
    let epochs: Vec<(PartitionRef, i32)> = waiting
        .iter()
        .filter(|partition| partition.epochs.last() >= 0)
        .map(|partition| (partition.reference(), partition.epochs.last()))
        .collect();
    let epoch_ends = if epochs.is_empty() || !connection.knows::<OffsetForLeaderEpochRequest>() {
        ByPartition::new()
    } else {
        epoch_ends(connection, &epochs).await?
    };
    let mut answers = Answers {
        earliest,
        high_watermark,
        latest,
        from_time,
        until_time,
        epoch_ends,
        last_records: ByPartition::new(),
    };
    for partition in waiting {
        // What was refused needs no witness: it is asked for again as a whole.
        let Ok(known) = answers.of(partition) else {
            continue;
        };
        let Some(record) = partition.handle.last_record() else {
            continue;
        };
        let within = (known.log_start..known.high_watermark).contains(&record.offset.0);
        if within
            && known
                .evidence(partition)
                .is_some_and(|evidence| evidence.needs_record())
        {
            let found = witness::look(connection, partition.reference(), record).await?;
            answers.last_records.insert(key_of(partition), found);
        }
    }
    Ok(answers)
}

fn key_of(partition: &PartitionFetch) -> (Arc<str>, i32) {
    let log = &partition.handle.log;
    (Arc::clone(&log.log.topic), log.partition.0)
}

impl Known {
    /// What is known of a partition that was read before.
    fn evidence<'p>(&self, partition: &'p PartitionFetch) -> Option<Evidence<'p>> {
        Some(Evidence {
            position: partition.read_up_to()?,
            epochs: &partition.epochs,
            last_record: partition.handle.last_record().map(|record| record.offset.0),
            has_topic_id: partition.topic_id.is_some(),
            leader_epoch: partition.leader_epoch,
            epoch_end: self.epoch_end,
            high_watermark: self.high_watermark,
        })
    }

    /// How the log differs from the one that was read; `None` where it is the same, or was never read.
    fn change(&self, partition: &PartitionFetch) -> Option<LogChange> {
        self.evidence(partition)?.judge(self.last_record)
    }
}

impl Answers {
    fn of(&self, partition: &PartitionFetch) -> Result<Known, ResponseError> {
        let key = key_of(partition);
        // A partition left out of the answer is asked for again later.
        let needed = |answers: &ByPartition<i64>| {
            answers
                .get(&key)
                .copied()
                .unwrap_or(Err(ResponseError::UnknownTopicOrPartition))
        };
        let by_time = |answers: &ByPartition<i64>| match answers.get(&key) {
            Some(Ok(offset)) => Ok(Some(*offset).filter(|offset| *offset >= 0)),
            Some(Err(error)) => Err(*error),
            None => Ok(None),
        };
        Ok(Known {
            log_start: needed(&self.earliest)?.max(0),
            high_watermark: needed(&self.high_watermark)?.max(0),
            latest: needed(&self.latest)?.max(0),
            from_time: by_time(&self.from_time)?,
            until_time: by_time(&self.until_time)?,
            epoch_end: self.epoch_ends.get(&key).copied().transpose()?,
            last_record: match self.last_records.get(&key) {
                Some(found) => (*found)?,
                None => Found::Nothing,
            },
        })
    }
}

impl Known {
    fn position_of(&self, start: Start) -> i64 {
        match start {
            Start::Earliest => self.log_start,
            Start::Latest => self.latest,
            Start::BeforeEnd(offsets) => {
                let offsets = i64::try_from(offsets).unwrap_or(i64::MAX);
                self.latest.saturating_sub(offsets).max(self.log_start)
            }
            Start::Timestamp(_) => self.from_time.unwrap_or(self.latest),
            Start::Offset(offset) | Start::Cut(offset) => offset.max(0),
            Start::Stored(stored) => stored.next_offset.max(0),
        }
    }
}

/// Where the next life of a log begins: where it differs from the one that was read, or as was asked for.
fn start_of_next_life(partition: &PartitionFetch, known: &Known, change: LogChange) -> Start {
    let asked = match partition.state {
        State::Opening(Start::Stored(_)) | State::Rechecking | State::Fetching => None,
        State::Opening(start) => Some(start),
    };
    match (change, asked) {
        (LogChange::Truncated { at }, None) => Start::Cut(at),
        (LogChange::Truncated { at }, Some(start)) => Start::Cut(known.position_of(start).max(at)),
        (LogChange::Replaced, None) => Start::Earliest,
        (LogChange::Replaced, Some(start)) => start,
    }
}

/// Moves one partition to where fetching begins, and tells so.
async fn place(task: &mut LeaderTask, mut partition: PartitionFetch, known: &Known) -> Result<(), Stop> {
    let name = partition.handle.place();
    let (log_start, high_watermark) = (known.log_start, known.high_watermark);
    if let Some(change) = known.change(&partition) {
        partition.handle.progress.close();
        let start = start_of_next_life(&partition, known, change);
        task.give_back(partition, Why::Changed { change, start });
        return Ok(());
    }
    if let State::Opening(start) = partition.state {
        let position = known.position_of(start);
        partition.end = match task.options.until {
            Until::Follow => i64::MAX,
            Until::End => known.latest,
            Until::Offset(offset) => offset.max(0),
            Until::Timestamp(_) => known.until_time.unwrap_or(known.latest),
        };
        partition.move_to(position);
        if !matches!(start, Start::Stored(_)) {
            // They are those of another place.
            partition.epochs = ReadEpochs::default();
        }
        task.tell(SourceEvent::PartitionOpened {
            partition: Arc::clone(&partition.handle),
            start_offset: position,
            log_start,
            head_known: position == 0 && log_start == 0,
        })
        .await?;
        if let (Start::Offset(offset), true) = (start, position > high_watermark) {
            return task
                .fail(
                    partition,
                    KafkaError::StartAboveEnd {
                        place: name,
                        offset,
                        high_watermark,
                    },
                )
                .await;
        }
    }
    partition
        .handle
        .progress
        .told(high_watermark, known.latest, log_start);

    let position = partition.position;
    partition.state = State::Fetching;
    if position >= partition.end {
        return task.finish_or_keep(partition).await;
    }
    if position < log_start {
        if task.options.on_out_of_range == OnOutOfRange::Stop {
            return task
                .fail(
                    partition,
                    KafkaError::OutOfRange {
                        place: name,
                        position,
                        log_start,
                    },
                )
                .await;
        }
        let next = log_start.min(partition.end);
        let hole = OffsetHole {
            first: position,
            last: next - 1,
            cause: HoleCause::Retention,
        };
        task.tell(SourceEvent::Hole {
            partition: Arc::clone(&partition.handle),
            hole,
        })
        .await?;
        partition.move_to(next);
        // What epochs lie before it was never read.
        partition.epochs = ReadEpochs::default();
    }
    task.finish_or_keep(partition).await
}
