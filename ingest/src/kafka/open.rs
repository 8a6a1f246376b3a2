//! Finding where partitions begin and end, at their leader.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::OffsetForLeaderEpochRequest;

use super::connect::Connection;
use super::error::KafkaError;
use super::event::SourceEvent;
use super::hole::{HoleCause, OffsetHole};
use super::leader::{LeaderTask, Stop};
use super::offsets::{ByPartition, EpochEnd, Isolation, OffsetAt, PartitionRef, epoch_ends, list_offsets};
use super::options::{OnOutOfRange, Until};
use super::partition::{PartitionFetch, Start, State};

/// What the leader says about the partitions to be opened.
struct Answers {
    earliest: ByPartition<i64>,
    high_watermark: ByPartition<i64>,
    /// The last stable offset when reading committed records.
    latest: ByPartition<i64>,
    from_time: ByPartition<i64>,
    until_time: ByPartition<i64>,
    epoch_ends: ByPartition<EpochEnd>,
}

/// What the leader says about one partition.
struct Known {
    log_start: i64,
    high_watermark: i64,
    latest: i64,
    from_time: Option<i64>,
    until_time: Option<i64>,
    epoch_end: Option<EpochEnd>,
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
        .filter_map(|partition| match partition.state {
            State::Opening(Start::Stored(stored)) if stored.leader_epoch >= 0 => {
                Some((partition.reference(), stored.leader_epoch))
            }
            _ => None,
        })
        .collect();
    let epoch_ends = if epochs.is_empty() || !connection.knows::<OffsetForLeaderEpochRequest>() {
        ByPartition::new()
    } else {
        epoch_ends(connection, &epochs).await?
    };
    Ok(Answers {
        earliest,
        high_watermark,
        latest,
        from_time,
        until_time,
        epoch_ends,
    })
}

impl Answers {
    fn of(&self, partition: &PartitionFetch) -> Result<Known, ResponseError> {
        let key = (
            Arc::clone(&partition.handle.log.log.topic),
            partition.handle.log.partition.0,
        );
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
        })
    }
}

/// Moves one partition to where fetching begins, and tells so.
async fn place(task: &mut LeaderTask, mut partition: PartitionFetch, known: &Known) -> Result<(), Stop> {
    let name = partition.handle.place();
    let (log_start, high_watermark) = (known.log_start, known.high_watermark);
    if let State::Opening(start) = partition.state {
        let position = match start {
            Start::Earliest => log_start,
            Start::Latest => known.latest,
            Start::Timestamp(_) => known.from_time.unwrap_or(known.latest),
            Start::Offset(offset) => offset.max(0),
            Start::Stored(stored) => stored.next_offset.max(0),
        };
        partition.end = match task.options.until {
            Until::Follow => i64::MAX,
            Until::End => known.latest,
            Until::Offset(offset) => offset.max(0),
            Until::Timestamp(_) => known.until_time.unwrap_or(known.latest),
        };
        partition.move_to(position);
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
        if let Start::Stored(stored) = start {
            partition.last_epoch = stored.leader_epoch;
        }
    }
    partition
        .handle
        .progress
        .told(high_watermark, known.latest, log_start);

    let position = partition.position;
    let diverges_at = known
        .epoch_end
        .filter(|end| end.leader_epoch >= 0 && end.end_offset >= 0 && end.end_offset < position)
        .map(|end| end.end_offset);
    if position > high_watermark || diverges_at.is_some() {
        let log_end = diverges_at.unwrap_or(high_watermark);
        return task
            .fail(
                partition,
                KafkaError::Truncated {
                    place: name,
                    position,
                    log_end,
                },
            )
            .await;
    }
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
    }
    task.finish_or_keep(partition).await
}
