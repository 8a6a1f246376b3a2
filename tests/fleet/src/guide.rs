//! What decides how much of each kind of message a session writes.

use crate::dice::Dice;
use crate::kind::Kind;
use crate::mix::Mix;

/// How long the free text of each kind is by nature, in bytes; in the order of [`Kind::ALL`].
const TEXT_BYTES: [f64; 9] = [90.0, 330.0, 9.0, 700.0, 260.0, 40.0, 180.0, 150.0, 600.0];

/// A session asks its guide before it writes what it could as well leave out.
#[derive(Debug)]
pub(crate) enum Guide {
    /// As agents are.
    Natural,
    /// Towards given shares and sizes of the kinds.
    Steered(Box<Steering>),
}

/// What was written, against what is aimed at.
#[derive(Debug, Default)]
pub(crate) struct Steering {
    written: Mix,
    /// How many messages of each kind the sending is short of; in the order of [`Kind::ALL`].
    unsent: [f64; 9],
}

impl Steering {
    /// Notes how far the sending is behind: what waits behind other messages of its session does not count yet.
    pub(crate) fn follow(&mut self, sent: &Mix) {
        self.unsent = Kind::ALL.map(|kind| sent.lag(kind).max(0.0));
    }

    fn lags(&self, kind: Kind) -> bool {
        self.written.lag(kind) + self.unsent[kind.index()] > 0.0
    }

    /// How many bytes free text should be longer than usual.
    fn room(&self, kind: Kind) -> f64 {
        self.written.room(kind)
    }
}

impl Guide {
    /// Notes that a message was written.
    pub(crate) fn account(&mut self, kind: Kind, bytes: usize) {
        if let Self::Steered(steering) = self {
            steering.written.account(kind, bytes);
        }
    }

    /// How many bytes of free text the next message of this kind should have.
    pub(crate) fn text_bytes(&self, kind: Kind, dice: &mut Dice) -> usize {
        let usual = TEXT_BYTES[kind.index()];
        let (middle, sigma) = match (self, kind) {
            (Self::Natural, Kind::TokenChunk) => (usual, 0.5),
            (Self::Natural, _) => (usual, 0.7),
            // Of these there are too few for chance to even out.
            (Self::Steered(steering), Kind::Error) => {
                (usual + steering.room(kind).clamp(-usual, 2.0 * usual), 0.3)
            }
            // A shortage is made up over several messages, none of which stands out for it.
            (Self::Steered(steering), _) => (
                usual + (steering.room(kind) * 0.5).clamp(-2.0 * usual, 4.0 * usual),
                0.6,
            ),
        };
        // The median lies below the mean, which is `middle`.
        let median = (middle * (-sigma * sigma / 2.0_f64).exp()).max(0.0);
        dice.log_normal(median, sigma).min(middle * 6.0) as usize
    }

    /// How many bytes of free text the last field of a message should have that is `bytes` bytes long without it.
    pub(crate) fn rest_bytes(&self, kind: Kind, bytes: usize, dice: &mut Dice) -> usize {
        match self {
            Self::Natural => dice.log_normal(110.0, 0.5) as usize,
            Self::Steered(steering) => {
                let mean = Mix::mean(kind);
                (mean + steering.room(kind) - bytes as f64).clamp(30.0, mean) as usize
            }
        }
    }

    /// Whether to write one more of this kind, which by nature has this probability.
    pub(crate) fn wants(&self, kind: Kind, nature: f64, dice: &mut Dice) -> bool {
        match self {
            Self::Natural => dice.chance(nature),
            Self::Steered(steering) => steering.lags(kind),
        }
    }

    /// How many of this kind to write where by nature there are so many.
    pub(crate) fn count(&self, kind: Kind, nature: usize) -> usize {
        match self {
            Self::Natural => nature,
            Self::Steered(steering) if steering.lags(kind) => nature * 2,
            Self::Steered(_) => nature / 3,
        }
    }

    /// Whether a message of this kind and of about this size may be written now.
    pub(crate) fn fits(&self, kind: Kind, bytes: usize) -> bool {
        match self {
            Self::Natural => true,
            Self::Steered(steering) => bytes as f64 <= Mix::mean(kind) + steering.room(kind).max(0.0),
        }
    }

    /// Whether an event should show a piece of what it is about, as it does with probability `nature`.
    pub(crate) fn shows(&self, nature: f64, dice: &mut Dice) -> bool {
        match self {
            Self::Natural => dice.chance(nature),
            Self::Steered(steering) => steering.room(Kind::Event) > 0.0,
        }
    }

    /// Whether it steers towards given shares.
    pub(crate) fn is_steered(&self) -> bool {
        matches!(self, Self::Steered(_))
    }

    /// Whether runs should come to their end early, because their traces are too few.
    pub(crate) fn hurries(&self) -> bool {
        matches!(self, Self::Steered(steering) if steering.lags(Kind::ExecutionTrace))
    }

    /// Whether so many events of together `bytes` bytes are to be sent as one batch.
    pub(crate) fn batches(&self, events: usize, bytes: usize) -> bool {
        match self {
            Self::Natural => events > 1,
            Self::Steered(steering) => {
                let mean = Mix::mean(Kind::EventBatch);
                events > 1 && (bytes as f64 > mean * 0.75 || steering.room(Kind::EventBatch) < -mean)
            }
        }
    }
}
