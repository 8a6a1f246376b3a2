//! Secrets whose name stands beside them: `{"name": "DB_PASSWORD", "value": "…"}`, as in the environment of a container,
//! `{"key": "db.password", "value": {"stringValue": "…"}}`, as in OpenTelemetry, `[["Authorization", "…"]]`, as in the headers of a
//! request, and `["--password", "…"]`, as in the arguments of a command.

use super::Redactor;
use super::names::Secrecy;

/// Members that hold the name, whatever the case of their letters.
const NAMES: &[&str] = &["name", "key", "header", "parameterkey"];

/// Members that hold what is named.
const VALUES: &[&str] = &["value", "val", "parametervalue"];

/// Longest text that is taken for a name, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// What a member of an object is in a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    None,
    /// Its text is the name of the value.
    Name,
    /// It is what is named.
    Value,
    /// Alone in an object that is named, it is what is named: `stringValue`, `intValue`.
    Wrapped,
}

impl Role {
    /// That of a member with this name.
    pub(super) fn of(member: &str) -> Self {
        let is_one_of = |list: &[&str]| list.iter().any(|name| name.eq_ignore_ascii_case(member));
        if is_one_of(NAMES) {
            Self::Name
        } else if is_one_of(VALUES) {
            Self::Value
        } else if member.ends_with("Value") {
            Self::Wrapped
        } else {
            Self::None
        }
    }
}

impl Redactor {
    /// What a text says of the value beside it, if it is a name: a sentence is none, nor is what stands in place of a secret.
    pub(super) fn secrecy_beside(&self, text: &str) -> Secrecy {
        let is_name = text.len() <= NAME_BYTES_MAX
            && text
                .chars()
                .all(|letter| letter.is_alphanumeric() || "_-.:/@".contains(letter));
        if is_name {
            self.secrecy(text.trim_start_matches('-'))
        } else {
            Secrecy::Open
        }
    }

    /// What the names in an object say of the values beside them. `members` are its members that are texts.
    pub(super) fn secrecy_in<'a>(&self, members: impl Iterator<Item = (&'a str, &'a str)>) -> Secrecy {
        members
            .filter(|(name, _)| Role::of(name) == Role::Name)
            .map(|(_, text)| self.secrecy_beside(text))
            .max()
            .unwrap_or_default()
    }
}

/// Goes along a list, and knows what its items are by those before them.
#[derive(Debug, Default)]
pub(super) struct List {
    at: usize,
    /// What the first of two says of the second.
    second: Secrecy,
    /// Where the item behind an option is, and what that says of it.
    behind_option: Option<(usize, Secrecy)>,
}

impl List {
    /// A list. One of two texts in a list may be a name and its value: then that is the name.
    pub(super) fn of(redactor: &Redactor, name: Option<&str>) -> Self {
        Self {
            second: name.map_or(Secrecy::Open, |name| redactor.secrecy_beside(name)),
            ..Self::default()
        }
    }

    /// Another item follows.
    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// How many items came before this one.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What this item is, a text or, without one, a number. A text may be an option itself.
    pub(super) fn item(&mut self, redactor: &Redactor, text: Option<&str>) -> Secrecy {
        let option = text.filter(|text| is_option(text));
        let said = option.map(|option| (self.at + 1, redactor.secrecy_beside(option)));
        let behind = match std::mem::replace(&mut self.behind_option, said) {
            Some((at, secrecy)) if at == self.at && option.is_none() => secrecy,
            _ => Secrecy::Open,
        };
        if self.at == 1 && text.is_some() {
            behind.max(self.second)
        } else {
            behind
        }
    }
}

/// Whether a text is an option of a command, such as `--password`.
fn is_option(text: &str) -> bool {
    let name = text
        .strip_prefix('-')
        .map(|rest| rest.strip_prefix('-').unwrap_or(rest));
    name.is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.len() <= NAME_BYTES_MAX
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    })
}
