//! Writes the canonical workload into a frames file.
//!
//! `canonical [--messages N] [--seed N] [--threads N] [--partitions N] --out FILE`
#![expect(clippy::print_stderr, reason = "a program for the command line")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

use quipu_fleet::{Canonical, CanonicalOptions, Kind, Mix};
use quipu_proto::frames::write_frame;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = CanonicalOptions::default();
    let mut out = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--messages" => options.messages = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            "--threads" => options.threads = value.parse()?,
            "--partitions" => options.partitions = value.parse()?,
            "--out" => out = Some(value),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    let path = out.ok_or("--out FILE is missing")?;
    let began = Instant::now();
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    let mut canonical = Canonical::new(options);
    let (mut payload_bytes, mut protobuf_bytes) = (0, 0);
    for record in canonical.by_ref() {
        write_frame(&mut file, &record.frame())?;
        payload_bytes += record.payload.len();
        protobuf_bytes += record.protobuf_bytes;
    }
    file.flush()?;
    let mix = canonical.mix();
    let total = mix.total();
    for kind in Kind::ALL {
        eprintln!(
            "{:<15} {:>9} {:>7.3} % (aim {:>6.3}) mean {:>7.1} B (aim {})",
            format!("{kind:?}"),
            mix.count(kind),
            mix.count(kind) as f64 * 100.0 / total.max(1) as f64,
            Mix::share(kind) * 100.0,
            mix.mean_so_far(kind),
            Mix::mean(kind),
        );
    }
    eprintln!(
        "{total} messages of {} threads, {} with zstd ({:.3} %), {protobuf_bytes} B of protobuf, {payload_bytes} B of payloads in {path}, {:.1} s",
        canonical.threads(),
        canonical.zstd_messages(),
        canonical.zstd_messages() as f64 * 100.0 / total.max(1) as f64,
        began.elapsed().as_secs_f64(),
    );
    Ok(())
}
