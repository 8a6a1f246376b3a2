//! Where messages go that cannot be delivered: to a topic of letters, to a frames file, or to one and then the other.
//!
//! A message keeps its room until the fallback has it or has failed, so what waits here is bounded by the producer's
//! queue, and a fallback that is slow slows the application down instead of losing messages in silence.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use quipu_kafka::address::BrokerAddress;
use quipu_kafka::produce::ProduceError;
use tokio::sync::mpsc;

use super::counts::add;
use super::error::{Kept, ProducerError, SendError};
use super::ticket::{Accounts, Ticket, count_failure};

mod file;
mod topic;

use file::FramesAppender;
use topic::LetterSender;

/// The topic of letters of existing programs.
pub const DEFAULT_LETTER_TOPIC: &str = "dashstream-dlq";

/// Letters that are worked on at once.
const LETTERS_AT_ONCE: usize = 256;

/// Where messages go that cannot be delivered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fallback {
    /// Nowhere: the error of each message and the counters are all there is.
    None,
    /// To a topic, as letters in the JSON form that readers of dead letters know. It does not help while Kafka cannot be
    /// reached.
    Topic(FallbackTopic),
    /// To a frames file, which `quipu ingest frames` reads. It works when Kafka does not.
    File(FallbackFile),
    /// To the topic, and what it does not take to the file.
    TopicThenFile(FallbackTopic, FallbackFile),
}

impl Default for Fallback {
    /// The topic `dashstream-dlq`, as existing producers have it.
    fn default() -> Self {
        Self::Topic(FallbackTopic::default())
    }
}

/// A topic of letters.
#[derive(Clone, Debug)]
pub struct FallbackTopic {
    /// Its name. It must exist. Default `dashstream-dlq`.
    pub topic: String,
    /// Attempts for each letter. Default 3. Between two lies a wait of 100 ms, doubled each time up to 5 s, and up to a
    /// quarter more.
    pub attempts_max: u32,
    /// Time for one attempt. Default 5 s.
    pub attempt_timeout: Duration,
    /// After a letter that failed, others are not tried for so long. Default 5 s.
    pub pause: Duration,
}

impl Default for FallbackTopic {
    fn default() -> Self {
        Self {
            topic: DEFAULT_LETTER_TOPIC.to_owned(),
            attempts_max: 3,
            attempt_timeout: Duration::from_secs(5),
            pause: Duration::from_secs(5),
        }
    }
}

/// A frames file of messages.
#[derive(Clone, Debug)]
pub struct FallbackFile {
    /// The file. It is created, or appended to; a record at its end that a crash has cut is moved aside first.
    pub path: PathBuf,
    /// When its bytes are forced to the disk. Default [`FileSync::EachBatch`].
    pub sync: FileSync,
}

impl FallbackFile {
    /// That file, synced.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            sync: FileSync::default(),
        }
    }
}

/// When the bytes of a file are forced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileSync {
    /// Before the messages written together count as kept: they survive a crash of the machine.
    #[default]
    EachBatch,
    /// Never by the producer: they survive a crash of the process.
    System,
}

/// A message that could not be delivered.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) partition: Option<i32>,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) error: Box<str>,
}

impl Letter {
    pub(super) fn new(partition: Option<i32>, key: &[u8], value: &[u8], error: Box<str>) -> Self {
        Self {
            partition,
            key: key.to_vec(),
            value: value.to_vec(),
            error,
        }
    }
}

/// Why a message comes here.
#[derive(Debug)]
pub(super) enum Cause {
    /// It was given up: its sender hears whether it is kept.
    Undelivered(ProduceError),
    /// It is too large: its sender has heard that.
    Refused(SendError),
}

#[derive(Debug)]
enum Item {
    Letter(Box<(Letter, Ticket, Cause)>),
    End,
}

/// The messages on their way to the fallback.
#[derive(Clone, Debug)]
pub(super) struct FallbackQueue {
    /// None without a fallback.
    items: Option<mpsc::Sender<Item>>,
    accounts: Arc<Accounts>,
}

impl FallbackQueue {
    /// A queue, and the worker that empties it, if there is a fallback.
    pub(super) fn open(
        fallback: &Fallback,
        accounts: &Arc<Accounts>,
        setting: &FallbackSetting<'_>,
    ) -> Result<(Self, Option<FallbackWorker>), ProducerError> {
        let (topic, file) = match fallback {
            Fallback::None => (None, None),
            Fallback::Topic(topic) => (Some(topic), None),
            Fallback::File(file) => (None, Some(file)),
            Fallback::TopicThenFile(topic, file) => (Some(topic), Some(file)),
        };
        let mut queue = Self {
            items: None,
            accounts: Arc::clone(accounts),
        };
        if topic.is_none() && file.is_none() {
            return Ok((queue, None));
        }
        // Every letter keeps the room of its message, so that there are never more; one place is for the end.
        let (items, received) = mpsc::channel(accounts.room.messages_max + 1);
        queue.items = Some(items);
        let worker = FallbackWorker {
            items: received,
            accounts: Arc::clone(accounts),
            topic: topic.map(|topic| LetterSender::new(topic.clone(), setting)),
            file: file.map(FramesAppender::open).transpose()?,
        };
        Ok((queue, Some(worker)))
    }

