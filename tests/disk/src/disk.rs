//! The disk: its state, its lives, its power losses.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::{Call, Op, Outcome};
use crate::content::Content;
use crate::dice::Dice;
use crate::names::{Names, Node, Tree};
use crate::plan::{Errno, Fault, Loss, Plan};

/// A disk over a real folder, with faults. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct FaultyDisk {
    pub(crate) state: Arc<Mutex<State>>,
}

#[derive(Debug)]
pub(crate) struct State {
    base: PathBuf,
    pub(crate) contents: Vec<Content>,
    pub(crate) names: Names,
    pub(crate) plan: Plan,
    calls: Vec<Call>,
    dead: bool,
}

/// How a call is to be done.
#[derive(Debug)]
pub(crate) enum Way {
    /// As it should be.
    Whole,
    /// As it should be, but it fails after all.
    WholeThen(io::Error),
    /// Of the bytes of a write only half.
    Half,
    /// Of the bytes of a write only half, and it fails.
    HalfThen(io::Error),
    /// It is tried and fails.
    Failed(io::Error),
    /// It never comes to it.
    Not(io::Error),
}

impl FaultyDisk {
    /// A disk over an existing folder, in which stores lie or will be made. All that is there is durable. Nothing goes
    /// wrong until [`Self::start`].
    ///
    /// # Panics
    /// Where the folder cannot be read.
    pub fn new(base: impl AsRef<Path>) -> Self {
        let base = base.as_ref().to_owned();
        let mut tree = Tree::default();
        let mut contents = Vec::new();
        scan(&base, &mut tree, &mut contents).expect("the folder of a disk with faults can be read");
        Self {
            state: Arc::new(Mutex::new(State {
                base,
                contents,
                names: Names::durable(tree),
                plan: Plan::none(),
                calls: Vec::new(),
                dead: false,
            })),
        }
    }

    /// Begins a life: calls are counted from 0, and these faults befall them. What an earlier life has written and not
    /// synced is live, and may yet be lost.
    pub fn start(&self, plan: Plan) {
        let mut state = self.lock();
        state.plan = plan;
        state.calls.clear();
        state.dead = false;
    }

    /// The calls of this life.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// The calls of this life that met a fault.
    #[must_use]
    pub fn faulted(&self) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls.filter(|call| call.outcome == Outcome::Faulted).collect()
    }

    /// Whether the process of this life has died.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// What was asked of the disk, other than to remove files, after a sync failed: a writer should ask nothing more.
    /// Bytes for a file that has been removed are nobody's.
    #[must_use]
    pub fn writes_after_a_failed_sync(&self) -> Vec<Call> {
        let calls = self.calls();
        let mut removed = BTreeSet::new();
        let mut found = Vec::new();
        let mut failed = false;
        for call in calls.iter().filter(|call| call.outcome != Outcome::Dead) {
            if call.op == Op::Remove {
                removed.insert(&call.path);
            } else if failed && call.op.is_change() && !removed.contains(&call.path) {
                found.push(call.clone());
            }
            failed |= call.op.is_sync() && call.outcome == Outcome::Faulted;
        }
        found
    }

    /// The power fails: the folder holds what was durable, and of the rest what the loss leaves. Files that were made
    /// past this disk stay where their folder does. Whoever used the disk must be gone.
    ///
    /// # Panics
    /// Where the folder cannot be changed.
    pub fn power_loss(&self, loss: Loss) {
        let mut state = self.lock();
        state
            .lose(loss)
            .expect("the folder of a disk with faults can be written");
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes note of a call and says how it is to be done.
    pub(crate) fn begin(&mut self, op: Op, path: &Path) -> Way {
        let fault = self.plan.faults.get(&self.calls.len()).copied();
        let fault = fault.filter(|fault| fault.fits(op));
        let outcome = match fault {
            _ if self.dead => Outcome::Dead,
            Some(_) => Outcome::Faulted,
            None => Outcome::Done,
        };
        self.calls.push(Call {
            op,
            path: path.strip_prefix(&self.base).unwrap_or(path).to_owned(),
            outcome,
        });
        if outcome == Outcome::Dead {
            return Way::Not(died());
        }
        self.dead = matches!(fault, Some(Fault::Die | Fault::DieWithin));
        match fault {
            None => Way::Whole,
            Some(Fault::Fail(errno)) => Way::Failed(errno.error()),
            Some(Fault::FailAfter) => Way::WholeThen(Errno::Io.error()),
            Some(Fault::Short) => Way::Half,
            Some(Fault::Torn) => Way::HalfThen(Errno::Io.error()),
            Some(Fault::Die) => Way::Not(died()),
            Some(Fault::DieWithin) if op == Op::Write => Way::HalfThen(died()),
            Some(Fault::DieWithin) => Way::WholeThen(died()),
        }
    }

    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    pub(crate) fn add_content(&mut self) -> Node {
        self.contents.push(Content::default());
        self.contents.len() - 1
    }

    fn lose(&mut self, loss: Loss) -> io::Result<()> {
        let mut dice = match loss {
            Loss::Unsynced => None,
            Loss::Some(seed) => Some(Dice::new(seed)),
        };
        let before = self.names.lose(&self.base, dice.as_mut());
        let whole: Vec<bool> = self
            .contents
            .iter_mut()
            .map(|content| content.lose(dice.as_mut()))
            .collect();
        let after = &self.names.live;
        for name in before
            .files
            .keys()
            .filter(|name| !after.files.contains_key(*name))
        {
            // Somebody may have removed it past this disk.
            let _ = fs::remove_file(name);
        }
        for folder in before.folders.difference(&after.folders) {
            // With the one above it, it is gone already.
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        for folder in &after.folders {
            fs::create_dir_all(folder)?;
        }
        for (name, node) in &after.files {
            if before.files.get(name) == Some(node) && whole[*node] {
                continue;
            }
            if name.exists() {
                fs::remove_file(name)?;
            }
            fs::write(name, self.contents[*node].bytes())?;
        }
        Ok(())
    }
}

fn died() -> io::Error {
    io::Error::other("the process has died, as the plan of faults wants it")
}

/// Takes in what a folder holds.
fn scan(base: &Path, tree: &mut Tree, contents: &mut Vec<Content>) -> io::Result<()> {
    tree.folders.insert(base.to_owned());
    let mut entries = BTreeSet::new();
    for entry in fs::read_dir(base)? {
        entries.insert(entry?.path());
    }
    for path in entries {
        if path.is_dir() {
            scan(&path, tree, contents)?;
        } else {
            contents.push(Content::durable(fs::read(&path)?));
            tree.files.insert(path, contents.len() - 1);
        }
    }
    Ok(())
}
