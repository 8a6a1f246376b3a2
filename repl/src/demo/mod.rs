//! What the demo needs beside the ordinary commands.
//!
//! | file | what it holds |
//! |---|---|
//! | `traffic.rs` | the messages of a fleet, as records |
//! | `faults.rs` | what goes wrong on the way, on purpose |
//! | `report.rs`, `report/*.sql` | what is printed at the end |

pub(crate) mod faults;
pub(crate) mod report;
pub(crate) mod traffic;
