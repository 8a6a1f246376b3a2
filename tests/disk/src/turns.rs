//! Several writers that take turns, call by call, in an order that comes from a seed.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use quipu_store::disk::{DirEntry, Disk, DiskFile, LockFile};

use crate::dice::Dice;

/// What one of the writers does, with the disk that it is given.
pub type Job<'a, T> = Box<dyn FnOnce(Arc<dyn Disk>) -> T + Send + 'a>;

/// Lets threads do one call at a time: when each of them either waits with a call or has ended, the dice say whose
/// call is next. So a seed gives the same interleaving every time.
#[derive(Clone, Debug)]
pub struct Turns {
    table: Arc<Table>,
}

#[derive(Debug)]
struct Table {
    players: Mutex<Players>,
    changed: Condvar,
}

#[derive(Debug)]
struct Players {
    dice: Dice,
    states: Vec<Player>,
    order: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Player {
    /// Between two calls, or in one.
    Busy,
    /// With a call that it may not do yet.
    Waiting,
    Ended,
}

impl Turns {
    /// Runs one thread for each of the jobs, which gets `disk` to work with, in turns with the others. Gives what the
    /// jobs gave, and the order of calls.
    ///
    /// # Panics
    /// Where a job does.
    pub fn run<T: Send>(seed: u64, disk: &Arc<dyn Disk>, jobs: Vec<Job<'_, T>>) -> (Vec<T>, Vec<usize>) {
        let turns = Self {
            table: Arc::new(Table {
                players: Mutex::new(Players {
                    dice: Dice::new(seed),
                    states: vec![Player::Busy; jobs.len()],
                    order: Vec::new(),
                }),
                changed: Condvar::new(),
            }),
        };
        let results = std::thread::scope(|scope| {
            let threads: Vec<_> = jobs
                .into_iter()
                .enumerate()
                .map(|(player, job)| {
                    let seat = Seat {
                        turns: turns.clone(),
                        player,
                        disk: Arc::clone(disk),
                    };
                    scope.spawn(move || {
                        // Also when the job panics, so that the others go on.
                        let _end = End(seat.clone());
                        job(Arc::new(seat))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        let order = std::mem::take(&mut turns.players().order);
        (results, order)
    }

    fn players(&self) -> MutexGuard<'_, Players> {
        self.table.players.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Players {
    /// Calls one of the players up, if all wait or have ended.
    fn call_up(&mut self) {
        if self.states.contains(&Player::Busy) {
            return;
        }
        let waiting: Vec<usize> = (0..self.states.len())
            .filter(|player| self.states[*player] == Player::Waiting)
            .collect();
        if !waiting.is_empty() {
            let next = *self.dice.one_of(&waiting);
            self.states[next] = Player::Busy;
            self.order.push(next);
        }
    }
}

/// The disk of one player.
#[derive(Clone, Debug)]
struct Seat {
    turns: Turns,
    player: usize,
    disk: Arc<dyn Disk>,
}

impl Seat {
    /// Waits until it is this player's turn. It is then until its next call.
    fn turn(&self) -> &dyn Disk {
        self.become_a(Player::Waiting);
        let mut players = self.turns.players();
        while players.states[self.player] == Player::Waiting {
            players = self
                .turns
                .table
                .changed
                .wait(players)
                .unwrap_or_else(PoisonError::into_inner);
        }
        &*self.disk
    }

    fn become_a(&self, state: Player) {
        let mut players = self.turns.players();
        players.states[self.player] = state;
        players.call_up();
        self.turns.table.changed.notify_all();
    }
}

struct End(Seat);

impl Drop for End {
    fn drop(&mut self) {
        self.0.become_a(Player::Ended);
    }
}

impl Disk for Seat {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.turn().create_dir(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.turn().create(path)?;
        Ok(Box::new(SeatFile {
            seat: self.clone(),
            file,
        }))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.turn().hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.turn().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.turn().remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.turn().sync_dir(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.turn().read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.turn().list(path)
    }

    fn open_lock(&self, path: &Path) -> io::Result<LockFile> {
        self.turn().open_lock(path)
    }
}

/// A file of one player.
#[derive(Debug)]
struct SeatFile {
    seat: Seat,
    file: Box<dyn DiskFile>,
}

impl io::Write for SeatFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.seat.turn();
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for SeatFile {
    fn sync(&mut self) -> io::Result<()> {
        self.seat.turn();
        self.file.sync()
    }
}
