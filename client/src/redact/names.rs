//! Names whose values are secrets whatever they look like.

/// What a name says of its value. Of several the last one here counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Secrecy {
    /// Nothing.
    #[default]
    Open,
    /// It is a secret if it is long and has no blanks: a `token` may also be a piece of text.
    SecretIfLong,
    /// It is one unless it is a path: `pwd` names a folder too.
    SecretUnlessPath,
    /// It is one.
    Secret,
}

/// Ends of names, in small letters with `_` between words.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "api_key",
    "apikey",
    "api_keys",
    "secret_key",
    "secretkey",
    "secret_access_key",
    "private_key",
    "privatekey",
    "access_key",
    "account_key",
    "signing_key",
    "encryption_key",
    "access_token",
    "accesstoken",
    "refresh_token",
    "auth_token",
    "authtoken",
    "bearer_token",
    "session_token",
    "api_token",
    "id_token",
    "authorization",
    "credential",
    "credentials",
    "cookie",
];

/// Ends of names that say it also where no word ends before them, as in `PGPASSWORD` and `OpenAIAPIKey`.
const SECRETS_WITHIN_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "api_key",
    "apikey",
    "clientsecret",
    "secret_key",
    "secretkey",
];

/// Tokens that point to a place in a list and give no rights.
const CURSORS: &[&str] = &[
    "page_token",
    "next_token",
    "continuation_token",
    "cancellation_token",
];

/// Beginnings of names that ask about a secret, or count some.
const QUESTIONS: &[&str] = &["is_", "has_", "needs_", "requires_", "num_"];

/// Shortest value that [`Secrecy::SecretIfLong`] takes for a secret, in bytes.
const LONG_BYTES: usize = 20;

impl Secrecy {
    /// What this name says of its value.
    pub(super) fn of(name: &str) -> Self {
        let name = words(name);
        let ends_with = |end: &str| {
            name.strip_suffix(end)
                .is_some_and(|before| before.is_empty() || before.ends_with('_'))
        };
        let is_secret = SECRETS.iter().any(|end| ends_with(end))
            || SECRETS_WITHIN_WORDS.iter().any(|end| name.ends_with(end));
        if QUESTIONS.iter().any(|begin| name.starts_with(begin)) {
            Self::Open
        } else if is_secret {
            Self::Secret
        } else if ends_with("token") && !CURSORS.iter().any(|end| ends_with(end)) {
            Self::SecretIfLong
        } else if ends_with("pwd") {
            Self::SecretUnlessPath
        } else {
            Self::Open
        }
    }

    /// Whether this text, under the name, is a secret.
    pub(super) fn hides_text(self, text: &str) -> bool {
        match self {
            Self::Open => false,
            Self::Secret => !text.is_empty(),
            Self::SecretIfLong => text.len() >= LONG_BYTES && !text.contains(char::is_whitespace),
            Self::SecretUnlessPath => !text.is_empty() && !text.starts_with(['/', '~', '.']),
        }
    }

    /// Whether bytes that are no text, under the name, are a secret.
    pub(super) fn hides_bytes(self, bytes: &[u8]) -> bool {
        match self {
            Self::Open => false,
            Self::Secret | Self::SecretUnlessPath => !bytes.is_empty(),
            Self::SecretIfLong => bytes.len() >= LONG_BYTES,
        }
    }

    /// Whether a number, under the name, is a secret.
    pub(super) fn hides_numbers(self) -> bool {
        self == Self::Secret
    }
}

/// The words of a name in small letters, with `_` between them: `X-Api-Key`, `xApiKey` and `x[api_key]` are `x_api_key`. Numbers
/// at its end only tell it from others: `password2` is a password too.
fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_small = |letter: char| letter.is_ascii_lowercase();
        // In `DBPassword` a word begins with the last of the capitals.
        let begins_word = letter.is_ascii_uppercase()
            && (is_small(before)
                || before.is_ascii_digit()
                || before.is_ascii_uppercase() && letters.peek().copied().is_some_and(is_small));
        if begins_word {
            out.push('_');
        }
        before = letter;
        out.push(match letter {
            letter if letter.is_alphanumeric() => letter.to_ascii_lowercase(),
            _ => '_',
        });
    }
    let end = out.trim_end_matches(|letter: char| letter == '_' || letter.is_ascii_digit());
    out.truncate(end.len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_however_they_are_written() {
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword",
            "X-Api-Key",
            "openaiApiKey",
            "Authorization",
            "client_secret",
            "aws.secretAccessKey",
            "access_token",
            "privateKey",
            "PGPASSWORD",
            "DBPassword",
            "OpenAIAPIKey",
            "clientsecret",
            "password2",
            "OPENAI_API_KEY_2",
            "$password",
            "user[password]",
            "Password: ",
        ] {
            assert_eq!(Secrecy::of(name), Secrecy::Secret, "{name}");
        }
        assert_eq!(Secrecy::of("slack_token"), Secrecy::SecretIfLong);
    }

    #[test]
    fn names_of_counts_and_cursors_are_no_secrets() {
        for name in [
            "tokens",
            "input_tokens",
            "max_tokens",
            "outputTokens",
            "token_count",
            "token_type",
            "next_page_token",
            "key",
            "primary_key",
            "access_key_id",
            "author",
            "passwordless",
            "secretary",
            "is_secret",
            "hasPassword",
            "num_secrets",
            "preauthorization",
            "password_hint",
            "sha256",
            "2",
            "[]",
            "",
        ] {
            assert_eq!(Secrecy::of(name), Secrecy::Open, "{name}");
        }
    }

    #[test]
    fn a_token_is_a_secret_only_if_it_is_long_and_in_one_piece() {
        let token = Secrecy::of("token");
        assert!(!token.hides_text("hello"));
        assert!(!token.hides_text("a piece of text that is long"));
        assert!(token.hides_text("0123456789abcdef0123"));
        assert!(!token.hides_numbers());
        assert!(!Secrecy::of("PWD").hides_text("/home/agent"));
        assert!(Secrecy::of("pwd").hides_text("hunter2"));
        assert!(!Secrecy::of("password").hides_text(""));
        assert!(token.hides_bytes(&[0xff; 20]) && !token.hides_bytes(&[0xff; 19]));
        assert!(Secrecy::of("pwd").hides_bytes(&[0xff]) && !Secrecy::Open.hides_bytes(&[0xff; 99]));
    }
}
