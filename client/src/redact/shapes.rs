//! What secrets look like.
//!
//! Shapes that are known by a prefix come first. Those that are known by a label before them, or by their place in a URL,
//! come last: they may take in what stands there already in place of a secret.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex, RegexSet};

/// One shape. What it wants behind a secret can be a `"` too: a string of JSON ends so, and [`is_in`] looks at a whole
/// document.
#[derive(Clone, Copy, Debug)]
struct Shape {
    pattern: &'static str,
    /// What is written instead; `${1}` is the part that is no secret.
    instead: &'static str,
    /// What else must hold of the group `value` for it to be one.
    only_if: Option<fn(&str) -> bool>,
}

const fn shape(pattern: &'static str, instead: &'static str) -> Shape {
    Shape {
        pattern,
        instead,
        only_if: None,
    }
}

const fn shape_if(pattern: &'static str, instead: &'static str, only_if: fn(&str) -> bool) -> Shape {
    Shape {
        pattern,
        instead,
        only_if: Some(only_if),
    }
}

impl Shape {
    /// The text without this shape.
    fn replaced<'a>(&self, regex: &Regex, text: &'a str) -> Cow<'a, str> {
        let Some(only_if) = self.only_if else {
            return regex.replace_all(text, self.instead);
        };
        regex.replace_all(text, |found: &Captures<'_>| {
            let mut out = String::new();
            if found.name("value").is_some_and(|value| only_if(value.as_str())) {
                found.expand(self.instead, &mut out);
            } else {
                out.push_str(&found[0]);
            }
            out
        })
    }
}

/// A letter or digit before a short prefix makes it part of another word, such as `task-`. One that ends an escape does not: an
/// escape that stands as text, one of a URL, and one that colours what a terminal shows.
macro_rules! after_no_word {
    ($pattern:literal) => {
        concat!(
            r"(^|[^A-Za-z0-9]|\\[nrtbf]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}|\[[0-9;]*m)",
            $pattern
        )
    };
}

/// Names whose values are secrets.
macro_rules! label {
    () => {
        r"(?i-u:password|passwd|passphrase|client_?secret|secret_?(?:access_?)?key|private_?key|api_?key|access_?token|refresh_?token|auth_?token)"
    };
}

