//! The answer to a statement.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt};
use quipu_sql::Answer;
use quipu_sql::arrow::array::RecordBatch;
use quipu_sql::arrow::datatypes::SchemaRef;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::typed;

/// The rows that answer a statement, batch by batch as they are computed. Keeps the files of its snapshot in place.
#[derive(Debug)]
pub struct Rows {
    answer: Answer,
}

impl Rows {
    pub(crate) fn new(answer: Answer) -> Self {
        Self { answer }
    }

    /// The columns, known before the first row.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.answer.schema()
    }

    /// The next batch; none at the end. After an error nothing more comes.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        StreamExt::next(self).await
    }

    /// All rows that are still to come, as values of a type: a struct whose fields are named as the columns, a tuple of
    /// as many values as there are columns, or a single value. Times are read as a text in RFC 3339 into a `String`, as
    /// microseconds since the Unix epoch into an `i64`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a row that does not fit the type; the first error of running
    /// the statement.
    pub async fn collect_as<T: DeserializeOwned>(mut self) -> Result<Vec<T>> {
        let mut values = Vec::new();
        while let Some(batch) = self.next().await {
            values.extend(typed::rows(&batch?)?);
        }
        Ok(values)
    }

    /// All batches that are still to come.
    ///
    /// # Errors
    /// The first error of running the statement.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        Ok(self.answer.collect().await?)
    }
}

impl From<Answer> for Rows {
    /// The answer of a session: several answers of one session are of the same moment.
    fn from(answer: Answer) -> Self {
        Self::new(answer)
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.answer
            .poll_next_unpin(context)
            .map(|item| item.map(|batch| batch.map_err(Error::from)))
    }
}
