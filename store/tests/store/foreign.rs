//! Segments as another version of this software would have written them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use quipu_proto::Table;
use quipu_store::manifest::codec;
use quipu_store::segment::schema_fingerprint;
use quipu_store::{Reader, Segment, read_segment};

/// Writes the oldest segment of a table anew without one of its columns.
pub(crate) fn rewrite_oldest(store: &Path, table: Table, without: &str) {
    let (mut manifest, path, id) = {
        let snapshot = Reader::open(store).unwrap().snapshot().unwrap();
        let oldest = snapshot.segments(table).next().unwrap();
        (
            (**snapshot.manifest()).clone(),
            snapshot.path_of(oldest),
            oldest.id,
        )
    };
    let batches: Vec<RecordBatch> = read_segment(&path, &[]).unwrap().map(Result::unwrap).collect();
    let kept: Vec<usize> = (0..batches[0].num_columns())
        .filter(|index| batches[0].schema().field(*index).name() != without)
        .collect();
    let schema = Arc::new(batches[0].schema().project(&kept).unwrap());
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), Arc::clone(&schema), None).unwrap();
    for batch in batches {
        writer.write(&batch.project(&kept).unwrap()).unwrap();
    }
    writer.close().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for segment in manifest.segments.iter_mut().filter(|segment| segment.id == id) {
        *segment = Arc::new(Segment {
            bytes: bytes.len() as u64,
            checksum: xxhash_rust::xxh3::xxh3_64(&bytes),
            schema_fingerprint: schema_fingerprint(&schema),
            ..Segment::clone(segment)
        });
    }
    let file = store.join(format!("manifest/{:020}.manifest", manifest.id.0));
    std::fs::write(file, codec::encode(&manifest)).unwrap();
}
