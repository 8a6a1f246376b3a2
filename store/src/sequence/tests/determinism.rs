//! Answers depend on the order of messages and on nothing else.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use arrow_array::RecordBatch;
use proptest::collection::vec;
use proptest::prelude::*;
use quipu_proto::Emitter;

use super::support::{Random, RunRow, arrival, partition, run_rows};
use crate::manifest::ManifestId;
use crate::sequence::*;

/// A message of a random stream.
#[derive(Clone, Debug)]
struct Message {
    partition: i32,
    thread_id: String,
    sequence: u64,
    message_id: Vec<u8>,
    time_us: Option<i64>,
}

/// A log with threads that lose, swap, restart and copy messages.
fn log(seed: u64, len: usize, threads: u64) -> Vec<Message> {
    let mut random = Random(seed);
    let mut log: Vec<Message> = Vec::with_capacity(len);
    let mut counters = vec![0_u64; threads as usize];
    while log.len() < len {
        let now = log.len() as i64 * 10;
        if !log.is_empty() && random.below(8) == 0 {
            // An exact copy of an earlier message, mostly of a recent one.
            let back = if random.below(4) == 0 {
                log.len() as u64
            } else {
                30.min(log.len() as u64)
            };
            let copy = log[log.len() - 1 - random.below(back) as usize].clone();
            log.push(copy);
            continue;
        }
        let thread = random.below(threads);
        let counter = &mut counters[thread as usize];
        match random.below(40) {
            0 => *counter = 0,
            1 | 2 => *counter = counter.saturating_add(1 + random.below(3)),
            3 => *counter = counter.saturating_sub(2),
            4 if thread == 1 => *counter = u64::MAX - 2,
            _ => {}
        }
        *counter = counter.saturating_add(1);
        let sequence = if random.below(10) == 0 { 0 } else { *counter };
        let message_id = match random.below(20) {
            0 => Vec::new(),
            // The id of another message under a number of its own: no producer should, some will.
            1 if !log.is_empty() => log[random.below(log.len() as u64) as usize].message_id.clone(),
            _ => random.next().to_be_bytes().repeat(2),
        };
        let time_us = match random.below(10) {
            0 => None,
            1 => Some(now - random.below(200) as i64),
            _ => Some(now),
        };
        let thread_id = if thread == 0 {
            String::new()
        } else {
            format!("thread-{thread}")
        };
        log.push(Message {
            partition: (thread % 3) as i32,
            thread_id,
            sequence,
            message_id,
            time_us,
        });
    }
    log
}

fn keys(book: &mut SequenceBook) -> [PartitionKey; 3] {
    [0, 1, 2].map(|number| book.open_partition(&partition("a", number), Head::FromOne))
}

fn observe(
    book: &mut SequenceBook,
    keys: &[PartitionKey; 3],
    message: &Message,
    offset: usize,
) -> Observation {
    let emitter = if message.sequence.is_multiple_of(5) {
        Emitter::Node
    } else {
        Emitter::Graph
    };
    let thread = arrival(
        &message.thread_id,
        message.sequence,
        &message.message_id,
        offset as i64,
    );
    book.observe(
        keys[message.partition as usize],
        &Arrival {
            emitter,
            time_us: message.time_us,
            ..thread
        },
    )
}

/// What one book says about a log that is cut and disturbed by nothing.
fn undisturbed(log: &[Message]) -> Vec<Observation> {
    let mut book = SequenceBook::new(BookOptions::default());
    let keys = keys(&mut book);
    log.iter()
        .enumerate()
        .map(|(offset, message)| observe(&mut book, &keys, message, offset))
        .collect()
}

/// What happens after a commit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Nothing,
    /// A snapshot of the book is committed.
    Snapshot,
    /// The process is killed, maybe with messages observed and not committed.
    Crash {
        lost: usize,
    },
    /// The book is closed and opened again.
    Close,
    /// As `Close`, and something happens to the folder in between.
    Damage(Damage),
    /// The folder is deleted under a running book.
    DeleteWhileRunning,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    Delete,
    Flip(u64),
    Truncate(u64),
    StaleMarker,
    OtherStore,
    Garbage,
}

/// The store as far as a book knows it: what is committed, and the newest snapshot.
struct Store<'a> {
    folder: &'a Path,
    id: &'static str,
    log: &'a [Message],
    manifest: u64,
    committed: usize,
    snapshot: Option<(usize, Vec<RecordBatch>)>,
    options: BookOptions,
    taken_over: usize,
}

