//! The forms on disk, one by one.

use proptest::prelude::*;
use quipu_proto::Table;

use super::support::{arrival, partition};
use crate::manifest::ManifestId;
use crate::sequence::cold_entry::{self, ColdName};
use crate::sequence::filter::ColdFilter;
use crate::sequence::marker::Marker;
use crate::sequence::places::Places;
use crate::sequence::thread::{NO_TIME, ThreadState, id_hash};
use crate::sequence::*;

fn state() -> ThreadState {
    let mut state = ThreadState::default();
    for (sequence, id) in [(1, b"a"), (2, b"b"), (0, b"c")] {
        state.arrive(sequence, id_hash(id), sequence as i64);
    }
    state
}

fn key(tenant_id: &str, thread_id: &str) -> Vec<u8> {
    let mut key = cold_entry::key_prefix(&partition("topic", 7)).unwrap();
    cold_entry::push_name(&mut key, tenant_id, thread_id);
    key
}

#[test]
fn keys_say_whose_they_are() {
    for (tenant_id, thread_id) in [("t", "thread"), ("", ""), ("tt", "hread"), ("ü", "\0")] {
        let key = key(tenant_id, thread_id);
        let name = ColdName {
            topic: "topic",
            incarnation: "life-1",
            partition: 7,
            tenant_id,
            thread_id,
        };
        assert_eq!(cold_entry::decode_key(&key), Some(name));
    }
    assert_ne!(key("t", "thread"), key("tt", "hread"));
    let whole = key("tenant", "");
    for len in 0..whole.len() {
        assert_eq!(cold_entry::decode_key(&whole[..len]), None);
    }
}

#[test]
fn a_value_is_believed_only_whole_under_its_key_and_not_before_its_time() {
    let key = key("t", "thread");
    let value = cold_entry::encode_value(&key, &state(), ManifestId(5));
    assert_eq!(
        cold_entry::decode_value(&key, &value, ManifestId(5)),
        Some(state())
    );
    assert_eq!(cold_entry::decode_value(&key, &value, ManifestId(4)), None);
    assert_eq!(cold_entry::decode_value(b"other", &value, ManifestId(5)), None);
    for byte in 0..value.len() {
        let mut damaged = value.clone();
        damaged[byte] ^= 1;
        assert_eq!(
            cold_entry::decode_value(&key, &damaged, ManifestId(u64::MAX)),
            None
        );
        assert_eq!(
            cold_entry::decode_value(&key, &value[..byte], ManifestId(u64::MAX)),
            None
        );
    }
}

#[test]
fn a_thread_comes_back_from_its_parts_with_its_ring_in_order() {
    let mut state = ThreadState::default();
    for id in 0..(2 * RECENT_IDS as u8 + 3) {
        let mut ids = Vec::new();
        state.recent_ids(&mut ids);
        let (sequence, time, flag) = (
            state.newest_sequence(),
            state.newest_time(),
            state.has_unsequenced(),
        );
        let mut back = ThreadState::from_parts(sequence, time, flag, &ids).unwrap();
        // The same future, not only the same present.
        for future in 0..2 * RECENT_IDS as u8 {
            let hash = id_hash(&[id.wrapping_add(future % 11)]);
            let mut here = state;
            assert_eq!(back.arrive(1, hash, NO_TIME), here.arrive(1, hash, NO_TIME));
            state = here;
        }
        state.arrive(u64::from(id), id_hash(&[id]), i64::from(id));
    }
    assert_eq!(ThreadState::from_parts(1, 1, false, &[0; 7]), None);
    assert_eq!(
        ThreadState::from_parts(1, 1, false, &[1; 8 * (RECENT_IDS + 1)]),
        None
    );
}

