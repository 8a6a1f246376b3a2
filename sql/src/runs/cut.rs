//! The rule by which a thread is cut into runs. It stands here alone.
//!
//! A run begins with a GRAPH_START, with the first message of the graph in its thread, and with a message of the graph that
//! follows an end or a failure: its GRAPH_START was lost. An end right after a failure does not begin one: it ends the run
//! that failed.

/// What a message is to the run that it lies in. Of one time and one number, they come in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// GRAPH_START.
    Start,
    /// Another message of the graph: of its nodes, edges and parallel sections.
    Step,
    /// No message of the graph: it cuts nothing.
    Other,
    /// GRAPH_ERROR.
    Failure,
    /// GRAPH_END.
    End,
}

impl Role {
    /// The role with that number in SQL.
    pub(super) fn of(number: i64) -> Self {
        match number {
            0 => Self::Start,
            1 => Self::Step,
            3 => Self::Failure,
            4 => Self::End,
            _ => Self::Other,
        }
    }

    /// Whether a message of the graph begins a run, after one of the role `before` in its thread.
    fn begins_run(self, before: Option<Self>) -> bool {
        let Some(before) = before else {
            return true;
        };
        match self {
            Self::Start => true,
            Self::Step | Self::Failure => matches!(before, Self::Failure | Self::End),
            Self::End => before == Self::End,
            Self::Other => false,
        }
    }
}

/// Cuts the messages of the graph of one thread, in their order: where each run begins.
pub(super) fn cut(roles: impl IntoIterator<Item = Role>) -> Vec<usize> {
    let mut before = None;
    let mut starts = Vec::new();
    for (at, role) in roles.into_iter().enumerate() {
        if role.begins_run(before) {
            starts.push(at);
        }
        before = Some(role);
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_begin_at_starts_and_after_ends_whose_next_start_was_lost() {
        // s start, n another message of the graph, f failure, e end.
        let cases = [
            ("", ""),
            ("s n n e", "0"),
            ("s n e s n e", "0 3"),
            // The start of the first run was lost.
            ("n n e s e", "0 3"),
            ("e", "0"),
            ("f", "0"),
            // The start of a later run was lost.
            ("s e n n e", "0 2"),
            ("s f n e", "0 2"),
            ("s e f", "0 2"),
            ("s f f", "0 2"),
            ("s e e", "0 2"),
            // An end right after a failure ends the run that failed, and only one.
            ("s f e", "0"),
            ("s f e e", "0 3"),
            ("s f e n", "0 3"),
            // A run that just stops ends where the next begins.
            ("s n s n", "0 2"),
            ("s s s", "0 1 2"),
            // Failures of which nothing came before are runs of their own.
            ("f e s", "0 2"),
            ("n f e f e", "0 3"),
        ];
        for (roles, expected) in cases {
            let starts = cut(roles.split_whitespace().map(|role| match role {
                "s" => Role::Start,
                "n" => Role::Step,
                "f" => Role::Failure,
                _ => Role::End,
            }));
            let starts: Vec<String> = starts.iter().map(usize::to_string).collect();
            assert_eq!(starts.join(" "), expected, "{roles}");
        }
    }

    #[test]
    fn roles_of_one_time_and_number_come_in_the_order_of_a_run() {
        let roles: Vec<Role> = [0, 1, 2, 3, 4].map(Role::of).to_vec();
        assert!(roles.is_sorted());
        assert_eq!(Role::of(5), Role::Other);
    }
}