impl Store<'_> {
    fn open(&mut self) -> (SequenceBook, [PartitionKey; 3]) {
        let (mut book, start) = SequenceBook::open(
            self.folder,
            self.id,
            ManifestId(self.manifest),
            self.options.clone(),
        );
        if start == BookStart::Current {
            self.taken_over += 1;
            let keys = keys(&mut book);
            return (book, keys);
        }
        let mut from = 0;
        if let Some((at, batches)) = &self.snapshot {
            from = *at;
            batches.iter().for_each(|batch| book.restore(batch).unwrap());
        }
        let keys = keys(&mut book);
        for message in &self.log[from..self.committed] {
            let Message {
                partition,
                thread_id,
                sequence,
                message_id,
                time_us,
            } = message;
            let row = ReplayRow {
                tenant_id: "t",
                thread_id,
                sequence: *sequence,
                message_id,
                time_us: *time_us,
            };
            book.replay(keys[*partition as usize], &row);
        }
        (book, keys)
    }

    fn damage(&mut self, damage: Damage) {
        let files = || {
            let mut files = Vec::new();
            let mut folders = vec![self.folder.to_owned()];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).into_iter().flatten() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        folders.push(path)
                    } else {
                        files.push(path)
                    }
                }
            }
            files.sort();
            files
        };
        let choose = |number: u64| {
            let files = files();
            (!files.is_empty()).then(|| files[number as usize % files.len()].clone())
        };
        match damage {
            Damage::Delete => {
                let _ = fs::remove_dir_all(self.folder);
            }
            Damage::Flip(number) => {
                let Some(path) = choose(number) else { return };
                let mut bytes = fs::read(&path).unwrap();
                if bytes.is_empty() {
                    bytes.push(1);
                } else {
                    let place = (number / 7) as usize % bytes.len();
                    bytes[place] ^= 0x10;
                }
                fs::write(path, bytes).unwrap();
            }
            Damage::Truncate(number) => {
                let Some(path) = choose(number) else { return };
                let len = fs::metadata(&path).unwrap().len();
                fs::File::options()
                    .write(true)
                    .open(path)
                    .unwrap()
                    .set_len(len / 2)
                    .unwrap();
            }
            // Another command commits a manifest: the index now lags.
            Damage::StaleMarker => self.manifest += 1,
            Damage::OtherStore => self.id = "store-2",
            Damage::Garbage => fs::write(self.folder.join("clean"), b"QPBK garbage").unwrap(),
        }
    }
}

/// Runs the log through a book with commits at `cuts`, each followed by an event, and compares every answer.
fn run(log: &[Message], cuts: &[(usize, Event)], options: BookOptions) -> (usize, Vec<RunRow>) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("book");
    let expected = undisturbed(log);
    let mut store = Store {
        folder: &folder,
        id: "store-1",
        log,
        manifest: 0,
        committed: 0,
        snapshot: None,
        options,
        taken_over: 0,
    };
    let mut rows = Vec::new();
    let (mut book, mut keys) = store.open();
    for (cut, event) in cuts.iter().copied().chain([(log.len(), Event::Nothing)]) {
        let cut = cut.clamp(store.committed, log.len());
        for offset in store.committed..cut {
            let seen = observe(&mut book, &keys, &log[offset], offset);
            assert_eq!(seen, expected[offset], "message {offset}: {:?}", log[offset]);
        }
        rows.extend(run_rows(&book.seal(ManifestId(store.manifest + 1)).unwrap()));
        if event == Event::Snapshot {
            store.snapshot = Some((cut, book.snapshot_batches().map(Result::unwrap).collect()));
        }
        store.manifest += 1;
        store.committed = cut;
        match event {
            Event::Nothing | Event::Snapshot => continue,
            Event::DeleteWhileRunning => {
                let _ = fs::remove_dir_all(&folder);
                continue;
            }
            Event::Crash { lost } => {
                for (offset, message) in log.iter().enumerate().skip(cut).take(lost) {
                    observe(&mut book, &keys, message, offset);
                }
                drop(book);
            }
            Event::Close => assert_eq!(book.close(ManifestId(store.manifest)), BookClose::Clean),
            Event::Damage(damage) => {
                assert_eq!(book.close(ManifestId(store.manifest)), BookClose::Clean);
                store.damage(damage);
            }
        }
        (book, keys) = store.open();
    }
    (store.taken_over, rows)
}

fn small(hot_threads_max: usize) -> BookOptions {
    BookOptions {
        hot_threads_max,
        ..BookOptions::default()
    }
}

