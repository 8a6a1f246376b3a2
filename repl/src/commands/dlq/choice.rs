//! Which letters are meant.

use anyhow::{Context, Result};
use quipu::arrow::array::{Array, AsArray, RecordBatch};
use quipu::arrow::compute::cast;
use quipu::arrow::datatypes::{DataType, Int32Type, Int64Type};
use quipu::ingest::dead_letters::{LetterChoice, LetterPlace};
use quipu::proto::{LogPartition, PartitionId, TopicIncarnation};
use tokio::runtime::Runtime;

use crate::failure::UsageError;
use crate::query::Query;

/// Options of every command that works on some letters.
#[derive(Debug, clap::Args)]
pub(crate) struct ChoiceArgs {
    /// Letters, each as TOPIC/PARTITION/OFFSET [default: all that are open]
    #[arg(value_name = "LETTER", value_parser = place)]
    places: Vec<Place>,

    /// Only letters for which this holds: any condition over the columns of dead_letters
    #[arg(long = "where", value_name = "SQL")]
    condition: Option<String>,
}

/// A letter as it is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    topic: String,
    partition: i32,
    offset: i64,
}

/// Reads the name of a letter. A topic may hold slashes, its numbers may not.
fn place(text: &str) -> Result<Place, String> {
    let wrong =
        || format!("{text:?} is no letter: use TOPIC/PARTITION/OFFSET, such as dashstream-events/3/1042");
    let (rest, offset) = text.rsplit_once('/').ok_or_else(wrong)?;
    let (topic, partition) = rest.rsplit_once('/').ok_or_else(wrong)?;
    if topic.is_empty() {
        return Err(wrong());
    }
    Ok(Place {
        topic: topic.to_owned(),
        partition: partition.parse().map_err(|_| wrong())?,
        offset: offset.parse().map_err(|_| wrong())?,
    })
}

impl ChoiceArgs {
    /// What follows `FROM`: the letters that are meant. Those that a retry resolved are open no more; they are meant
    /// where they are named, or where `all` asks for them.
    pub(crate) fn letters_clause(&self, all: bool) -> String {
        let table = if all || !self.places.is_empty() {
            "dead_letters"
        } else {
            "open_dead_letters"
        };
        let places: Vec<String> = self
            .places
            .iter()
            .map(|place| {
                let topic = place.topic.replace('\'', "''");
                let Place {
                    partition, offset, ..
                } = place;
                format!("topic = '{topic}' AND partition = {partition} AND \"offset\" = {offset}")
            })
            .collect();
        let mut conditions = Vec::new();
        if !places.is_empty() {
            conditions.push(places.join(" OR "));
        }
        if let Some(condition) = &self.condition {
            conditions.push(condition.clone());
        }
        if conditions.is_empty() {
            return table.to_owned();
        }
        format!("{table} WHERE ({})", conditions.join(") AND ("))
    }

    /// The letters as the library wants them.
    pub(crate) fn choice(&self, query: &Query, runtime: &Runtime) -> Result<LetterChoice> {
        if self.places.is_empty() && self.condition.is_none() {
            return Ok(LetterChoice::Unresolved);
        }
        let sql = format!(
            "SELECT topic, incarnation, partition, \"offset\" FROM {}",
            self.letters_clause(false)
        );
        let batches = runtime.block_on(async { query.quipu().sql(&sql).await?.collect().await })?;
        let mut found = Vec::new();
        for batch in &batches {
            read(batch, &mut found).context("the places of letters cannot be read")?;
        }
        if found.is_empty() && !self.places.is_empty() {
            return Err(
                UsageError("no open letter is meant by that; see `quipu dlq list`".to_owned()).into(),
            );
        }
        Ok(LetterChoice::places(found))
    }
}

fn read(batch: &RecordBatch, found: &mut Vec<LetterPlace>) -> Result<()> {
    let column = |at: usize, data_type: &DataType| cast(batch.column(at), data_type);
    let topic = column(0, &DataType::Utf8)?;
    let incarnation = column(1, &DataType::Utf8)?;
    let partition = column(2, &DataType::Int32)?;
    let offset = column(3, &DataType::Int64)?;
    for row in 0..batch.num_rows() {
        debug_assert!(topic.is_valid(row));
        let log = TopicIncarnation::new(
            topic.as_string::<i32>().value(row),
            incarnation.as_string::<i32>().value(row),
        );
        let partition = PartitionId(partition.as_primitive::<Int32Type>().value(row));
        let offset = offset.as_primitive::<Int64Type>().value(row);
        found.push(LetterPlace::new(LogPartition::new(log, partition), offset));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_named_by_topic_partition_and_offset() {
        let named = place("a/b/3/1042").unwrap();
        assert_eq!(
            (named.topic.as_str(), named.partition, named.offset),
            ("a/b", 3, 1042)
        );
        for wrong in ["", "a", "a/1", "/1/2", "a/x/1", "a/1/x"] {
            assert!(place(wrong).unwrap_err().contains("TOPIC/PARTITION/OFFSET"));
        }
    }

    #[test]
    fn places_and_a_condition_both_have_to_hold() {
        let args = ChoiceArgs {
            places: vec![place("it's/0/1").unwrap(), place("b/0/2").unwrap()],
            condition: Some("reason = 'empty' or true".to_owned()),
        };
        assert_eq!(
            args.letters_clause(false),
            "dead_letters WHERE (topic = 'it''s' AND partition = 0 AND \"offset\" = 1 OR topic = 'b' AND partition = 0 \
             AND \"offset\" = 2) AND (reason = 'empty' or true)"
        );
    }
}
