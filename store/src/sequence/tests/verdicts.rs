//! Every row of the table of verdicts, and what `repeated` rests on.

use quipu_proto::SequenceVerdict::{self, *};

use super::support::{arrival, partition};
use crate::manifest::ManifestId;
use crate::sequence::*;

/// The verdicts of one thread's numbers, each message with an id of its own.
fn verdicts(numbers: &[u64]) -> Vec<SequenceVerdict> {
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    let mut verdicts = Vec::new();
    for (offset, number) in numbers.iter().enumerate() {
        let id = offset.to_be_bytes();
        verdicts.push(
            book.observe(key, &arrival("thread", *number, &id, offset as i64))
                .verdict,
        );
    }
    verdicts
}

#[test]
fn the_first_number_seen_is_the_baseline_whatever_it_is() {
    assert_eq!(verdicts(&[1, 2]), [First, InOrder]);
    assert_eq!(verdicts(&[700, 701]), [First, InOrder]);
}

#[test]
fn the_expected_number_is_in_order_and_a_higher_one_a_gap() {
    assert_eq!(
        verdicts(&[1, 2, 3, 5, 6, 100]),
        [First, InOrder, InOrder, Gap, InOrder, Gap]
    );
}

#[test]
fn a_gap_is_not_withdrawn_when_the_missing_number_comes() {
    assert_eq!(verdicts(&[1, 3, 2, 4]), [First, Gap, Reordered, InOrder]);
}

#[test]
fn the_newest_number_again_is_a_duplicate_and_an_older_one_reordered() {
    assert_eq!(
        verdicts(&[1, 2, 2, 1, 2, 3]),
        [First, InOrder, Duplicate, Reordered, Duplicate, InOrder]
    );
}

#[test]
fn numbers_below_the_baseline_are_reordered() {
    assert_eq!(verdicts(&[10, 9, 8, 11]), [First, Reordered, Reordered, InOrder]);
}

#[test]
fn zero_is_unsequenced_and_leaves_the_numbering_alone() {
    assert_eq!(
        verdicts(&[0, 1, 0, 2, 0, 0, 4]),
        [
            Unsequenced,
            First,
            Unsequenced,
            InOrder,
            Unsequenced,
            Unsequenced,
            Gap
        ]
    );
}

#[test]
fn the_highest_of_all_numbers_has_no_successor() {
    const MAX: u64 = u64::MAX;
    assert_eq!(
        verdicts(&[MAX - 1, MAX, MAX, MAX - 1, 1]),
        [First, InOrder, Duplicate, Reordered, Reordered]
    );
    assert_eq!(verdicts(&[1, MAX, MAX, 2]), [First, Gap, Duplicate, Reordered]);
    assert_eq!(verdicts(&[MAX, MAX]), [First, Duplicate]);
    assert_eq!(verdicts(&[MAX - 1, MAX - 1]), [First, Duplicate]);
}

#[test]
fn a_message_without_a_thread_is_unsequenced() {
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    for number in [1, 2, 9] {
        assert_eq!(
            book.observe(key, &arrival("", number, b"", 0)).verdict,
            Unsequenced
        );
    }
    assert!(
        book.seal(ManifestId(1)).unwrap().is_empty(),
        "unsequenced messages make no runs"
    );
}

#[test]
fn threads_are_told_apart_by_topic_incarnation_partition_and_tenant() {
    let mut book = SequenceBook::new(BookOptions::default());
    let first = book.open_partition(&partition("a", 0), Head::FromOne);
    let mut other_life = partition("a", 0);
    other_life.log.incarnation = "life-2".into();
    let others = [
        book.open_partition(&partition("a", 1), Head::FromOne),
        book.open_partition(&partition("b", 0), Head::FromOne),
        book.open_partition(&other_life, Head::FromOne),
    ];
    assert_eq!(book.open_partition(&partition("a", 0), Head::FromOne), first);
    assert_eq!(book.observe(first, &arrival("thread", 1, b"x", 0)).verdict, First);
    for other in others {
        let seen = book.observe(other, &arrival("thread", 1, b"x", 0));
        assert_eq!(
            seen,
            Observation {
                verdict: First,
                missing: 0,
                repeated: Repeated::No
            }
        );
    }
    let of_tenant = Arrival {
        tenant_id: "u",
        ..arrival("thread", 1, b"x", 1)
    };
    assert_eq!(book.observe(first, &of_tenant).verdict, First);
    // The same bytes, cut elsewhere.
    let cut = Arrival {
        tenant_id: "tt",
        ..arrival("hread", 1, b"x", 1)
    };
    assert_eq!(book.observe(first, &cut).verdict, First);
    assert_eq!(
        book.observe(first, &arrival("thread", 2, b"y", 2)).verdict,
        InOrder
    );
    assert_eq!(book.threads(), 6);
}

