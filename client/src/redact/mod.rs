//! Secrets taken out of messages before anything of them is encoded.
//!
//! ```text
//! value ── strings ──> is it JSON? ── its strings ──┐
//!                          └── text ────────────────┴─> shapes, names, own rules ──> [OPENAI_KEY]
//! ```
//!
//! A secret is known by its shape (`sk-proj-…`), by a label before it (`password=…`), by the name that it stands under
//! (`"api_key": …`), beside (`{"name": "API_KEY", "value": …}`) or behind (`["--api-key", …]`). Only the secret is exchanged: a
//! document stays valid JSON, with all its other fields as they were.
//!
//! What cannot be found: secrets without a shape under names that say nothing, secrets that are encoded once more (as base64),
//! names of members that are secrets themselves, and secrets that arrive in pieces: of an answer that streams, each chunk
//! is looked at for itself.

mod json_text;
mod message;
mod names;
mod pairs;
mod shapes;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use json_text::Place;
use names::Secrecy;
use pairs::{List, Role};

pub use message::STATE_LEFT_OUT;

/// What stands in place of a value under a secret name.
pub const REDACTED: &str = "[REDACTED]";

/// The variable that turns redaction off.
pub const REDACT_VARIABLE: &str = "DASHFLOW_STATE_REDACT";

/// How deep JSON in strings of JSON is read; what lies deeper is read as text. Escapes double with every level.
const TEXT_NESTING_MAX: usize = 8;

type Rule = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Takes secrets out of texts, values and messages. Cheap to clone.
///
/// ```
/// use quipu_client::redact::Redactor;
///
/// let redactor = Redactor::new().with_rule(|text| text.contains("ACME-").then(|| "[ACME]".to_owned()));
/// let mut state = serde_json::json!({"url": "https://me:hunter2@db/x", "password": "p", "badge": "ACME-7", "step": 1});
/// redactor.redact_value(&mut state);
/// assert_eq!(
///     state,
///     serde_json::json!({"url": "https://[CREDENTIALS]@db/x", "password": "[REDACTED]", "badge": "[ACME]", "step": 1})
/// );
/// ```
#[derive(Clone)]
pub struct Redactor {
    is_on: bool,
    knows_names: bool,
    rules: Vec<Rule>,
}

impl Default for Redactor {
    /// As [`Redactor::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("is_on", &self.is_on)
            .field("knows_names", &self.knows_names)
            .field("rules", &self.rules.len())
            .finish()
    }
}

impl Redactor {
    /// Finds secrets by shape, by label and by name.
    #[must_use]
    pub fn new() -> Self {
        Self {
            is_on: true,
            knows_names: true,
            rules: Vec::new(),
        }
    }

    /// Changes nothing.
    #[must_use]
    pub fn off() -> Self {
        Self {
            is_on: false,
            ..Self::new()
        }
    }

