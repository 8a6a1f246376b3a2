//! The prompt: lines with history and editing, SQL until a semicolon, backslash commands.
//!
//! | file | what it holds |
//! |---|---|
//! | `meta.rs` | backslash commands |
//! | `helper.rs` | when a line is whole |
//! | `history.rs` | what was typed before, kept in a file |

mod helper;
mod history;
mod meta;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Behavior, Config, Editor};
use tokio::runtime::Runtime;

use self::helper::WholeStatements;
use self::meta::Meta;
use crate::cli::Global;
use crate::failure;
use crate::output::{Format, Shown, Style};
use crate::query::Query;
use crate::statements::Statements;

const PROMPT: &str = "quipu> ";

/// Entries of history that are kept.
const HISTORY_ENTRIES: usize = 5_000;

/// Runs the prompt until the user leaves it.
pub(crate) fn run(global: &Global, style: Style) -> Result<()> {
    let query = Query::open(global)?.interruptible()?;
    let runtime = start_runtime()?;
    let mut shell = Shell {
        query,
        runtime: Some(runtime),
        style,
        verbose: global.verbose > 0,
    };
    shell.say(&format!(
        "Quipu {} on {}. SQL ends with ; and \\? shows what else there is.",
        env!("CARGO_PKG_VERSION"),
        global.store_path().display()
    ));
    shell.read_until_end()
}

/// What a line asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Another line.
    Read,
    /// The end.
    Leave,
}

struct Shell {
    query: Query,
    /// Runs statements. There is none after one was cancelled, until the next.
    runtime: Option<Runtime>,
    style: Style,
    verbose: bool,
}

impl Shell {
    fn read_until_end(&mut self) -> Result<()> {
        let config = Config::builder()
            .max_history_size(HISTORY_ENTRIES)
            .and_then(|config| config.history_ignore_dups(true))
            .context("cannot set up the prompt")?
            .history_ignore_space(true)
            // The prompt goes to the terminal even if standard output does not.
            .behavior(Behavior::PreferTerm)
            .build();
        let mut editor: Editor<WholeStatements, DefaultHistory> =
            Editor::with_config(config).context("cannot set up the prompt")?;
        editor.set_helper(Some(WholeStatements));
        let history = history::File::locate();
        if let Some(file) = &history {
            file.load(&mut editor);
        }
        loop {
            match editor.readline(PROMPT) {
                Ok(line) => {
                    if !line.trim().is_empty()
                        && editor.add_history_entry(line.as_str()).unwrap_or(false)
                        && let Some(file) = &history
                    {
                        file.append(&mut editor);
                    }
                    if self.answer(&line)? == Next::Leave {
                        return Ok(());
                    }
                }
                // Ctrl-C throws the input away.
                Err(ReadlineError::Interrupted) => {}
                // Ctrl-D.
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(error).context("cannot read from the terminal"),
            }
        }
    }

    /// Does what a line asks for. Only a closed output ends the prompt with an error.
    fn answer(&mut self, line: &str) -> Result<Next> {
        match Meta::read(line) {
            None => {
                for statement in Statements::of(line).all() {
                    let style = self.style.clone();
                    if !self.print(statement, &style)? {
                        break;
                    }
                }
            }
            Some(Ok(Meta::Quit)) => return Ok(Next::Leave),
            Some(Ok(Meta::Help)) => self.say(meta::HELP),
            Some(Ok(Meta::Tables)) => {
                self.print(meta::TABLES, &self.table_style())?;
            }
            Some(Ok(Meta::Columns(name))) => {
                self.print(&meta::columns_of(&name), &self.table_style())?;
            }
            Some(Ok(Meta::Format(None))) => self.say(&format!("format is {}", self.style.format.name())),
            Some(Ok(Meta::Format(Some(format)))) => self.style.format = format,
            Some(Err(unknown)) => self.say(&format!("error: {unknown}")),
        }
        Ok(Next::Read)
    }

    /// Backslash commands always answer with a table.
    fn table_style(&self) -> Style {
        Style {
            format: Format::Table,
            ..self.style.clone()
        }
    }

    /// Runs a statement and prints its rows, or what is wrong with it. Returns whether to go on.
    fn print(&mut self, statement: &str, style: &Style) -> Result<bool> {
        // The width of the terminal may have changed since the last statement.
        let style = &Style::for_stdout(style.format, style.header, style.null.clone());
        let begun = Instant::now();
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => start_runtime()?,
        };
        let result = {
            let mut output = self.query.output();
            runtime.block_on(self.query.run_until_interrupt(statement, style, &mut output))
        };
        if let Ok(None) = result {
            // What was cancelled may compute on for a while: it must not hold up the next statement.
            runtime.shutdown_background();
            // Standard output keeps what the terminal did not take in time; it is not to turn up below.
            let _ = io::stdout().flush();
        } else {
            self.runtime = Some(runtime);
        }
        match result {
            Ok(Some(written)) => {
                self.say(&summary(written.rows, begun.elapsed()));
                match written.shown {
                    Shown::Whole => {}
                    Shown::Cut => {
                        self.say("Values are cut to fit the terminal; \\format line shows them whole.");
                    }
                    Shown::Turned => self.say(
                        "A table of so many columns would not fit the terminal: each value is on a line of its own.",
                    ),
                }
                Ok(true)
            }
            Ok(None) => {
                self.say("Cancelled.");
                Ok(false)
            }
            Err(error) if error.is::<failure::OutputError>() => Err(error),
            Err(error) => {
                let _ = io::stderr()
                    .lock()
                    .write_all(failure::text(&error, self.verbose).as_bytes());
                Ok(false)
            }
        }
    }

    /// Says something that is not data.
    fn say(&self, text: &str) {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

fn start_runtime() -> Result<Runtime> {
    Runtime::new().context("cannot start the threads of the runtime")
}

/// What stands below a result.
fn summary(rows: usize, took: Duration) -> String {
    let rows = if rows == 1 {
        "1 row".to_owned()
    } else {
        format!("{rows} rows")
    };
    let millis = took.as_millis();
    if millis < 1_000 {
        format!("({rows}, {millis} ms)")
    } else {
        format!("({rows}, {:.2} s)", took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_rows_and_time() {
        assert_eq!(summary(1, Duration::from_millis(7)), "(1 row, 7 ms)");
        assert_eq!(summary(0, Duration::from_millis(2_500)), "(0 rows, 2.50 s)");
    }
}