/// Feeds (number, id, time) to one thread and gives what it says of repetition.
fn repeated(messages: &[(u64, &[u8], Option<i64>)]) -> Vec<Repeated> {
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    let mut repeated = Vec::new();
    for (offset, (sequence, message_id, time_us)) in messages.iter().enumerate() {
        let message = Arrival {
            time_us: *time_us,
            ..arrival("thread", *sequence, message_id, offset as i64)
        };
        repeated.push(book.observe(key, &message).repeated);
    }
    repeated
}

#[test]
fn a_recent_id_is_repeated_whatever_its_number() {
    use Repeated::*;
    assert_eq!(repeated(&[(1, b"a", Some(1)), (1, b"a", Some(1))]), [No, Yes]);
    assert_eq!(
        repeated(&[(1, b"a", Some(1)), (2, b"a", Some(2)), (0, b"a", Some(3))]),
        [No, Yes, Yes]
    );
}

#[test]
fn a_number_seen_before_is_not_judged_by_itself() {
    use Repeated::*;
    // Another id under the same number: newer than the thread it is a restart, else only the rows can tell.
    assert_eq!(repeated(&[(1, b"a", Some(1)), (1, b"b", Some(2))]), [No, No]);
    assert_eq!(repeated(&[(1, b"a", Some(1)), (1, b"b", Some(1))]), [No, LookUp]);
    assert_eq!(repeated(&[(1, b"a", None), (1, b"b", None)]), [No, LookUp]);
    assert_eq!(
        repeated(&[(5, b"a", Some(9)), (3, b"b", Some(8)), (6, b"c", Some(7))]),
        [No, LookUp, No]
    );
}

#[test]
fn unsequenced_messages_are_looked_up_once_there_were_any() {
    use Repeated::*;
    assert_eq!(
        repeated(&[(1, b"a", Some(5)), (0, b"b", Some(1)), (0, b"c", Some(1))]),
        [No, No, LookUp]
    );
    assert_eq!(repeated(&[(0, b"b", Some(1)), (0, b"c", Some(2))]), [No, No]);
}

#[test]
fn a_message_without_an_id_is_never_repeated() {
    assert_eq!(
        repeated(&[(1, b"", Some(1)), (1, b"", Some(1)), (1, b"", None)]),
        [Repeated::No; 3]
    );
}

#[test]
fn an_id_that_left_the_ring_is_looked_up() {
    let ids: Vec<[u8; 1]> = (0..=RECENT_IDS as u8).map(|id| [id]).collect();
    let mut messages: Vec<(u64, &[u8], Option<i64>)> = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        messages.push((index as u64 + 1, id, Some(index as i64)));
    }
    messages.push((2, &ids[1], Some(1)));
    messages.push((1, &ids[0], Some(0)));
    let repeated = repeated(&messages);
    assert_eq!(repeated[RECENT_IDS + 1..], [Repeated::Yes, Repeated::LookUp]);
}

#[test]
fn copies_do_not_drive_other_ids_out_of_the_ring() {
    let mut messages: Vec<(u64, &[u8], Option<i64>)> = vec![(1, b"a", Some(1)), (2, b"b", Some(2))];
    messages.extend([(2, b"b".as_slice(), Some(2)); 3 * RECENT_IDS]);
    messages.push((1, b"a", Some(1)));
    assert_eq!(repeated(&messages).last(), Some(&Repeated::Yes));
}

#[test]
fn a_stream_with_faults_gives_the_counts_of_its_faults() {
    // 20 threads of 200 messages, interleaved. Of each thread one message in 50 is lost, one in 40 comes twice in a
    // row, and one in 60 comes three places late.
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    let (mut counts, mut yes) = (std::collections::HashMap::new(), 0);
    let names: Vec<String> = (0..20).map(|thread| format!("thread-{thread}")).collect();
    let mut offset = 0;
    let mut order: Vec<u64> = Vec::new();
    for number in 1..=200 {
        match number {
            n if n % 50 == 25 => {}
            n if n % 60 == 30 => {}
            n if n % 60 == 33 => order.extend([n, n - 3]),
            n if n % 40 == 20 => order.extend([n, n]),
            n => order.push(n),
        }
    }
    for number in order {
        for name in &names {
            let id = format!("{name}/{number}");
            let seen = book.observe(key, &arrival(name, number, id.as_bytes(), offset));
            *counts.entry(seen.verdict).or_insert(0) += 1;
            yes += usize::from(seen.repeated == Repeated::Yes);
            offset += 1;
        }
    }
    assert_eq!(counts[&First], 20);
    // 25, 75, 125, 175 are lost; 30, 90, 150 are late.
    assert_eq!(counts[&Gap], 20 * 7);
    assert_eq!(counts[&Reordered], 20 * 3);
    // 20, 60, 100, 140, 180 come twice.
    assert_eq!(counts[&Duplicate], 20 * 5);
    assert_eq!(yes, 20 * 5);
    assert!(!counts.contains_key(&Unsequenced));
}