    /// As [`Redactor::new`], but off if variable [`REDACT_VARIABLE`] is `false`, `0`, `no` or `off`, in any case. Any other value
    /// leaves it on, so that a slip of the pen publishes nothing.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_setting(std::env::var(REDACT_VARIABLE).ok().as_deref())
    }

    fn from_setting(setting: Option<&str>) -> Self {
        let is_off = setting.is_some_and(|setting| {
            let setting = setting.trim();
            ["false", "0", "no", "off"]
                .iter()
                .any(|word| setting.eq_ignore_ascii_case(word))
        });
        if is_off { Self::off() } else { Self::new() }
    }

    /// Lets values stand that are secrets by their names alone, such as a `password` of `hunter2`. Shapes and labels are still
    /// looked for.
    #[must_use]
    pub fn without_names(mut self) -> Self {
        self.knows_names = false;
        self
    }

    /// Adds a rule of one's own: it is given each text, after the known secrets are gone, and gives the whole text that takes its
    /// place, or none to leave it. The rule must not record anything itself.
    #[must_use]
    pub fn with_rule(mut self, rule: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// Whether anything is looked for.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// The text without its secrets. A text that is JSON stays JSON.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replaced(text, 0).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Takes the secrets out of a value, in place. Tells whether there were any.
    pub fn redact_value(&self, value: &mut Value) -> bool {
        self.is_on && self.walk(value, Secrecy::Open, false)
    }

    /// `is_item` says that the value stands in a list.
    fn walk(&self, value: &mut Value, secrecy: Secrecy, is_item: bool) -> bool {
        match value {
            Value::String(text) => match self.replaced_under(secrecy, text, 0) {
                Some(changed) => {
                    *text = changed;
                    true
                }
                None => false,
            },
            Value::Number(_) if secrecy.hides_numbers() => {
                *value = Value::from(REDACTED);
                true
            }
            Value::Array(items) => {
                let name = match items.as_slice() {
                    [Value::String(name), Value::String(_)] if is_item => Some(name.as_str()),
                    _ => None,
                };
                let mut list = List::of(self, name);
                items.iter_mut().fold(false, |changed, item| {
                    let said = match item {
                        Value::String(text) => list.item(self, Some(text)),
                        Value::Number(_) => list.item(self, None),
                        _ => Secrecy::Open,
                    };
                    list.advance();
                    self.walk(item, secrecy.max(said), true) | changed
                })
            }
            Value::Object(members) => {
                let texts = members.iter();
                let texts = texts.filter_map(|(name, member)| Some((name.as_str(), member.as_str()?)));
                let named = self.secrecy_in(texts);
                members.iter_mut().fold(false, |changed, (name, member)| {
                    let secrecy = self.secrecy(name);
                    let member_changed = if Role::of(name) == Role::Value {
                        self.walk_named(member, secrecy, named)
                    } else {
                        self.walk(member, secrecy, false)
                    };
                    member_changed | changed
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// The same for the value of a pair. Of an object only a member that is all of it is what the name beside it says.
    fn walk_named(&self, value: &mut Value, secrecy: Secrecy, named: Secrecy) -> bool {
        let Value::Object(members) = value else {
            return self.walk(value, secrecy.max(named), false);
        };
        if members.len() == 1
            && let Some((name, member)) = members.iter_mut().next()
        {
            let secrecy = self.secrecy(name);
            match Role::of(name) {
                Role::Value => return self.walk_named(member, secrecy, named),
                Role::Wrapped if member.is_string() || member.is_number() => {
                    return self.walk(member, secrecy.max(named), false);
                }
                _ => {}
            }
        }
        self.walk(value, secrecy, false)
    }

    /// What the name of a value says of it.
    fn secrecy(&self, name: &str) -> Secrecy {
        if self.is_on && self.knows_names {
            Secrecy::of(name)
        } else {
            Secrecy::Open
        }
    }

    fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The text without its secrets; none if it has none.
    fn replaced(&self, text: &str, depth: usize) -> Option<String> {
        if !self.is_on {
            return None;
        }
        let may_be_json = matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'[' | b'"'));
        if may_be_json && depth < TEXT_NESTING_MAX && json_text::is_json(text) {
            return json_text::replaced(self, text, Place::default(), depth);
        }
        let mut changed = shapes::replaced(text);
        for rule in &self.rules {
            if let Some(by_rule) = rule(changed.as_deref().unwrap_or(text)) {
                changed = Some(by_rule);
            }
        }
        changed.filter(|changed| changed != text)
    }

    /// The same for a text under a name.
    fn replaced_under(&self, secrecy: Secrecy, text: &str, depth: usize) -> Option<String> {
        if secrecy.hides_text(text) {
            return (text != REDACTED).then(|| REDACTED.to_owned());
        }
        let changed = self.replaced(text, depth)?;
        // Without its secrets it may look like one itself, as it has no blanks any more.
        Some(if secrecy.hides_text(&changed) {
            REDACTED.to_owned()
        } else {
            changed
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_variable_turns_it_off_in_any_case_and_nothing_else_does() {
        for off in ["false", "FALSE", "0", "no", "Off", " off "] {
            assert!(!Redactor::from_setting(Some(off)).is_on(), "{off}");
        }
        for on in ["true", "1", "", "fasle", "disabled"] {
            assert!(Redactor::from_setting(Some(on)).is_on(), "{on}");
        }
        assert!(Redactor::from_setting(None).is_on());
    }

    #[test]
    fn redaction_that_is_off_changes_nothing() {
        let mut value = json!({"password": "hunter2"});
        assert!(!Redactor::off().redact_value(&mut value));
        assert_eq!(value, json!({"password": "hunter2"}));
        let text = "sk-proj-abcdefghijklmnopqrstuvwxyz";
        assert_eq!(Redactor::off().text(text), text);
    }

    #[test]
    fn names_can_be_left_alone() {
        let mut value = json!({"password": "hunter2", "note": "sk-proj-abcdefghijklmnopqrstuvwxyz"});
        assert!(Redactor::new().without_names().redact_value(&mut value));
        assert_eq!(value, json!({"password": "hunter2", "note": "[OPENAI_KEY]"}));
    }

    #[test]
    fn a_debug_output_shows_no_rule() {
        let redactor = Redactor::new().with_rule(|_| None);
        assert_eq!(
            format!("{redactor:?}"),
            "Redactor { is_on: true, knows_names: true, rules: 1 }"
        );
    }

    #[test]
    fn a_rule_sees_the_strings_of_json_and_what_is_left_of_texts() {
        let redactor =
            Redactor::new().with_rule(|text| text.contains("42").then(|| text.replace("42", "[N]")));
        assert_eq!(redactor.text(r#"{"a":"42","b":42}"#), r#"{"a":"[N]","b":42}"#);
        assert_eq!(
            redactor.text("42 of Bearer abcdefghijklmnopqrstu42"),
            "[N] of Bearer [TOKEN]"
        );
    }

    fn harmless() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[ a-z0-9.,\\\\\"\n\u{e9}\u{1F600}/-]{0,19}".prop_map(Value::from),
            Just(json!("see https://example.com/a?b=c or mail x@y.z")),
            Just(json!(r#"{"b": [1.50, "x\u00e9"], "a": 1e3}"#)),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-j _\"\\\\]{0,6}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Texts with secrets and with parts of secrets in all kinds of places.
    fn risky() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "sk-proj-abcdefghijklmnopqrstuvwxyz",
            "sk-ABCDEFGHIJKLMNOPQRSTUVWX",
            "AKIAABCDEFGHIJKLMNOP",
            "Bearer ",
            "://",
            "user:",
            "pa@ss",
            "@host",
            "password=",
            "api key: ",
            "api_key: ",
            " --password ",
            "curl -u ",
            "Cookie: a=",
            "hunter22",
            "'",
            " -u",
            " --token ",
            ";",
            "`",
            "**",
            "=",
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "eyJhbGciOiJIUzI1NiJ9",
            ".",
            "abcdefghijklmnopqrstuvwxyz",
            " ",
            "\n",
            "\"",
            "\\",
            "[",
            "{\"token\":",
            "}",
            ",",
            ":",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_has_no_secrets_is_kept_byte_by_byte(value in harmless(), is_pretty: bool) {
            let redactor = Redactor::new();
            let text = if is_pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(redactor.text(&text), text.as_str());
            let mut walked = value.clone();
            prop_assert!(!redactor.redact_value(&mut walked));
            prop_assert_eq!(walked.to_string(), value.to_string());
        }

        #[test]
        fn a_second_redaction_changes_nothing(text in risky(), name in "password|token|note") {
            let redactor = Redactor::new();
            let once = redactor.text(&text).into_owned();
            prop_assert_eq!(redactor.text(&once), once.as_str());

            let mut value = json!({
                "pairs": [[name.as_str(), text.as_str()], {"name": name, "value": text}, {"key": name, "value": {"stringValue": text}}],
                "options": [format!("--{name}"), text.as_str()],
                name: [text],
            });
            redactor.redact_value(&mut value);
            let once = value.clone();
            prop_assert!(!redactor.redact_value(&mut value));
            prop_assert_eq!(value, once);
        }

        #[test]
        fn a_value_and_its_text_are_redacted_alike(text in risky(), value in harmless(), name in "password|token|note") {
            let redactor = Redactor::new();
            let mut value = json!({
                "x": value,
                name.as_str(): [text.as_str(), {"y": text}, [name.as_str(), text.as_str()]],
                "pairs": [[name.as_str(), text.as_str()], {"val": text, "name": name, "value": 7, "key": text}],
                "nested": {"name": name, "value": {"value": [[name.as_str(), text.as_str()], [text.as_str(), [[name.as_str(), 7], text.as_str()]]]}},
                "wrapped": [{"key": name, "value": {"stringValue": text}}, {"key": name, "value": [text.as_str(), [text.as_str()], 7]}],
                "options": [format!("--{name}"), text.as_str(), format!("--{name}"), 7, text.as_str()],
            });
            let by_text = quipu_proto::state::parse(&redactor.text(&value.to_string())).unwrap();
            redactor.redact_value(&mut value);
            prop_assert_eq!(by_text.to_string(), value.to_string());
        }
    }
}
