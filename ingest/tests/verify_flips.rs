//! Random bit flips over all files of a store: each is found, and the damaged file is named.
#![allow(clippy::unwrap_used)]

mod verify_support;

use std::path::{Path, PathBuf};

use quipu_ingest::verify::{FindingPlace, Part};
use verify_support::{clean, cut, lines, only, report, store_of_first};

const FLIPS: usize = 1_000;

/// A source of numbers that looks like chance and is the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

/// Every file but `lock` and the leases, whose content is for people: nothing reads it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "leases" {
            files.extend(self::files(&path));
        } else if path.is_file() && name != "lock" && path.metadata().unwrap().len() > 0 {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn each_of_a_thousand_flipped_bits_is_found_and_its_file_named() {
    // Two at a time, each over a store of its own.
    std::thread::scope(|scope| {
        let halves = [20_260_728, 19_700_101].map(|seed| scope.spawn(move || flip_bits(seed, FLIPS / 2)));
        for half in halves {
            half.join().unwrap();
        }
    });
}

fn flip_bits(seed: u64, flips: usize) {
    // A book that is closed with an index, so that there are files of it.
    let folder = store_of_first(600, cut(500, 1));
    let options = only(Part::Files);
    clean(&report(folder.path(), &options));
    let files = files(folder.path());
    assert!(files.iter().any(|path| path.ends_with("book/clean")));
    let sizes: Vec<usize> = files
        .iter()
        .map(|path| path.metadata().unwrap().len() as usize)
        .collect();
    let total: usize = sizes.iter().sum();
    let mut dice = Dice(seed);
    let mut hit = vec![0; files.len()];
    for flip in 0..flips {
        // Half of them anywhere, half in any file: most files are small.
        let index = if flip % 2 == 0 {
            let mut at = dice.below(total);
            sizes
                .iter()
                .position(|size| {
                    let here = at < *size;
                    at = at.wrapping_sub(*size);
                    here
                })
                .unwrap()
        } else {
            dice.below(files.len())
        };
        hit[index] += 1;
        let path = &files[index];
        let whole = std::fs::read(path).unwrap();
        let (at, bit) = (dice.below(whole.len()), dice.below(8));
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << bit;
        std::fs::write(path, flipped).unwrap();
        let report = report(folder.path(), &options);
        std::fs::write(path, whole).unwrap();

        let name = path.strip_prefix(folder.path()).unwrap().to_str().unwrap();
        // The files of the index have one digest together.
        let named = if name.starts_with("book/sled/") {
            "book/sled"
        } else {
            name
        };
        let is_named = report
            .findings
            .iter()
            .any(|finding| finding.place == FindingPlace::File(named.to_owned()));
        assert!(
            is_named,
            "seed {seed}, flip {flip}: bit {bit} of byte {at} of {name} gave:\n{}",
            lines(&report)
        );
    }
    let unhit = hit.iter().filter(|hits| **hits == 0).count();
    assert!(
        unhit * 10 < files.len(),
        "{unhit} of {} files were never hit",
        files.len()
    );
    clean(&report(folder.path(), &options));
}