#[test]
fn the_filter_knows_what_was_added_and_little_else() {
    let mut filter = ColdFilter::default();
    let hash = |number: u64| id_hash(&number.to_le_bytes());
    for number in 0..100_000 {
        filter.insert(hash(number));
    }
    let filter = ColdFilter::decode(&filter.encode()).unwrap();
    assert!((0..100_000).all(|number| filter.contains(hash(number))));
    let false_hits = (100_000..200_000)
        .filter(|number| filter.contains(hash(*number)))
        .count();
    assert!(false_hits < 4_000, "{false_hits} of 100,000");
}

#[test]
fn a_damaged_marker_is_no_marker() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clean");
    let mut filter = ColdFilter::default();
    filter.insert(77);
    let marker = Marker {
        store_id: "store".to_owned(),
        manifest: ManifestId(3),
        threads: 4,
        since_snapshot: 5,
        digest: 6,
        filter,
    };
    marker.write(&path).unwrap();
    assert_eq!(Marker::read(&path).as_ref(), Ok(&marker));
    let bytes = std::fs::read(&path).unwrap();
    for place in (0..bytes.len()).step_by(97).chain(0..60) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        std::fs::write(&path, damaged).unwrap();
        assert!(Marker::read(&path).is_err(), "byte {place}");
        std::fs::write(&path, &bytes[..place]).unwrap();
        assert!(Marker::read(&path).is_err(), "cut at {place}");
    }
    Marker::remove(&path).unwrap();
    Marker::remove(&path).unwrap();
    assert_eq!(Marker::read(&path), Err("it was not closed cleanly".to_owned()));
}

proptest! {
    #[test]
    fn places_are_found_until_they_are_removed(
        steps in proptest::collection::vec((any::<bool>(), 0..6_u32, 0..40_u32), 0..600),
    ) {
        let mut places = Places::default();
        let mut known = std::collections::BTreeSet::new();
        for (insert, tag, slot) in steps {
            // Tags that fall on one another, some at the very end of the table.
            let tag = if tag < 3 { tag } else { u32::MAX - tag };
            match insert {
                true if known.iter().all(|(_, other)| *other != slot) => {
                    places.insert(tag, slot);
                    known.insert((tag, slot));
                }
                false => prop_assert_eq!(places.remove(tag, slot), known.remove(&(tag, slot))),
                _ => {}
            }
            prop_assert_eq!(places.len(), known.len());
            for tag in [0, 1, 2, u32::MAX - 5, u32::MAX - 4, u32::MAX - 3] {
                for slot in 0..40 {
                    let found = places.find(tag, |other| other == slot);
                    prop_assert_eq!(found.is_some(), known.contains(&(tag, slot)));
                }
            }
        }
    }

    #[test]
    fn bytes_of_any_kind_never_panic_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = cold_entry::decode_key(&bytes);
        let _ = cold_entry::decode_value(&bytes, &bytes, ManifestId(u64::MAX));
        let _ = ColdFilter::decode(&bytes);
    }
}

#[test]
fn a_snapshot_has_the_columns_of_its_table_and_is_refused_without_them() {
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    book.observe(key, &arrival("thread", 9, b"x", 4));
    book.observe(
        key,
        &Arrival {
            time_us: None,
            ..arrival("other", 0, b"", 4)
        },
    );
    let batches: Vec<_> = book.snapshot_batches().map(Result::unwrap).collect();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].schema(), Table::SequenceBook.schema());
    for column in 0..batches[0].num_columns() {
        let columns: Vec<usize> = (0..batches[0].num_columns())
            .filter(|other| *other != column)
            .collect();
        let error = SequenceBook::new(BookOptions::default())
            .restore(&batches[0].project(&columns).unwrap())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains(batches[0].schema().field(column).name()),
            "{error}"
        );
    }
    let mut again = SequenceBook::new(BookOptions::default());
    again.restore(&batches[0]).unwrap();
    assert_eq!(again.threads(), 2);
    let key = again.open_partition(&partition("a", 0), Head::FromOne);
    assert_eq!(
        again.observe(key, &arrival("thread", 9, b"x", 5)).repeated,
        Repeated::Yes
    );
}
