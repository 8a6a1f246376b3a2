//! Who speaks on a connection.

use std::sync::Mutex;
use std::time::Instant;

use crate::scram::{self, Challenged, Hash};
use crate::security::BrokerSecurity;
use crate::topic::locked;

/// The mechanisms that are served, with the hash of those that have one.
pub(crate) const MECHANISMS: [(&str, Option<Hash>); 3] = [
    ("PLAIN", None),
    ("SCRAM-SHA-256", Some(Hash::Sha256)),
    ("SCRAM-SHA-512", Some(Hash::Sha512)),
];

/// How far the login of a connection is.
#[derive(Debug, Default)]
enum Progress {
    #[default]
    Nobody,
    Chosen(Option<Hash>),
    Challenged(Challenged),
    LoggedIn {
        until: Option<Instant>,
    },
}

/// The login of one connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    progress: Mutex<Progress>,
}

impl Session {
    /// Whether requests are served: nobody has to log in, or this one has and it still counts.
    pub(crate) fn may_ask(&self, security: &BrokerSecurity) -> bool {
        if security.logins.is_empty() {
            return true;
        }
        match *locked(&self.progress) {
            Progress::LoggedIn { until } => until.is_none_or(|until| Instant::now() < until),
            _ => false,
        }
    }

    /// Begins a login; false where the mechanism is not known.
    pub(crate) fn choose(&self, mechanism: &str) -> bool {
        let known = MECHANISMS.iter().find(|(name, _)| *name == mechanism);
        *locked(&self.progress) = known.map_or(Progress::Nobody, |(_, hash)| Progress::Chosen(*hash));
        known.is_some()
    }

    /// Takes the client's next message and gives ours; nothing where it does not prove who it says it is.
    pub(crate) fn step(&self, security: &BrokerSecurity, message: &[u8]) -> Option<String> {
        let mut progress = locked(&self.progress);
        let password = |user: &str| {
            let login = security.logins.iter().find(|login| login.user == user)?;
            Some(login.password.as_str())
        };
        let logged_in = || Progress::LoggedIn {
            until: security
                .session_lifetime
                .map(|lifetime| Instant::now() + lifetime),
        };
        match std::mem::take(&mut *progress) {
            Progress::Chosen(None) => {
                let message = std::str::from_utf8(message).ok()?;
                let (user, given) = message.strip_prefix('\0')?.split_once('\0')?;
                if password(user)? != given {
                    return None;
                }
                *progress = logged_in();
                Some(String::new())
            }
            Progress::Chosen(Some(hash)) => {
                let (challenged, ours) = scram::challenge(hash, message)?;
                *progress = Progress::Challenged(challenged);
                Some(ours)
            }
            Progress::Challenged(challenged) => {
                let ours = challenged.prove(password(&challenged.user)?, message)?;
                *progress = logged_in();
                Some(if security.is_impostor {
                    "v=AAAA".to_owned()
                } else {
                    ours
                })
            }
            Progress::Nobody | Progress::LoggedIn { .. } => None,
        }
    }

    /// Whether it is logged in, whether or not that still counts.
    pub(crate) fn is_logged_in(&self) -> bool {
        matches!(*locked(&self.progress), Progress::LoggedIn { .. })
    }
}
