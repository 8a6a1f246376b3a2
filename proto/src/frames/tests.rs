#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn file(frames: &[(u32, Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (partition, key, payload) in frames {
        write_frame(
            &mut bytes,
            &Frame {
                partition: *partition,
                key,
                payload,
            },
        )
        .unwrap();
    }
    bytes
}

proptest! {
    #[test]
    fn what_was_written_is_read_and_a_cut_file_ends_in_an_error(
        frames in prop::collection::vec(
            (0..=2_147_483_647_u32, prop::collection::vec(any::<u8>(), 0..8), prop::collection::vec(any::<u8>(), 0..20)),
            0..6,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = file(&frames);
        let read: Result<Vec<_>, _> = FramesReader::new(&bytes)
            .map(|frame| frame.map(|frame| (frame.partition, frame.key.to_vec(), frame.payload.to_vec())))
            .collect();
        prop_assert_eq!(read.unwrap(), frames.clone());

        let cut = cut.index(bytes.len() + 1);
        let ends: Vec<usize> = (0..=frames.len()).map(|count| file(&frames[..count]).len()).collect();
        let mut reader = FramesReader::new(&bytes[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        for _ in 0..whole {
            prop_assert!(reader.next().unwrap().is_ok());
        }
        if ends.contains(&cut) {
            prop_assert!(reader.next().is_none());
        } else {
            let is_truncated =
                matches!(reader.next(), Some(Err(FramesError::Truncated { frame, .. })) if frame == whole as u64);
            prop_assert!(is_truncated);
            prop_assert!(reader.next().is_none());
        }
    }

    #[test]
    fn arbitrary_bytes_end_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut reader = FramesReader::new(&bytes);
        let frames = reader.by_ref().count();
        prop_assert!(frames <= bytes.len());
        prop_assert_eq!(reader.position(), bytes.len());
    }
}

#[test]
fn an_empty_file_has_no_frames() {
    assert_eq!(FramesReader::new(&[]).next(), None);
}

#[test]
fn the_error_says_which_frame_ends_where() {
    let mut bytes = file(&[
        (1, b"k".to_vec(), b"payload".to_vec()),
        (2, b"key".to_vec(), b"payload".to_vec()),
    ]);
    let second = bytes.len() / 2 - 1;
    bytes.truncate(bytes.len() - 3);
    let error = FramesReader::new(&bytes).nth(1).unwrap().unwrap_err();
    assert_eq!(
        error,
        FramesError::Truncated {
            frame: 1,
            position: second as u64,
            needed: 7,
            left: 4
        }
    );
    assert_eq!(
        error.to_string(),
        format!("frame 1 at byte {second}: the file ends inside it (7 bytes needed, 4 left)")
    );
}

#[test]
fn a_partition_that_kafka_cannot_have_is_refused() {
    let bytes = file(&[(1 << 31, Vec::new(), Vec::new())]);
    let error = FramesReader::new(&bytes).next().unwrap().unwrap_err();
    assert_eq!(
        error,
        FramesError::Partition {
            frame: 0,
            position: 0,
            partition: 1 << 31
        }
    );
}
