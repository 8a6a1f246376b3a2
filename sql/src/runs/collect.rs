//! The messages of the graph, read and cut into runs.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BinaryViewArray, BinaryViewBuilder, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use hashbrown::HashMap;

use super::cut::cut;
use super::place::{Place, Places};
use super::run::{Run, Runs};
use super::threads::{Names, Threads};
use crate::strands::{column, flags, numbers, texts};

/// Reads the messages of the graph that a plan of `graph.sql` gives, and cuts them.
pub(super) async fn runs(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Runs> {
    let mut collected = Collected::default();
    let mut batches = execute_stream(plan, context)?;
    while let Some(batch) = batches.next().await {
        collected.take(&batch?)?;
    }
    Ok(collected.cut())
}

/// A message of the graph.
#[derive(Clone, Copy, Debug)]
struct Message {
    thread: usize,
    place: Place,
    is_node_error: bool,
    duration_us: Option<i64>,
    /// Of the names that were seen.
    graph_name: Option<usize>,
    /// Batch and row of its id.
    id: (usize, usize),
}

#[derive(Debug, Default)]
struct Collected {
    threads: Threads,
    messages: Vec<Message>,
    /// The ids of the messages, batch by batch.
    ids: Vec<BinaryViewArray>,
    graph_names: Vec<String>,
    graph_numbers: HashMap<String, usize>,
}

impl Collected {
    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let names = Names::of(batch)?;
        let places = Places::of(batch)?;
        let node_error = flags(batch, "is_node_error")?;
        let duration_us = numbers::<Int64Type>(batch, "duration_us")?;
        let duration_us = duration_us.as_primitive::<Int64Type>();
        let graph_name = texts(batch, "graph_name")?;
        let mut owner = 0;
        for row in 0..batch.num_rows() {
            let graph_name = graph_name
                .is_valid(row)
                .then(|| self.graph(graph_name.value(row)));
            self.messages.push(Message {
                thread: self.threads.intern(&names, row, &mut owner),
                place: places.get(row),
                is_node_error: node_error.is_valid(row) && node_error.value(row),
                duration_us: duration_us.is_valid(row).then(|| duration_us.value(row)),
                graph_name,
                id: (self.ids.len(), row),
            });
        }
        let ids = column(batch, "message_id", &DataType::BinaryView)?;
        self.ids.push(ids.as_binary_view().clone());
        Ok(())
    }

    fn graph(&mut self, name: &str) -> usize {
        if let Some(number) = self.graph_numbers.get(name) {
            return *number;
        }
        let number = self.graph_names.len();
        self.graph_names.push(name.to_owned());
        self.graph_numbers.insert(name.to_owned(), number);
        number
    }

    fn cut(self) -> Runs {
        let (ends, mut order) = by_thread(&self.messages, self.threads.len());
        let mut runs = Vec::new();
        let mut starts = vec![0];
        let mut ids = BinaryViewBuilder::new();
        let mut graph_names: Vec<Option<usize>> = Vec::new();
        let mut start = 0;
        for end in ends {
            let in_order = &mut order[start..end];
            in_order.sort_unstable_by_key(|at| self.messages[*at].place);
            let messages = || in_order.iter().map(|at| &self.messages[*at]);
            let mut begins = cut(messages().map(|message| message.place.role()))
                .into_iter()
                .peekable();
            for (at, message) in messages().enumerate() {
                if begins.next_if_eq(&at).is_some() {
                    let (batch, row) = message.id;
                    let id = &self.ids[batch];
                    ids.append_option(id.is_valid(row).then(|| id.value(row)));
                    runs.push(Run::new(message.place));
                    graph_names.push(None);
                }
                // The first message of a thread begins a run.
                if let (Some(run), Some(graph_name)) = (runs.last_mut(), graph_names.last_mut()) {
                    run.take(message.place, message.is_node_error, message.duration_us);
                    *graph_name = graph_name.or(message.graph_name);
                }
            }
            starts.push(runs.len());
            start = end;
        }
        let names = graph_names
            .iter()
            .map(|name| name.map(|number| &self.graph_names[number]));
        Runs {
            graph_names: StringViewArray::from_iter(names),
            threads: self.threads,
            runs,
            starts,
            ids: ids.finish(),
        }
    }
}

