//! Asking the running ingester to retry letters.
//!
//! A store has one writer. While it runs, a command that wants letters retried leaves a request in the store's folder
//! `requests`, which the writer looks for now and then, carries out as the command would have, and answers:
//!
//! ```text
//! requests/<id>.request.json   what to retry; written under another name and renamed, so that it is whole
//! requests/<id>.answer.json    what came of it, likewise; the command removes it
//! ```
//!
//! | what happens | what follows |
//! |---|---|
//! | the writer answers | the command has its report |
//! | the writer ends before it looked | the command takes the lock and retries itself |
//! | the writer dies between commit and answer | whoever retries next finds the letters resolved |
//! | nobody answers in time | the command withdraws its request and says so |

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use quipu_proto::Policy;
use quipu_store::StoreErrorKind;
use serde::{Deserialize, Serialize};

use crate::dead_letters::form::trace_id;
use crate::dead_letters::request_form::{Answer, Request};
use crate::dead_letters::{LetterChoice, RetryReport, retry};
use crate::error::{IngestError, Result};
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::stop::Stop;

/// Folder of the requests in a store.
const FOLDER: &str = "requests";
const REQUEST: &str = ".request.json";
const ANSWER: &str = ".answer.json";

/// Largest request or answer, in bytes: some millions of letters.
const BYTES_MAX: u64 = 512 << 20;

/// How often a command looks for its answer.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Answers that nobody fetched are removed when they are as old as this.
const ANSWER_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Retries letters under the policy of the options: itself where nobody writes the store, else by asking the process
/// that does. Waits up to `wait` for the answer, or until told to stop.
///
/// # Errors
/// Those of [`retry`], no answer in time, or what the writer told instead of a report.
pub fn retry_or_ask(
    store: &Path,
    choice: &LetterChoice,
    options: &PipelineOptions,
    wait: Duration,
    stop: &Stop,
) -> Result<RetryReport> {
    let begun = Instant::now();
    let mut asked: Option<Asked> = None;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(IngestError::Runtime)?;
    loop {
        if let Some(asked) = &asked
            && let Some(answer) = asked.answer()?
        {
            return answer.into_report();
        }
        match retry(store, choice, options.clone()) {
            Err(IngestError::Store(error)) if error.kind() == StoreErrorKind::Locked => {}
            // An answer that came meanwhile tells more: this retry found its letters resolved.
            done => {
                return match asked.as_ref().map(Asked::answer) {
                    Some(Ok(Some(answer))) => answer.into_report(),
                    _ => done,
                };
            }
        }
        if asked.is_none() {
            asked = Some(Asked::leave(store, choice, options.policy)?);
        }
        if begun.elapsed() >= wait || stop.is_raised() {
            return Err(IngestError::Unanswered {
                store: store.to_owned(),
                waited: begun.elapsed(),
            });
        }
        let mut stopped = stop.subscribe();
        runtime.block_on(async {
            let _ = tokio::time::timeout(LOOK_EVERY, stopped.wait_for(|stopped| *stopped)).await;
        });
    }
}

/// A request that was left. It is withdrawn when this is dropped.
struct Asked {
    request: PathBuf,
    answer: PathBuf,
}

impl Asked {
    fn leave(store: &Path, choice: &LetterChoice, policy: Policy) -> Result<Self> {
        let folder = store.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|source| IngestError::Write {
            path: folder.clone(),
            source,
        })?;
        let id = trace_id();
        let asked = Self {
            request: folder.join(format!("{id}{REQUEST}")),
            answer: folder.join(format!("{id}{ANSWER}")),
        };
        write(&asked.request, &Request::new(choice, policy))?;
        Ok(asked)
    }

    fn answer(&self) -> Result<Option<Answer>> {
        match read::<Answer>(&self.answer) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(IngestError::Read {
                path: self.answer.clone(),
                source,
            }),
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // What is left behind costs an unneeded retry, or a file until the next day.
        let _ = fs::remove_file(&self.request);
        let _ = fs::remove_file(&self.answer);
    }
}

/// Carries out every request that lies in the store. A request that makes no sense is answered with what is wrong.
pub(crate) fn attend(pipeline: &mut Pipeline) -> Result<()> {
    let folder = pipeline.root().join(FOLDER);
    let Ok(entries) = fs::read_dir(&folder) else {
        // Usually: there is none, as nobody ever asked.
        return Ok(());
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    for name in names {
        let path = folder.join(&name);
        if let Some(id) = name.strip_suffix(REQUEST) {
            carry_out(pipeline, &path, &folder.join(format!("{id}{ANSWER}")))?;
        } else if is_old(&path) {
            let _ = fs::remove_file(&path);
        }
    }
    Ok(())
}

fn carry_out(pipeline: &mut Pipeline, request: &Path, answer: &Path) -> Result<()> {
    let (done, answered) = match read::<Request>(request)
        .map_err(|error| error.to_string())
        .and_then(Request::parse)
    {
        Ok((choice, policy)) => match pipeline.retry(&choice, policy) {
            Ok(report) => (Ok(()), Answer::of(&report)),
            Err(error) => {
                let answer = Answer::error(error.to_string());
                // Letters that cannot be read are no reason to stop reading others in.
                let done = if pipeline.is_whole() { Ok(()) } else { Err(error) };
                (done, answer)
            }
        },
        Err(error) => (
            Ok(()),
            Answer::error(format!("the request cannot be read: {error}")),
        ),
    };
    // Neither may end the ingester: what was asked for is done, and asking again changes nothing.
    if let Err(error) = write(answer, &answered) {
        tracing::warn!(%error, "a request was carried out, but cannot be answered");
    }
    if let Err(error) = fs::remove_file(request) {
        tracing::warn!(%error, request = %request.display(), "a request was carried out, but cannot be removed");
    }
    done
}

fn is_old(path: &Path) -> bool {
    let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| {
        SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|age| age > ANSWER_AGE_MAX)
    })
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> io::Result<T> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {BYTES_MAX} bytes")));
    }
    serde_json::from_slice(&bytes).map_err(io::Error::other)
}

/// Writes a file that appears whole.
fn write(path: &Path, content: &impl Serialize) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    serde_json::to_vec(content)
        .map_err(io::Error::other)
        .and_then(|bytes| fs::write(&unfinished, bytes))
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|source| IngestError::Write {
            path: path.to_owned(),
            source,
        })
}
