//! The layer itself: what is durable, what is lost, and that the same plan gives the same faults.

use std::path::Path;
use std::sync::Arc;

use quipu_store::disk::Disk;

use crate::{Dice, Errno, Fault, FaultyDisk, Loss, Op, Outcome, Plan, Trust, Turns};

fn folder() -> (tempfile::TempDir, FaultyDisk) {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(folder.path());
    (folder, disk)
}

fn names(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn content_is_durable_when_it_was_synced_and_names_when_their_folder_was() {
    let (folder, disk) = folder();
    let [kept, cut, nameless] = ["kept", "cut", "nameless"].map(|name| folder.path().join(name));
    for (path, synced) in [(&kept, true), (&cut, false)] {
        let mut file = disk.create(path).unwrap();
        file.write_all(b"first").unwrap();
        file.sync().unwrap();
        file.write_all(b" second").unwrap();
        if synced {
            file.sync().unwrap();
        }
    }
    disk.sync_dir(folder.path()).unwrap();
    disk.create(&nameless).unwrap().sync().unwrap();
    assert_eq!(std::fs::read(&cut).unwrap(), b"first second");
    disk.power_loss(Loss::Unsynced);
    assert_eq!(names(folder.path()), ["cut", "kept"]);
    assert_eq!(std::fs::read(&kept).unwrap(), b"first second");
    assert_eq!(std::fs::read(&cut).unwrap(), b"first");
}

#[test]
fn removals_and_renamings_that_were_not_synced_are_undone() {
    let (folder, disk) = folder();
    let [old, new, gone] = ["old", "new", "gone"].map(|name| folder.path().join(name));
    for path in [&old, &gone] {
        let mut file = disk.create(path).unwrap();
        file.write_all(b"content").unwrap();
        file.sync().unwrap();
    }
    disk.sync_dir(folder.path()).unwrap();
    disk.rename(&old, &new).unwrap();
    disk.remove(&gone).unwrap();
    disk.power_loss(Loss::Unsynced);
    assert_eq!(names(folder.path()), ["gone", "old"]);
    assert_eq!(std::fs::read(&gone).unwrap(), b"content");
}

#[test]
fn what_lies_in_a_folder_whose_name_is_lost_is_lost() {
    let (folder, disk) = folder();
    let inner = folder.path().join("outer/inner");
    disk.create_dir(&inner).unwrap();
    disk.create(&inner.join("file")).unwrap().sync().unwrap();
    disk.sync_dir(&inner).unwrap();
    disk.sync_dir(&folder.path().join("outer")).unwrap();
    disk.power_loss(Loss::Unsynced);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_sync_that_failed_is_not_made_good_by_a_later_one() {
    let (folder, disk) = folder();
    let path = folder.path().join("file");
    // The calls are: create, sync of the folder, write, failing sync, write, sync.
    disk.start(Plan::at(3, Fault::Fail(Errno::Io)));
    let mut file = disk.create(&path).unwrap();
    disk.sync_dir(folder.path()).unwrap();
    file.write_all(b"lost").unwrap();
    assert!(file.sync().is_err());
    file.write_all(b"kept").unwrap();
    file.sync().unwrap();
    assert_eq!(disk.writes_after_a_failed_sync().len(), 2);
    disk.power_loss(Loss::Unsynced);
    assert_eq!(std::fs::read(&path).unwrap(), b"\0\0\0\0kept");
}

#[test]
fn each_fault_does_what_it_says() {
    for (fault, taken, left) in [
        (Fault::Fail(Errno::NoSpace), None, ""),
        (Fault::Short, Some(2), "ab"),
        (Fault::Torn, None, "ab"),
        (Fault::Die, None, ""),
        (Fault::DieWithin, None, "ab"),
    ] {
        let (folder, disk) = folder();
        let path = folder.path().join("file");
        disk.start(Plan::at(1, fault));
        let mut file = disk.create(&path).unwrap();
        assert_eq!(file.write(b"abcd").ok(), taken, "{fault:?}");
        assert_eq!(std::fs::read(&path).unwrap(), left.as_bytes(), "{fault:?}");
        let dies = matches!(fault, Fault::Die | Fault::DieWithin);
        assert_eq!((disk.is_dead(), disk.remove(&path).is_err()), (dies, dies));
        assert_eq!(disk.faulted().len(), 1);
        let last = disk.calls().pop().unwrap();
        let outcome = if dies { Outcome::Dead } else { Outcome::Done };
        assert_eq!((last.op, last.outcome), (Op::Remove, outcome));
    }
    let (folder, disk) = folder();
    let path = folder.path().join("file");
    disk.start(Plan::at(0, Fault::FailAfter));
    assert!(disk.create(&path).is_err());
    assert!(path.exists());
}

#[test]
fn a_disk_that_lies_about_syncs_keeps_nothing() {
    for (trust, left) in [
        (Trust::NoFolderSync(""), None),
        (Trust::NoFileSync("le"), Some("")),
        (Trust::NoFileSync("another"), Some("content")),
        (Trust::Honest, Some("content")),
    ] {
        let (folder, disk) = folder();
        let path = folder.path().join("file");
        disk.start(Plan::none().with_trust(trust));
        let mut file = disk.create(&path).unwrap();
        file.write_all(b"content").unwrap();
        file.sync().unwrap();
        disk.sync_dir(folder.path()).unwrap();
        disk.power_loss(Loss::Unsynced);
        assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), left, "{trust:?}");
    }
}