/// Messages thread by thread, by counting: where each thread ends, and the messages in that order.
fn by_thread(messages: &[Message], threads: usize) -> (Vec<usize>, Vec<usize>) {
    let mut ends = vec![0; threads];
    for message in messages {
        ends[message.thread] += 1;
    }
    let mut end = 0;
    for of_thread in &mut ends {
        end += *of_thread;
        *of_thread = end;
    }
    let mut order = vec![0; messages.len()];
    let mut next = ends.clone();
    for (at, message) in messages.iter().enumerate().rev() {
        next[message.thread] -= 1;
        order[next[message.thread]] = at;
    }
    (ends, order)
}

#[cfg(test)]
pub(super) mod tests {
    use datafusion::arrow::array::{
        ArrayRef, BinaryViewArray, BooleanArray, Int32Array, Int64Array, UInt64Array,
    };

    use super::super::cut::Role;
    use super::*;

    /// Messages of the graph of one thread, numbered from 1. The number is their id, too.
    fn batch(thread: &str, messages: &[(Option<i64>, Role)], graph_names: &[Option<&str>]) -> RecordBatch {
        let each = || messages.iter();
        let text = |text: &str| -> ArrayRef {
            Arc::new(StringViewArray::from_iter_values(each().map(|_| text.to_owned())))
        };
        let zeros: ArrayRef = Arc::new(Int32Array::from_iter_values(each().map(|_| 0)));
        let numbers: Vec<u64> = (1..).take(messages.len()).collect();
        let ids = numbers.iter().map(|number| number.to_be_bytes());
        let columns: [(&str, ArrayRef); 14] = [
            ("topic", text("t")),
            ("incarnation", text("i")),
            ("tenant_id", text("acme")),
            ("thread_id", text(thread)),
            (
                "at",
                Arc::new(Int64Array::from_iter(each().map(|message| message.0))),
            ),
            ("sequence", Arc::new(UInt64Array::from(numbers.clone()))),
            (
                "role",
                Arc::new(Int64Array::from_iter_values(
                    each().map(|message| message.1 as i64),
                )),
            ),
            ("partition", Arc::clone(&zeros)),
            ("offset", Arc::clone(&zeros)),
            ("item", zeros),
            ("message_id", Arc::new(BinaryViewArray::from_iter_values(ids))),
            (
                "duration_us",
                Arc::new(Int64Array::from_iter_values(
                    numbers.iter().map(|number| *number as i64),
                )),
            ),
            (
                "graph_name",
                Arc::new(StringViewArray::from_iter(graph_names.iter().copied())),
            ),
            (
                "is_node_error",
                Arc::new(BooleanArray::from_iter(each().map(|_| Some(false)))),
            ),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
    }

    /// The runs of a thread of these messages, numbered from 1.
    pub(in super::super) fn runs_of(thread: &str, messages: &[(Option<i64>, Role)]) -> Runs {
        let mut collected = Collected::default();
        collected
            .take(&batch(thread, messages, &vec![None; messages.len()]))
            .unwrap();
        collected.cut()
    }

    #[test]
    fn messages_are_cut_in_the_order_of_their_time_wherever_they_arrived() {
        let start = (Some(30), Role::Start);
        let first = batch(
            "a",
            &[start, (Some(20), Role::End), (Some(40), Role::End)],
            &[None; 3],
        );
        let names = [Some("travel"), Some("chat")];
        let second = batch("b", &[(Some(1), Role::Step), (Some(2), Role::Step)], &names);
        let third = batch("a", &[(Some(10), Role::Start)], &[Some("travel")]);
        let mut collected = Collected::default();
        for batch in [first, second, third] {
            collected.take(&batch).unwrap();
        }
        let runs = collected.cut();
        assert_eq!(runs.starts, [0, 2, 3]);
        let told = |run: usize| {
            let Run {
                first, duration_us, ..
            } = runs.runs[run];
            (
                first.at(),
                runs.runs[run].ended(),
                duration_us,
                runs.ids.value(run)[7],
            )
        };
        assert_eq!(told(0), (Some(10), Some(20), Some(2), 1));
        assert_eq!(told(1), (Some(30), Some(40), Some(3), 1));
        assert_eq!(told(2), (Some(1), None, None, 1));
        assert!(!runs.runs[0].is_headless() && runs.runs[2].is_headless());
        // The first name that is told holds.
        let names: Vec<Option<&str>> = runs.graph_names.iter().collect();
        assert_eq!(names, [Some("travel"), None, Some("travel")]);
        assert_eq!(runs.threads.name(1), ["t", "i", "acme", "b"]);
    }

    #[test]
    fn nothing_is_cut_into_no_run() {
        let runs = Collected::default().cut();
        assert_eq!(
            (runs.runs.len(), runs.starts.len(), runs.threads.len()),
            (0, 1, 0)
        );
    }
}