    /// Takes a message that could not be delivered. Its ticket is settled when the fallback has it, or has failed.
    pub(super) fn take(&self, letter: Letter, ticket: Ticket, cause: Cause) {
        let Some(items) = &self.items else {
            return settle(
                &self.accounts,
                ticket,
                cause,
                Kept::Nowhere("the producer has no fallback".into()),
            );
        };
        let item = Item::Letter(Box::new((letter, ticket, cause)));
        if let Err(error) = items.try_send(item)
            && let Item::Letter(letter) = error.into_inner()
        {
            let (_, ticket, cause) = *letter;
            let kept = Kept::Nowhere("the fallback is closed".into());
            settle(&self.accounts, ticket, cause, kept);
        }
    }

    /// No more comes: the worker ends behind what it has.
    pub(super) async fn end(&self) {
        if let Some(items) = &self.items {
            // It may have ended.
            let _ = items.send(Item::End).await;
        }
    }
}

/// Tells what became of a message.
fn settle(accounts: &Accounts, ticket: Ticket, cause: Cause, kept: Kept) {
    match cause {
        Cause::Undelivered(error) => {
            count_failure(&accounts.counters, &kept);
            ticket.fail(SendError::Undelivered { error, kept });
        }
        Cause::Refused(error) => {
            if matches!(kept, Kept::Nowhere(_)) {
                add(&accounts.counters.dlq_dropped, 1);
            }
            ticket.fail(error);
        }
    }
}

/// What a fallback needs to know of its producer.
#[derive(Debug)]
pub(super) struct FallbackSetting<'a> {
    pub(super) brokers: &'a [BrokerAddress],
    pub(super) connect: &'a quipu_kafka::ConnectOptions,
    pub(super) source_topic: &'a str,
    pub(super) tenant: &'a str,
}

/// Empties the queue.
#[derive(Debug)]
pub(super) struct FallbackWorker {
    items: mpsc::Receiver<Item>,
    accounts: Arc<Accounts>,
    topic: Option<LetterSender>,
    file: Option<FramesAppender>,
}

impl FallbackWorker {
    pub(super) async fn run(mut self) {
        let mut items = Vec::new();
        while self.items.recv_many(&mut items, LETTERS_AT_ONCE).await > 0 {
            let mut for_file = Vec::new();
            for item in items.drain(..) {
                let Item::Letter(letter) = item else {
                    // What came behind it all the same is still received.
                    self.items.close();
                    continue;
                };
                let (letter, ticket, cause) = *letter;
                let why = match &mut self.topic {
                    None => None,
                    Some(topic) => match topic.send(&letter, &self.accounts.counters).await {
                        Ok(()) => {
                            add(&self.accounts.counters.dlq_sends, 1);
                            settle(&self.accounts, ticket, cause, Kept::InTopic(topic.name()));
                            continue;
                        }
                        Err(error) => Some(error),
                    },
                };
                if self.file.is_some() {
                    for_file.push((letter, ticket, cause));
                } else {
                    settle(
                        &self.accounts,
                        ticket,
                        cause,
                        Kept::Nowhere(why.unwrap_or_default()),
                    );
                }
            }
            self.write(for_file).await;
        }
    }

    async fn write(&mut self, letters: Vec<(Letter, Ticket, Cause)>) {
        if letters.is_empty() {
            return;
        }
        let (letters, causes): (Vec<Letter>, Vec<(Ticket, Cause)>) = letters
            .into_iter()
            .map(|(letter, ticket, cause)| (letter, (ticket, cause)))
            .unzip();
        let kept = match self.file.take() {
            None => Err("the frames file was lost with an earlier write".into()),
            Some(mut file) => {
                // Writing to a disk may block, and other messages are to be sent meanwhile.
                let written = tokio::task::spawn_blocking(move || {
                    let written = file.append(&letters);
                    (file, written)
                });
                match written.await {
                    Ok((file, written)) => {
                        self.file = Some(file);
                        written.map_err(|error| Arc::<str>::from(error.to_string()))
                    }
                    Err(error) => Err(error.to_string().into()),
                }
            }
        };
        if let Err(error) = &kept {
            tracing::error!(%error, messages = causes.len(), "the fallback file does not take messages: they are lost");
        }
        for (ticket, cause) in causes {
            let kept = match &kept {
                Ok(()) => {
                    add(&self.accounts.counters.fallback_file_writes, 1);
                    Kept::InFile
                }
                Err(error) => Kept::Nowhere(Arc::clone(error)),
            };
            settle(&self.accounts, ticket, cause, kept);
        }
    }
}
