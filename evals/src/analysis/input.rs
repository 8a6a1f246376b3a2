//! A whole input, cut into chunks that several threads count.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::Counting;
use super::accumulator::Accumulator;
use super::chunk::{ChunkReader, cut};
use super::remarks::Remarks;

/// What was read.
#[derive(Debug)]
pub struct Input {
    /// What was counted.
    pub accumulator: Accumulator,
    /// What was not understood.
    pub remarks: Remarks,
    /// Bytes of the input.
    pub bytes: u64,
}

/// Bytes that are read before a chunk is cut. A chunk is longer only where documents are.
const CHUNK_BYTES: usize = 2 << 20;

/// Bytes asked for at once.
const READ_BYTES: usize = 256 << 10;

/// Chunks that wait for each reader.
const WAITING_MAX: usize = 2;

/// Reads an input to its end and counts its documents, on `threads` threads beside this one.
///
/// # Errors
/// Those of the input. What was read before is lost.
pub fn read(input: &mut dyn Read, counting: Counting, threads: usize) -> io::Result<Input> {
    read_in_chunks(input, counting, threads, CHUNK_BYTES)
}

pub(super) fn read_in_chunks(
    input: &mut dyn Read,
    counting: Counting,
    threads: usize,
    chunk_bytes: usize,
) -> io::Result<Input> {
    thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut readers = Vec::new();
        // Buffers come back when they are counted, so that no new ones are needed.
        let (giver, free) = sync_channel(threads * (WAITING_MAX + 2));
        for _ in 0..threads.max(1) {
            let (sender, chunks) = sync_channel(WAITING_MAX);
            let giver = giver.clone();
            senders.push(sender);
            readers.push(scope.spawn(move || count(&chunks, &giver, counting)));
        }
        let cut = cut_up(input, counting, chunk_bytes, &senders, &free);
        drop(senders);
        let mut whole = ChunkReader::new(counting);
        for reader in readers {
            let part = reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            whole.accumulator.merge(part.accumulator);
            whole.notes.merge(part.notes);
        }
        Ok(Input {
            bytes: cut?,
            accumulator: whole.accumulator,
            remarks: whole.notes.finish(),
        })
    })
}

/// A chunk and its place among all.
type Chunk = (u64, Vec<u8>);

fn count(chunks: &Receiver<Chunk>, free: &SyncSender<Vec<u8>>, counting: Counting) -> ChunkReader {
    let mut reader = ChunkReader::new(counting);
    for (number, chunk) in chunks {
        reader.take(number, &chunk);
        // A full channel has buffers enough.
        let _ = free.try_send(chunk);
    }
    reader
}

/// Cuts the input up and hands the chunks to the readers in turn. Gives the bytes of the input.
fn cut_up(
    input: &mut dyn Read,
    counting: Counting,
    chunk_bytes: usize,
    readers: &[SyncSender<Chunk>],
    free: &Receiver<Vec<u8>>,
) -> io::Result<u64> {
    let mut bytes = 0;
    let mut number = 0_u64;
    let mut turn = readers.iter().cycle();
    let mut hand_out = |chunk: Vec<u8>| {
        if let Some(reader) = turn.next() {
            // A reader is there as long as its sender; were it gone by a panic, joining it tells.
            let _ = reader.send((number, chunk));
        }
        number += 1;
    };
    let mut buffer = Vec::new();
    // Up to here no cut was found.
    let mut searched = 0;
    loop {
        let read = fill(input, &mut buffer, chunk_bytes)?;
        bytes += read as u64;
        if read == 0 {
            if !buffer.is_empty() {
                hand_out(buffer);
            }
            return Ok(bytes);
        }
        if buffer.len() < chunk_bytes {
            continue;
        }
        // The last byte may be a line feed whose next byte is not here yet.
        match cut(&buffer, searched, counting) {
            Some(end) => {
                let mut rest = free.try_recv().unwrap_or_default();
                rest.clear();
                rest.extend_from_slice(&buffer[end..]);
                buffer.truncate(end);
                hand_out(std::mem::replace(&mut buffer, rest));
                searched = 0;
            }
            None => searched = buffer.len() - 1,
        }
    }
}

/// Reads on until the buffer holds a chunk, at least once. Gives the bytes that were read, 0 at the end.
fn fill(input: &mut dyn Read, buffer: &mut Vec<u8>, chunk_bytes: usize) -> io::Result<usize> {
    let start = buffer.len();
    let wanted = chunk_bytes.max(start + chunk_bytes / 2 + 1);
    let step = READ_BYTES.min(chunk_bytes).max(1);
    loop {
        let at = buffer.len();
        buffer.resize(at + step, 0);
        let read = loop {
            match input.read(&mut buffer[at..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(read) => buffer.truncate(at + read),
            Err(error) => {
                buffer.truncate(at);
                return Err(error);
            }
        }
        if buffer.len() == at || buffer.len() >= wanted {
            return Ok(buffer.len() - start);
        }
    }
}
