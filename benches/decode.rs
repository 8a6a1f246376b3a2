//! From the bytes of a record to Arrow columns: each step on top of the one before. One item is one record.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use quipu_proto::frames::FramesReader;
use quipu_proto::{
    Decoder, LogIndex, Numbered, Place, Policy, SequenceVerdict, TableBuilders, TopicIncarnation, framing,
};

/// Records of the canonical workload per iteration, as many as one flush of the pipeline takes at most.
const MESSAGES: u64 = 50_000;

fn main() {
    divan::main();
}

/// The Kafka values of the workload, one after the other in one allocation.
struct Values {
    frames: Vec<u8>,
}

impl Values {
    fn new() -> Self {
        Self {
            frames: quipu_benches::canonical_frames(MESSAGES).expect("the workload can be written"),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        FramesReader::new(&self.frames)
            .flatten()
            .map(|frame| frame.payload)
    }

    fn bencher<'a, 'b>(&self, bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
        let bytes: usize = self.iter().map(<[u8]>::len).sum();
        bencher
            .counter(ItemsCount::new(MESSAGES))
            .counter(BytesCount::new(bytes))
    }
}

/// Reading the frames file alone.
#[divan::bench]
fn walk(bencher: Bencher<'_, '_>) {
    let values = Values::new();
    values
        .bencher(bencher)
        .bench_local(|| values.iter().map(<[u8]>::len).sum::<usize>());
}

/// The framing taken off: zstd for one record in nine.
#[divan::bench]
fn unframe(bencher: Bencher<'_, '_>) {
    let values = Values::new();
    let mut expanded = Vec::new();
    values.bencher(bencher).bench_local(|| {
        let mut bytes = 0;
        for value in values.iter() {
            bytes += framing::unframe(value, Policy::Compatible, &mut expanded).map_or(0, <[u8]>::len);
        }
        bytes
    });
}

/// The message read into a borrowed view.
#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let values = Values::new();
    let mut decoder = Decoder::new(Policy::Compatible);
    values.bencher(bencher).bench_local(|| {
        for value in values.iter() {
            let _ = black_box(decoder.decode(Some(value)));
        }
    });
}

/// The view appended to the columns of its table, and the columns finished.
#[divan::bench]
fn append(bencher: Bencher<'_, '_>) {
    let values = Values::new();
    let mut decoder = Decoder::new(Policy::Compatible);
    let mut tables = TableBuilders::new();
    let log = tables.log_index(&TopicIncarnation::new(
        "dashstream-events",
        TopicIncarnation::UNKNOWN,
    ));
    values.bencher(bencher).bench_local(|| {
        for (offset, value) in values.iter().enumerate() {
            let decoded = decoder.decode(Some(value)).expect("the workload decodes");
            tables.append(&place(log, offset), &decoded, IN_ORDER, &[]);
        }
        tables.finish().expect("columns fit their schemas")
    });
}

const IN_ORDER: Numbered = Numbered {
    verdict: SequenceVerdict::InOrder,
    repeated: false,
};

fn place(log: LogIndex, offset: usize) -> Place<'static> {
    Place {
        log,
        partition: 0,
        offset: offset as i64,
        kafka_time_us: None,
        key: None,
        headers: None,
    }
}