/// A name whose value is a secret, with `=` or `:` behind it.
macro_rules! label_and {
    ($pattern:expr) => {
        concat!("(", label!(), r#"(?:\\*["'])?\s*[=:]\s*)"#, $pattern)
    };
}

/// What may stand without quotes behind a label.
macro_rules! plain_value {
    () => {
        r"(?<value>[A-Za-z0-9!@#%^&+=~][A-Za-z0-9!@#%^&+/=~-]*)"
    };
}

/// An option of a command, and what is between it and its value.
macro_rules! option {
    ($name:literal) => {
        concat!(r#"((?:^|[\s"'`(\[])--?"#, $name, r"(?:[ \t]+|=))")
    };
}

/// Options whose values are secrets.
macro_rules! secret_option {
    () => {
        option!(
            r"(?:[A-Za-z0-9]+-)*(?i-u:[a-z]*password|passwd|passphrase|api-?key|secret-?key|access-?key|client-?secret|secret)"
        )
    };
}

/// Whether what stands without quotes behind a label can be a secret. Most words and names of algorithms are shorter or have
/// no digit, and a program calls functions and names members where this ends.
fn is_no_word(value: &str) -> bool {
    value.len() >= 7 && value.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether what stands without quotes behind an option can be a secret: no word of a sentence.
fn is_no_plain_word(value: &str) -> bool {
    value.len() >= 4
        && value
            .bytes()
            .any(|byte| byte.is_ascii_digit() || b"!@#%^&~".contains(&byte))
}

/// curl, and its option for a user and a password. A command ends where its line does, unless that is continued, or where
/// another begins.
macro_rules! curl_user {
    () => {
        r#"((?-u:\b)curl(?:[ \t](?:[^\n|;&\\'"]|'[^'\n]*'|"[^"\\\n]*"|\\(?s:.))*?)?(?:[ \t]|\\\r?\n)[ \t]*(?:-[A-Za-z]{0,9}u|--user)[ \t=]*"#
    };
}

/// The beginning of cookies, behind `$before`.
macro_rules! cookies {
    ($before:literal) => {
        concat!(
            "((?:",
            $before,
            r"|\\[rn])[ \t]*[<>]?[ \t]*(?i-u:(?:set-)?cookie):[ \t]*)(?:[A-Za-z0-9_.!#$%&*+^|~-]+;[ \t]*)*[A-Za-z0-9_.!#$%&*+^|~-]+="
        )
    };
}

const SHAPES: &[Shape] = &[
    // The whole block; of one that is cut off all that can be part of it. No block reaches beyond the next five dashes, so
    // that many beginnings without an end are not each looked through to the end of the text.
    shape(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----(?:(?:[^-]|-{1,4}[^-])*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|[A-Za-z0-9+/=\s\\:,-]*)",
        "[PRIVATE_KEY]",
    ),
    shape(r"AGE-SECRET-KEY-1[A-Z0-9]{40,}", "[PRIVATE_KEY]"),
    // Models.
    shape(r"sk-ant-[A-Za-z0-9_-]{20,}", "[ANTHROPIC_KEY]"),
    shape(
        r"sk-(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_-]{20,}",
        "[OPENAI_KEY]",
    ),
    shape(r"sk-(?:or-v1|lf)-[A-Za-z0-9_-]{20,}", "[API_KEY]"),
    shape(after_no_word!(r"sk-[A-Za-z0-9]{20,}"), "${1}[OPENAI_KEY]"),
    shape(after_no_word!(r"AIza[A-Za-z0-9_-]{35}"), "${1}[GOOGLE_API_KEY]"),
    shape(after_no_word!(r"ya29\.[A-Za-z0-9_-]{20,}"), "${1}[GOOGLE_TOKEN]"),
    shape(
        after_no_word!(r"GOCSPX-[A-Za-z0-9_-]{20,}"),
        "${1}[GOOGLE_SECRET]",
    ),
    shape(after_no_word!(r"hf_[A-Za-z0-9]{30,}"), "${1}[HUGGINGFACE_TOKEN]"),
    shape(
        after_no_word!(r"(?:gsk_|xai-|pplx-|r8_|nvapi-|tvly-|fw_)[A-Za-z0-9_-]{30,}"),
        "${1}[API_KEY]",
    ),
    // Clouds.
    shape(
        after_no_word!(r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
        "${1}[AWS_KEY]",
    ),
    shape(r"do[opr]_v1_[a-f0-9]{40,}", "[DIGITALOCEAN_TOKEN]"),
    shape(after_no_word!(r"dapi[a-f0-9]{32}"), "${1}[DATABRICKS_TOKEN]"),
    shape(
        after_no_word!(r"hv[sbr]\.[A-Za-z0-9_-]{20,}"),
        "${1}[VAULT_TOKEN]",
    ),
    // Code and packages.
    shape(r"github_pat_[A-Za-z0-9_]{22,}", "[GITHUB_TOKEN]"),
    shape(r"gh[pousr]_[A-Za-z0-9]{36,}", "[GITHUB_TOKEN]"),
    shape(
        r"gl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_.-]{20,}",
        "[GITLAB_TOKEN]",
    ),
    shape(after_no_word!(r"npm_[A-Za-z0-9]{36}"), "${1}[NPM_TOKEN]"),
    shape(r"pypi-[A-Za-z0-9_-]{50,}", "[PYPI_TOKEN]"),
    shape(r"dckr_pat_[A-Za-z0-9_-]{20,}", "[DOCKER_TOKEN]"),
    // Services.
    shape(r"xox[abeoprs]-[A-Za-z0-9-]{10,}", "[SLACK_TOKEN]"),
    shape(r"xapp-[0-9]-[A-Za-z0-9-]{10,}", "[SLACK_TOKEN]"),
    shape(
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}",
        "[SLACK_WEBHOOK]",
    ),
    shape(
        r"discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{20,}",
        "[DISCORD_WEBHOOK]",
    ),
    shape(r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}", "[STRIPE_KEY]"),
    shape(r"whsec_[A-Za-z0-9+/=]{24,}", "[STRIPE_KEY]"),
    shape(
        after_no_word!(r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
        "${1}[SENDGRID_KEY]",
    ),
    shape(after_no_word!(r"SK[a-f0-9]{32}"), "${1}[TWILIO_KEY]"),
    shape(r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", "[SHOPIFY_TOKEN]"),
    shape(r"(?:lin_api_|ntn_)[A-Za-z0-9]{32,}", "[API_KEY]"),
    shape(
        after_no_word!(r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
        "${1}[TELEGRAM_TOKEN]",
    ),
    // Signed and encrypted tokens, of three and of five parts.
    shape(
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){0,2}",
        "[JWT_TOKEN]",
    ),
    // What is known by its label.
    shape(
        r#"((?i-u:aws_?secret_?access_?key|aws_?session_?token)[\\"']*\s*[=:]\s*[\\"']*)[A-Za-z0-9/+=]{16,}"#,
        "${1}[AWS_SECRET]",
    ),
    shape(
        r"((?i-u:account_?key|shared_?access_?key)\s*=\s*)[A-Za-z0-9/+=]{16,}",
        "${1}[AZURE_KEY]",
    ),
    shape(r"([?&](?i-u:sig)=)[A-Za-z0-9%/+=]{16,}", "${1}[SIGNATURE]"),
    shape(r"((?i-u:bearer)\s+)[A-Za-z0-9._~+/=-]{20,}", "${1}[TOKEN]"),
    shape(
        r#"((?i-u:authorization)[\\"']*\s*[=:]\s*[\\"']*(?i-u:basic)\s+)[A-Za-z0-9+/=]{8,}"#,
        "${1}[CREDENTIALS]",
    ),
    shape(
        r#"((?i-u:api[_ -]?key)[\\"']*(?:\s*[=:]\s*|\s+)[\\"']*)[A-Za-z0-9._~+/=-]{20,}"#,
        "${1}[API_KEY]",
    ),
    shape(
        r#"((?i-u:password|passwd|passphrase|client_?secret|secret_?key|access_?token|refresh_?token|auth_?token)=)[^\s"'&;,\\]{6,}"#,
        "${1}[SECRET]",
    ),
    // The same in quotes, as in JSON within other text or cut off, in Python and in TOML. In text that is escaped the quotes
    // are. A quote that nobody closes takes in no more than its line.
    shape(label_and!(r#""(?:[^"\\\n]|\\(?s:.))+"#), "${1}\"[SECRET]"),
    shape(label_and!(r"'(?:[^'\\\n]|\\(?s:.))+"), "${1}'[SECRET]"),
    shape(label_and!(r#"(\\+["'])[^"'\\\n]+"#), "${1}${2}[SECRET]"),
    shape(
        r#"((?:^|[;&?\s"'])(?i-u:pwd)=)[^\s"'&;,\\/][^\s"'&;,\\]{5,}"#,
        "${1}[SECRET]",
    ),
    // Without quotes, as in YAML, in settings and in sentences.
    shape_if(
        concat!(
            "(",
            label!(),
            r"(?:[*_`]{0,3}[ \t]*:[*_]{0,2}[ \t]+`?))",
            plain_value!(),
            r#"($|[\s,;})\]"'`\\]|\.(?:[\s"]|$))"#
        ),
        "${1}[SECRET]${3}",
        is_no_word,
    ),
    shape_if(
        concat!("(", label!(), r"[ \t]*=[ \t]+)", plain_value!(), r#"($|[\s"])"#),
        "${1}[SECRET]${3}",
        is_no_word,
    ),
    // An option of a command. A quote that opens stands right before its text, and one that closes before a blank or the end
    // of a command.
    shape_if(
        concat!(
            secret_option!(),
            r"(?<value>[A-Za-z0-9!@#%^&~/.+_=][A-Za-z0-9!@#%^&~/.+_=*-]*)"
        ),
        "${1}[SECRET]",
        is_no_plain_word,
    ),
    shape(
        concat!(
            secret_option!(),
            r#""[^\s"',:+)\]}\[$<{\\][^"\\\n]*"($|[\s;)|&`"'])"#
        ),
        "${1}\"[SECRET]\"${2}",
    ),
    shape(
        concat!(
            secret_option!(),
            r#"'[^\s"',:+)\]}\[\\][^'"\\\n]*'($|[\s;)|&`"'])"#
        ),
        "${1}'[SECRET]'${2}",
    ),
    shape(
        concat!(
            // Not of pages and of counts.
            option!(
                r"(?i-u:(?:(?:access|auth|refresh|api|bearer|bot|session|id|github|gitlab|slack|hf)-)?token)"
            ),
            r"[A-Za-z0-9._~+/=-]{20,}"
        ),
        "${1}[TOKEN]",
    ),
    // The user of curl, in the same command.
    shape(
        concat!(
            curl_user!(),
            r#"(?:\\+["'])?[^\s:"'\\]+:)[^\s"'$\[\\;|&][^\s"'\\;|&]*"#
        ),
        "${1}[SECRET]",
    ),
    shape(
        concat!(curl_user!(), r#""[^:"\\\n]+:)[^"$\[\\\n][^"\\\n]*"#),
        "${1}[SECRET]",
    ),
    shape(
        concat!(curl_user!(), r#"'[^:'"\\\n]+:)[^'"\[\\\n][^'"\\\n]*"#),
        "${1}[SECRET]",
    ),
    // The cookies of a request and of an answer: to the end of a line of their own, or of an argument.
    shape(
        concat!(cookies!(r"^|[\r\n]"), r"(?:[^>=\r\n\\][^\r\n\\]*)?"),
        "${1}[COOKIES]",
    ),
    shape(
        concat!(cookies!(r#"["'`]"#), r#"(?:[^>=\r\n\\"'`][^\r\n\\"'`]*)?"#),
        "${1}[COOKIES]",
    ),
    // A user with a password in a URL. A password may hold `@`; it ends at the last one before the host.
    shape(r#"://[^\s/:@?#"'<>\\]*:[^\s/?#"'<>\\]+@"#, "://[CREDENTIALS]@"),
];

/// The shapes, compiled once.
struct Shapes {
    /// Tells in one pass which shapes are in a text: mostly none.
    any: RegexSet,
    each: Vec<Regex>,
}

static COMPILED: LazyLock<Shapes> = LazyLock::new(|| {
    let patterns = || SHAPES.iter().map(|shape| shape.pattern);
    // The patterns are constants and a test compiles them. To go on without one would let secrets through.
    let broken = |error: regex::Error| -> ! { panic!("a shape of secrets does not compile: {error}") };
    Shapes {
        any: RegexSet::new(patterns()).unwrap_or_else(|error| broken(error)),
        each: patterns()
            .map(|pattern| Regex::new(pattern).unwrap_or_else(|error| broken(error)))
            .collect(),
    }
});

/// A text is gone through again as long as it changes: what stands in place of one secret may complete the shape of
/// another, or begin where that ends.
const ROUNDS_MAX: usize = 8;

/// Whether a text may have any of the shapes: where it has none, none is in a part of it.
pub(super) fn is_in(text: &str) -> bool {
    COMPILED.any.is_match(text)
}

/// The text without its secrets; none if it has none.
pub(super) fn replaced(text: &str) -> Option<String> {
    let mut current: Option<String> = None;
    for _ in 0..ROUNDS_MAX {
        let before = current.as_deref().unwrap_or(text);
        let found = COMPILED.any.matches(before);
        if !found.matched_any() {
            break;
        }
        let mut after = Cow::Borrowed(before);
        for at in found.iter() {
            if let Cow::Owned(changed) = SHAPES[at].replaced(&COMPILED.each[at], &after) {
                after = Cow::Owned(changed);
            }
        }
        if after == before {
            break;
        }
        current = Some(after.into_owned());
    }
    current
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn words_that_only_look_alike_stay() {
        for text in [
            "task-01234567890123456789 and disk-abcdefghijklmnopqrstuvwxyz",
            "see https://example.com:8080/path and mail me@example.com",
            "http://host:80?from=a@b.c",
            "sk-short",
            "the bearer of good news",
            "max_tokens=4096 input_tokens=12 password=true",
            "PWD=/home/agent/work",
            "an api key is needed",
            "SG.short.short",
            "eyJhbGciOiJIUzI1NiJ9 alone",
            r#"{"password": null, "passwords": "two", 'password_hint': 'dog'"#,
            r#"password="" password: """#,
            "password = read_password(); let api_key = config.api_key;",
            "2026-11-28T01:02:03Z [INFO] node plan: done",
            "password: required, api_key: String, secret_key = sha256(x), api_key = api_key2, token: abc123def",
            "password: see vault2.example, password = config2.password, password = input123;",
            "password: base64, secret_key: argon2, access_token: oauth2, private_key: /home/app1/id, Password: 12 characters",
            "the --password flag, --token is needed, --password-file /etc/pass1 --secret $SECRET1 --api-key <KEY1>",
            "  --api-key API_KEY   the key\n  --token access_token is needed\n --secret-name x1234",
            "--max-token 4096 --cost-per-token 0.00002 --page-token 0123456789abcdef0123456789",
            r#"cmd = "mysql --password " + pw1 + " -h db""#,
            r#"{"cmd":"mysql --password ","host":"db1"}"#,
            "docker run -u 1000:1000 x; curl -u user https://h:443/; curl x | docker run -u 1000:1000 y",
            "curl --url http://h1:80/x -o u:x",
            "a cookie: sweet; Cookie: none",
            "{parseCookie: s=>s.split(x).map(y), next: 1}; a.cookie:t=n.cookie;function f(){x}",
            "",
        ] {
            assert_eq!(replaced(text), None, "{text}");
        }
    }

    #[test]
    fn what_stands_around_a_secret_stays() {
        for (text, expected) in [
            (
                "postgres://app:p@ss,w0rd@db.internal:5432/main?x=1, mail me@example.com",
                "postgres://[CREDENTIALS]@db.internal:5432/main?x=1, mail me@example.com",
            ),
            ("redis://:hunter2@cache:6379", "redis://[CREDENTIALS]@cache:6379"),
            (
                "a sk-abcdefghijklmnopqrstuv, b sk-abcdefghijklmnopqrstuw.",
                "a [OPENAI_KEY], b [OPENAI_KEY].",
            ),
            (
                r"line\nsk-abcdefghijklmnopqrstuv\nend",
                r"line\n[OPENAI_KEY]\nend",
            ),
            (
                "Authorization: Bearer abcdefghijklmnopqrstuvwxyz012345\nHost: x",
                "Authorization: Bearer [TOKEN]\nHost: x",
            ),
            (
                "AccountName=a;AccountKey=abcdefghijklmnopqrstuvwxyz==;EndpointSuffix=core",
                "AccountName=a;AccountKey=[AZURE_KEY];EndpointSuffix=core",
            ),
            (
                "Server=s;Uid=u;Pwd=hunter2hunter2;Timeout=3",
                "Server=s;Uid=u;Pwd=[SECRET];Timeout=3",
            ),
            (
                "before\n-----BEGIN RSA PRIVATE KEY-----\nMIIE+/=\nabc\n-----END RSA PRIVATE KEY-----\nafter",
                "before\n[PRIVATE_KEY]\nafter",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF",
                "[PRIVATE_KEY]",
            ),
            ("pwd=hunter2hunter2", "pwd=[SECRET]"),
            ("password: 'tis one\nof two", "password: '[SECRET]\nof two"),
            (r#"password = "hunter2" # x"#, r#"password = "[SECRET]" # x"#),
            (
                r#"connect(password="hunter2", port=1)"#,
                r#"connect(password="[SECRET]", port=1)"#,
            ),
            (
                "{'user': 'u', 'password': 'hun\"ter2', 'n': 1}",
                "{'user': 'u', 'password': '[SECRET]', 'n': 1}",
            ),
            (
                r#"got {"db_password": "hunt\"er2", "n": "1"} and {"api_key":"short","a"#,
                r#"got {"db_password": "[SECRET]", "n": "1"} and {"api_key":"[SECRET]","a"#,
            ),
            (
                r#"body {\"password\":\"hunter2\",\"n\":\"1\"} end"#,
                r#"body {\"password\":\"[SECRET]\",\"n\":\"1\"} end"#,
            ),
            (
                "\u{1b}[1;32msk-abcdefghijklmnopqrstuv\u{1b}[0m q?k%3Dsk-abcdefghijklmnopqrstuv",
                "\u{1b}[1;32m[OPENAI_KEY]\u{1b}[0m q?k%3D[OPENAI_KEY]",
            ),
            (r"a\u003dAKIAABCDEFGHIJKLMNOP", r"a\u003d[AWS_KEY]"),
            ("DB_PASSWORD=hunter2hunter2 next", "DB_PASSWORD=[SECRET] next"),
            (
                "db:\n  user: app\n  password: hunter2\n  api_key: 0123456789abcdef\nhost = x",
                "db:\n  user: app\n  password: [SECRET]\n  api_key: [SECRET]\nhost = x",
            ),
            (r"password: hunter22\nhost: x", r"password: [SECRET]\nhost: x"),
            ("{password: tr0ub4dor&3, n: 1}", "{password: [SECRET], n: 1}"),
            ("secret_key = a1b2c3d4e5\n", "secret_key = [SECRET]\n"),
            (
                "My password: hunter22. Thanks. **Password:** hunter22, Password: `hunter22`",
                "My password: [SECRET]. Thanks. **Password:** [SECRET], Password: `[SECRET]`",
            ),
            (
                "mysql --user app --password hunter2 -h db && x --db-password 'two words' y; z --password \"p q\"",
                "mysql --user app --password [SECRET] -h db && x --db-password '[SECRET]' y; z --password \"[SECRET]\"",
            ),
            (
                "(gh --token 0a1b2c3d4e5f6a7b8c9d) -password P@ss --verbose --secret=s3cr --password hunter2; ls",
                "(gh --token [TOKEN]) -password [SECRET] --verbose --secret=[SECRET] --password [SECRET]; ls",
            ),
            (
                "--secret-key wJalrXUtnFEMI/K7MDENG/bPxRfiCY --api-key=abc123def --admin-password ab/c.d9",
                "--secret-key [SECRET] --api-key=[SECRET] --admin-password [SECRET]",
            ),
            (
                r#"{"cmd":"echo \"mysql --password hunter2\""}"#,
                r#"{"cmd":"echo \"mysql --password [SECRET]\""}"#,
            ),
            (
                "curl -s -u 'me:two words' https://h/x; curl --user me:x https://h/y; curl -sSu \"me:y\" z; curl -ume:z",
                "curl -s -u 'me:[SECRET]' https://h/x; curl --user me:[SECRET] https://h/y; curl -sSu \"me:[SECRET]\" z; curl -ume:[SECRET]",
            ),
            (
                "curl -X POST \\\n  -u me:hunter2 \\\n  https://h/",
                "curl -X POST \\\n  -u me:[SECRET] \\\n  https://h/",
            ),
            (
                "x --password \"one two\" --api-key \"three\" --secret 'four 4' --secret '$five'",
                "x --password \"[SECRET]\" --api-key \"[SECRET]\" --secret '[SECRET]' --secret '[SECRET]'",
            ),
            (
                "curl 'https://h/x?a=1&b=2' -H \"A: a; q=1\" -u 'me:$ecret' y; curl -u me:pa$$word z",
                "curl 'https://h/x?a=1&b=2' -H \"A: a; q=1\" -u 'me:[SECRET]' y; curl -u me:[SECRET] z",
            ),
            (
                r#"{"cmd":"curl -u \"me:pw\" x","exit":0}, {"cmd":"curl -u 'me:hun","exit":0}"#,
                r#"{"cmd":"curl -u \"me:[SECRET]\" x","exit":0}, {"cmd":"curl -u 'me:[SECRET]","exit":0}"#,
            ),
            (
                "Cookie: _ga=; prefs={\"a\":1}; x=1,2; session=s\nn\n< set-cookie: c=; Path=/",
                "Cookie: [COOKIES]\nn\n< set-cookie: [COOKIES]",
            ),
            (
                r#"{"h":"Cookie: a=","b":"c"}, {"h":"Cookie: a=b; c","b":"c"}"#,
                r#"{"h":"Cookie: [COOKIES]","b":"c"}, {"h":"Cookie: [COOKIES]","b":"c"}"#,
            ),
            (r"curl -u me:hunter2\n-v", r"curl -u me:[SECRET]\n-v"),
            (
                "GET / HTTP/1.1\r\nCookie: session=abc; theme=dark\r\nHost: h\r\nset-cookie: id=1; Path=/; HttpOnly\n\nx",
                "GET / HTTP/1.1\r\nCookie: [COOKIES]\r\nHost: h\r\nset-cookie: [COOKIES]\n\nx",
            ),
            (
                "> Cookie: foo; session=\"abc\"; auth=tok==\n-H 'Cookie: a=b; c=d' -v",
                "> Cookie: [COOKIES]\n-H 'Cookie: [COOKIES]' -v",
            ),
        ] {
            assert_eq!(replaced(text).as_deref(), Some(expected));
            assert_eq!(replaced(expected), None, "{expected}");
        }
    }

    #[test]
    fn many_beginnings_of_keys_are_each_looked_at_once() {
        // Quadratic, this would take minutes.
        let begin = "-----BEGIN PRIVATE KEY-----.";
        let text = begin.repeat(40_000);
        assert_eq!(replaced(&text).unwrap(), "[PRIVATE_KEY].".repeat(40_000));
    }

    #[test]
    fn the_set_and_the_single_shapes_agree() {
        assert_eq!(COMPILED.any.len(), SHAPES.len());
        assert_eq!(COMPILED.each.len(), SHAPES.len());
    }
}
