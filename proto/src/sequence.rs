//! Words of the ledger that travel with every row.

use std::fmt;

/// What the number of an arriving message means against the next number expected of its thread.
///
/// The rules are those of the reference validator: the first number seen in a thread is its baseline, a repeat of
/// the newest number is a duplicate, and any older number is reordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SequenceVerdict {
    /// The first numbered message seen in the thread.
    First,
    /// Exactly the number expected.
    InOrder,
    /// A number above the expected one: those between are missing so far.
    Gap,
    /// The newest number once more.
    Duplicate,
    /// A number below the newest: a late arrival or an older copy.
    Reordered,
    /// Number 0 or an empty thread: outside any numbering.
    Unsequenced,
}

impl SequenceVerdict {
    /// Every verdict, in the order of its code in dictionaries.
    pub const ALL: [Self; 6] = [
        Self::First,
        Self::InOrder,
        Self::Gap,
        Self::Duplicate,
        Self::Reordered,
        Self::Unsequenced,
    ];

    /// The verdict as it stands in column `sequence_verdict`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::InOrder => "in_order",
            Self::Gap => "gap",
            Self::Duplicate => "duplicate",
            Self::Reordered => "reordered",
            Self::Unsequenced => "unsequenced",
        }
    }
}

impl fmt::Display for SequenceVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which kind of counter numbered a message in applications that keep two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Emitter {
    /// The graph's callback: most events, state diffs, checkpoints, quality metrics.
    Graph,
    /// Code inside a node: token chunks, tool executions, errors, metrics of scope `node`, events 80 to 83.
    Node,
}

impl Emitter {
    /// The emitter as it stands in column `emitter`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Node => "node",
        }
    }
}

impl fmt::Display for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_stands_at_the_place_of_its_number() {
        for (index, verdict) in SequenceVerdict::ALL.into_iter().enumerate() {
            assert_eq!(verdict as usize, index, "rows name verdicts by this number");
        }
        let names = SequenceVerdict::ALL.map(|verdict| verdict.to_string());
        assert_eq!(
            names,
            [
                "first",
                "in_order",
                "gap",
                "duplicate",
                "reordered",
                "unsequenced"
            ]
        );
        assert_eq!(
            [Emitter::Graph, Emitter::Node].map(|emitter| emitter.to_string()),
            ["graph", "node"]
        );
    }
}
