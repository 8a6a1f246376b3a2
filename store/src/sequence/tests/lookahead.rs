//! Announcements are hints: right, wrong or absent, they change nothing.

use quipu_proto::Emitter;

use super::support::{Random, partition};
use crate::manifest::ManifestId;
use crate::sequence::*;

/// Enough threads that announcements are heeded.
const THREADS: u64 = 20_000;

/// Tenants that name their threads alike.
const TENANTS: u64 = 3;

/// Tenant, thread and number of messages, threads chosen at random.
fn log(messages: u64) -> Vec<(String, String, u64)> {
    let mut random = Random(11);
    (0..messages)
        .map(|message| {
            let thread = if message < THREADS {
                message
            } else {
                random.below(THREADS)
            };
            let tenant = format!("tenant-{}", thread % TENANTS);
            (
                tenant,
                format!("thread-{}", thread / TENANTS),
                1 + random.below(5),
            )
        })
        .collect()
}

/// What a book says of the messages and in its rows. `announce` gives the key that is announced with a message.
fn answers(
    log: &[(String, String, u64)],
    announce: impl Fn(&mut Random, usize) -> Option<String>,
) -> (Vec<Observation>, Vec<arrow_array::RecordBatch>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let options = BookOptions {
        hot_threads_max: 17_000,
        close_threads_max: 17_000,
    };
    let (mut book, _) = SequenceBook::open(folder.path(), "store", ManifestId(0), options);
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    let mut random = Random(5);
    let (mut observations, mut rows, mut heeded) = (Vec::new(), Vec::new(), 0);
    for (index, (tenant_id, thread_id, sequence)) in log.iter().enumerate() {
        if let Some(coming) = announce(&mut random, index) {
            heeded += u64::from(book.lookahead() > 0);
            book.announce(key, coming.as_bytes());
        }
        observations.push(book.observe(
            key,
            &Arrival {
                tenant_id,
                thread_id,
                emitter: Emitter::Graph,
                sequence: *sequence,
                message_id: &index.to_le_bytes(),
                time_us: Some(index as i64),
                offset: index as i64,
            },
        ));
        if index % 9_000 == 8_999 {
            rows.extend(book.seal(ManifestId(index as u64)).unwrap());
        }
    }
    rows.extend(book.seal(ManifestId(log.len() as u64)).unwrap());
    (observations, rows, heeded)
}

#[test]
fn announcements_change_no_answer() {
    let log = log(60_000);
    let (observations, rows, _) = answers(&log, |_, _| None);
    let ahead = |_: &mut Random, index: usize| log.get(index + 8).map(|(_, thread_id, _)| thread_id.clone());
    let wrong = |random: &mut Random, _: usize| {
        (random.below(4) > 0).then(|| format!("thread-{}", random.below(2 * THREADS)))
    };
    let (ahead, wrong) = (answers(&log, ahead), answers(&log, wrong));
    assert!(
        ahead.2 > 30_000 && wrong.2 > 20_000,
        "{} and {}",
        ahead.2,
        wrong.2
    );
    for (found, found_rows, _) in [ahead, wrong] {
        assert!(found == observations, "what is said of messages");
        assert!(found_rows == rows, "the rows of the commits");
    }
}

/// One tenant after the other moves to disk and comes back: whose thread was the first of its name changes all the time.
#[test]
fn threads_of_one_name_are_told_apart_when_some_of_them_move_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let options = BookOptions {
        hot_threads_max: 10,
        close_threads_max: 10,
    };
    let (mut book, _) = SequenceBook::open(folder.path(), "store", ManifestId(0), options);
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    let mut random = Random(3);
    let mut numbers = [0_u64; 40];
    for message in 0..4_000_u64 {
        let tenant = random.below(40) as usize;
        numbers[tenant] += 1;
        let said = book.observe(
            key,
            &Arrival {
                tenant_id: &format!("tenant-{tenant}"),
                thread_id: "main",
                emitter: Emitter::Graph,
                sequence: numbers[tenant],
                message_id: &message.to_le_bytes(),
                time_us: None,
                offset: message as i64,
            },
        );
        let expected = if numbers[tenant] == 1 {
            quipu_proto::SequenceVerdict::First
        } else {
            quipu_proto::SequenceVerdict::InOrder
        };
        assert_eq!(said.verdict, expected, "message {message} of tenant {tenant}");
        if message % 16 == 15 {
            book.seal(ManifestId(message)).unwrap();
            assert!(book.hot_threads() <= 10);
        }
    }
    assert_eq!(book.threads(), 40);
}

/// What an announcement finds is what the message will need, for the first tenant that has a thread of the name.
#[test]
fn the_first_thread_of_a_name_is_found_by_its_key() {
    let mut book = SequenceBook::new(BookOptions::default());
    let keys = [0, 1].map(|number| book.open_partition(&partition("a", number), Head::FromOne));
    let named = |tenant_id: &'static str| Arrival {
        tenant_id,
        thread_id: "main",
        emitter: Emitter::Graph,
        sequence: 1,
        message_id: b"",
        time_us: None,
        offset: 0,
    };
    for key in keys {
        for tenant_id in ["first", "second", "third"] {
            book.observe(key, &named(tenant_id));
        }
    }
    for PartitionKey(number) in keys {
        let by_key = book.threads.any_under(book.threads.tag(number, b"main"));
        assert!(by_key.is_some() && by_key == book.threads.find(number, "first", "main"));
        for tenant_id in ["second", "third"] {
            let slot = book.threads.find(number, tenant_id, "main");
            assert!(slot.is_some() && slot != by_key, "{tenant_id}");
        }
        assert_eq!(book.threads.any_under(book.threads.tag(number, b"other")), None);
    }
    let [a, b] = keys.map(|PartitionKey(number)| book.threads.find(number, "first", "main"));
    assert_ne!(a, b);
}
