//! Views: text files of SQL, each with a header that tells its grain, its key and its units.
//!
//! To add one, write `views/<name>.sql` and put its name into [`VIEWS`].

/// A view that ships with the program.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Its name in SQL.
    pub name: &'static str,
    /// Its text, header included.
    pub sql: &'static str,
}

macro_rules! view {
    ($name:literal) => {
        View {
            name: $name,
            sql: include_str!(concat!($name, ".sql")),
        }
    };
}

/// Every view, by name.
pub const VIEWS: &[View] = &[
    view!("arrivals"),
    view!("completeness"),
    view!("coverage"),
    view!("duplicates"),
    view!("gaps"),
    view!("late_arrivals"),
    view!("messages"),
    view!("open_dead_letters"),
    view!("run_parts"),
    view!("runs"),
    view!("sessions"),
    view!("strand_runs"),
    view!("strands"),
    view!("thread_tails"),
    view!("token_stream_gaps"),
];

/// Views that others read several times within one statement, so that a session keeps their rows: see
/// [`KeptView`](crate::tables::KeptView). They must be small beside the messages.
const KEPT: &[&str] = &["run_spans"];

impl View {
    /// Whether a session computes its rows once.
    pub(crate) fn is_kept(&self) -> bool {
        KEPT.contains(&self.name)
    }
}

/// The view of that name, if there is one.
#[must_use]
pub fn find(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_tells_its_grain_key_and_units() {
        for view in VIEWS {
            for part in ["-- Grain:", "-- Key:", "-- Units:"] {
                assert!(view.sql.contains(part), "{} has no line `{part}`", view.name);
            }
        }
    }

    #[test]
    fn views_are_listed_once_and_in_order() {
        assert!(VIEWS.is_sorted_by(|a, b| a.name < b.name));
    }
}