/// Ten files of ten writes each, none of it synced; gives what a power loss leaves.
fn remains(seed: u64) -> Vec<(String, String)> {
    let (folder, disk) = folder();
    for file in 0..10 {
        let mut file = disk.create(&folder.path().join(file.to_string())).unwrap();
        for write in 0..10 {
            file.write_all(write.to_string().repeat(4).as_bytes()).unwrap();
        }
    }
    disk.power_loss(Loss::Some(seed));
    let read = |name: &String| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let names = names(folder.path()).into_iter();
    names.map(|name| (name.clone(), read(&name))).collect()
}

#[test]
fn a_power_loss_leaves_writes_and_names_in_any_order_and_the_same_for_the_same_seed() {
    assert_eq!(remains(7), remains(7));
    assert_ne!(remains(7), remains(8));
    let remains: Vec<_> = (0..8).flat_map(remains).collect();
    assert!(
        remains.len() > 20 && remains.len() < 60,
        "{} names",
        remains.len()
    );
    let has = |what: &str| remains.iter().any(|(_, content)| content.contains(what));
    assert!(has("0000") && has("9999") && has("\0\0\0\0") && has("55\0\0"));
}

#[test]
fn the_same_seed_draws_the_same_plan() {
    let draw = |seed| Plan::drawn(&mut Dice::new(seed), 100, 5);
    assert_eq!(draw(1), draw(1));
    assert!((0..10).any(|seed| draw(seed) != draw(1)));
}

#[test]
fn turns_are_taken_in_the_order_of_the_seed() {
    let order = |seed| {
        let (folder, disk) = folder();
        let folder = folder.path();
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let job = |player: usize| -> Box<dyn FnOnce(Arc<dyn Disk>) -> usize + Send> {
            Box::new(move |disk| {
                for file in 0..5 {
                    disk.create(&folder.join(format!("{player}-{file}"))).unwrap();
                }
                player
            })
        };
        let (results, order) = Turns::run(seed, &disk, vec![job(0), job(1)]);
        assert_eq!(results, [0, 1]);
        assert_eq!(order.iter().filter(|player| **player == 0).count(), 5);
        order
    };
    assert_eq!(order(3), order(3));
    assert!((0..10).any(|seed| order(seed) != order(3)));
}