fn event() -> impl Strategy<Value = Event> {
    let damage = prop_oneof![
        Just(Damage::Delete),
        any::<u64>().prop_map(Damage::Flip),
        any::<u64>().prop_map(Damage::Truncate),
        Just(Damage::StaleMarker),
        Just(Damage::OtherStore),
        Just(Damage::Garbage),
    ];
    prop_oneof![
        4 => Just(Event::Nothing),
        2 => Just(Event::Snapshot),
        2 => (0..40_usize).prop_map(|lost| Event::Crash { lost }),
        1 => Just(Event::Close),
        1 => damage.prop_map(Event::Damage),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn restarts_cuts_and_damage_change_no_answer(
        seed in any::<u64>(),
        threads in 1..60_u64,
        hot in prop_oneof![Just(1), Just(10), Just(1000)],
        mut cuts in vec((0..800_usize, event()), 0..12),
    ) {
        cuts.sort_by_key(|(cut, _)| *cut);
        run(&log(seed, 800, threads), &cuts, small(hot));
    }

    /// With the rows at hand to look up in, `repeated` is exact for every copy.
    #[test]
    fn no_copy_is_ever_called_new(seed in any::<u64>(), threads in 1..20_u64) {
        let log = log(seed, 600, threads);
        let mut ids = HashSet::new();
        for (message, seen) in log.iter().zip(undisturbed(&log)) {
            let id = (message.partition, &message.thread_id, &message.message_id);
            let copy = (id, message.sequence, message.time_us);
            if !message.message_id.is_empty() && ids.contains(&(id, None)) {
                if ids.contains(&(id, Some((copy.1, copy.2)))) {
                    prop_assert_ne!(seen.repeated, Repeated::No);
                }
            } else {
                prop_assert_ne!(seen.repeated, Repeated::Yes);
            }
            ids.insert((id, None));
            ids.insert((id, Some((copy.1, copy.2))));
        }
    }
}

#[test]
fn a_clean_close_is_taken_over() {
    let log = log(7, 900, 40);
    let cuts = [
        (200, Event::Close),
        (400, Event::Close),
        (600, Event::Snapshot),
        (700, Event::Close),
    ];
    assert_eq!(run(&log, &cuts, small(1000)).0, 3);
    assert_eq!(run(&log, &cuts, small(10)).0, 3);
}

#[test]
fn ten_threads_in_memory_give_the_runs_of_a_book_that_keeps_all() {
    let log = log(11, 5000, 300);
    let cuts: Vec<(usize, Event)> = (1..20).map(|cut| (cut * 250, Event::Nothing)).collect();
    let all = run(&log, &cuts, BookOptions::default());
    let ten = run(&log, &cuts, small(10));
    assert_eq!(all, ten);
}

#[test]
fn whatever_happens_to_the_folder_gives_a_rebuild_and_the_same_answers() {
    let log = log(13, 600, 30);
    let mut damages = vec![
        Damage::Delete,
        Damage::StaleMarker,
        Damage::OtherStore,
        Damage::Garbage,
    ];
    for number in 0..24 {
        damages.extend([Damage::Flip(number * 1009), Damage::Truncate(number)]);
    }
    for damage in damages {
        let cuts = [
            (100, Event::Snapshot),
            (300, Event::Damage(damage)),
            (400, Event::Nothing),
        ];
        for hot in [10, 1000] {
            assert_eq!(run(&log, &cuts, small(hot)).0, 0, "{damage:?} went unseen");
        }
    }
}

#[test]
fn a_folder_deleted_under_a_running_book_changes_no_answer() {
    let log = log(17, 3000, 200);
    let cuts = [
        (500, Event::Snapshot),
        (1000, Event::DeleteWhileRunning),
        (1500, Event::Nothing),
        (2000, Event::Crash { lost: 20 }),
        (2500, Event::DeleteWhileRunning),
    ];
    assert_eq!(run(&log, &cuts, small(10)).0, 0);
}

#[test]
fn a_kill_with_threads_on_disk_rebuilds_from_the_snapshot() {
    let log = log(19, 3000, 200);
    let cuts: Vec<(usize, Event)> = (1..30)
        .map(|cut| {
            (
                cut * 100,
                if cut % 4 == 1 {
                    Event::Snapshot
                } else {
                    Event::Crash { lost: 37 }
                },
            )
        })
        .collect();
    assert_eq!(run(&log, &cuts, small(10)).0, 0);
}
