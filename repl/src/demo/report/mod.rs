//! What is printed at the end: questions in SQL, the account of what is missing, and what to try next.

use std::path::Path;

use anyhow::Result;

use super::faults::Planted;
use crate::output::{Format, Style};
use crate::progress::counted;
use crate::query::Query;

/// The tables of the report: a heading and the question behind each.
const TABLES: [(&str, &str); 6] = [
    ("Messages", include_str!("messages.sql")),
    ("Runs by graph", include_str!("runs.sql")),
    ("Tools, by calls (the 12 most called)", include_str!("tools.sql")),
    ("Errors of the agents", include_str!("errors.sql")),
    ("Gaps", include_str!("gaps.sql")),
    ("Dead letters", include_str!("dead_letters.sql")),
];

/// Questions that are worth asking next.
const QUESTIONS: [&str; 4] = [
    "select thread_id, first_missing, last_missing, cause from gaps",
    "select graph_name, status, started, duration_us, output_tokens from runs order by duration_us desc limit 10",
    "select attributes ->> 'error' as error, count(*) as n from events where event_type = 'LLM_ERROR' group by 1",
    "select * from system.segments",
];

/// Prints the report.
pub(crate) async fn print(query: &Query, planted: Planted, store: &Path, program: &str) -> Result<()> {
    let style = Style::for_stdout(Format::Table, true, String::new());
    let mut output = query.output();
    for (heading, sql) in TABLES {
        output.line(heading)?;
        query.run(sql, &style, &mut output).await?;
        output.line("")?;
    }
    output.line(&query.completeness().await?.to_string())?;
    output.line(&told(planted))?;
    output.line("")?;
    output.line("Try next:")?;
    for command in next_commands(program, store) {
        output.line(&format!("  {command}"))?;
    }
    output.flush()
}

/// What was planted, beside which the account can be checked.
fn told(planted: Planted) -> String {
    if planted == Planted::default() {
        return "The stream was too short to plant faults in it.".to_owned();
    }
    let lost = counted(planted.lost as u64, "message");
    let twice = counted(planted.sent_twice as u64, "message");
    let damaged = planted.damaged;
    let missing = planted.lost + planted.damaged;
    format!(
        "Planted on the way: {lost} lost and {damaged} damaged (so {missing} should be missing above, {damaged} of them \
         as a dead letter), {twice} sent twice (which should change nothing)."
    )
}

/// Commands that can be pasted into a shell.
fn next_commands(program: &str, store: &Path) -> Vec<String> {
    let store = quoted(&store.display().to_string());
    let program = quoted(program);
    let ask = |question: &&str| format!("{program} sql --store {store} -c \"{question}\"");
    let mut commands: Vec<String> = QUESTIONS.iter().map(ask).collect();
    commands.push(format!("{program} --store {store}"));
    commands
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted_whatever_the_path() {
        let commands = next_commands("target/release/quipu", Path::new("/tmp/it's here"));
        assert!(
            commands[0].starts_with("target/release/quipu sql --store '/tmp/it'\\''s here' -c \"select ")
        );
        assert_eq!(commands[4], "target/release/quipu --store '/tmp/it'\\''s here'");
        // In double quotes a shell would read these.
        assert!(
            QUESTIONS
                .iter()
                .all(|question| !question.contains(['"', '$', '`', '\\', '!']))
        );
    }

    #[test]
    fn what_was_planted_says_what_the_account_should_show() {
        let told = told(Planted {
            lost: 12,
            damaged: 1,
            sent_twice: 5,
        });
        assert!(
            told.contains("12 messages lost") && told.contains("13 should be missing"),
            "{told}"
        );
    }
}
