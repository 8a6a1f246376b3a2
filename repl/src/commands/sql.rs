//! `quipu sql`: runs SQL and prints the rows.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{ArgMatches, FromArgMatches};
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::completeness::CompletenessArgs;
use crate::output::{Format, Style};
use crate::query::Query;
use crate::shell;
use crate::statements::Statements;

const EXAMPLES: &str = "\
Examples:
  quipu sql -c 'select * from gaps'
  quipu sql -c 'select count(*) from events; select count(*) from errors'
  quipu sql -f report.sql --format markdown > report.md
  quipu sql --min-completeness 99.9% -c 'select count(*) from runs'
  echo 'select * from runs' | quipu sql --format jsonl | jq .";

/// Arguments of `quipu sql`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the SQL comes from.
    #[command(flatten)]
    sources: Sources,

    /// How the rows look.
    #[command(flatten)]
    rows: RowArgs,

    /// How complete the data must be.
    #[command(flatten)]
    completeness: CompletenessArgs,
}

impl Args {
    /// What `quipu` without a command does when standard input is not a terminal.
    pub(crate) fn from_stdin() -> Self {
        Self {
            sources: Sources(Vec::new()),
            rows: RowArgs::default(),
            completeness: CompletenessArgs::default(),
        }
    }
}

/// How rows look.
#[derive(Debug, clap::Args)]
pub(crate) struct RowArgs {
    /// How rows are written
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    format: Format,

    /// Leave out the names of the columns (table, csv, tsv)
    #[arg(long)]
    no_header: bool,

    /// What stands for null (not in json and jsonl) [default: nothing]
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    null: String,
}

impl Default for RowArgs {
    fn default() -> Self {
        Self {
            format: Format::Table,
            no_header: false,
            null: String::new(),
        }
    }
}

impl RowArgs {
    /// The style for standard output.
    pub(crate) fn style(&self) -> Style {
        Style::for_stdout(self.format, !self.no_header, self.null.clone())
    }
}

/// Runs every statement in order; the first that fails ends the command.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    if args.sources.0.is_empty() && io::stdin().is_terminal() {
        return shell::run(global, args.rows.style());
    }
    let texts = args.sources.read()?;
    let query = Query::open(global)?;
    runtime.block_on(args.completeness.check(&query))?;
    let style = args.rows.style();
    let mut out = query.output();
    let statements = texts.iter().flat_map(|text| Statements::of(text).all());
    for (at, statement) in statements.enumerate() {
        if at > 0 && style.format.has_blank_line_between_results() {
            out.line("")?;
        }
        runtime.block_on(query.run(statement, &style, &mut out))?;
    }
    Ok(())
}

/// Where SQL comes from, in the order in which it was given.
#[derive(Debug)]
struct Sources(Vec<Source>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// The SQL itself.
    Text(String),
    /// A file, or standard input for `-`.
    File(PathBuf),
}

impl Sources {
    /// The texts; standard input if there is nothing else.
    fn read(&self) -> Result<Vec<String>> {
        if self.0.is_empty() {
            return Ok(vec![read_stdin()?]);
        }
        self.0
            .iter()
            .map(|source| match source {
                Source::Text(text) => Ok(text.clone()),
                Source::File(path) if path == Path::new("-") => read_stdin(),
                Source::File(path) => fs::read_to_string(path)
                    .with_context(|| format!("cannot read SQL from {}", path.display())),
            })
            .collect()
    }
}

fn read_stdin() -> Result<String> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_to_string(&mut text)
        .context("cannot read SQL from standard input")?;
    Ok(text)
}

/// The two options as clap knows them. Deriving [`Sources`] itself would lose the order between them.
#[derive(Debug, clap::Args)]
struct SourceArgs {
    /// SQL to run, one or more statements; may be given several times
    #[arg(short, long = "command", value_name = "SQL")]
    command: Vec<String>,

    /// File with SQL to run, - for standard input; may be given several times
    #[arg(short, long, value_name = "FILE")]
    file: Vec<PathBuf>,
}

impl clap::Args for Sources {
    fn augment_args(command: clap::Command) -> clap::Command {
        SourceArgs::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        SourceArgs::augment_args_for_update(command)
    }
}

impl FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let args = SourceArgs::from_arg_matches(matches)?;
        let places = |name: &str| matches.indices_of(name).into_iter().flatten();
        let commands = places("command").zip(args.command.into_iter().map(Source::Text));
        let files = places("file").zip(args.file.into_iter().map(Source::File));
        let mut sources: Vec<(usize, Source)> = commands.chain(files).collect();
        sources.sort_by_key(|(place, _)| *place);
        Ok(Self(sources.into_iter().map(|(_, source)| source).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn sources(arguments: &[&str]) -> Vec<Source> {
        let cli = Cli::try_parse_from(["quipu", "sql"].iter().chain(arguments)).unwrap();
        let Some(Command::Sql(args)) = cli.command else {
            panic!("not the sql command")
        };
        args.sources.0
    }

    #[test]
    fn texts_and_files_keep_the_order_of_the_command_line() {
        assert_eq!(
            sources(&["-c", "a", "-f", "b", "--command", "c", "-f", "-"]),
            [
                Source::Text("a".into()),
                Source::File("b".into()),
                Source::Text("c".into()),
                Source::File("-".into())
            ]
        );
        assert_eq!(sources(&[]), []);
    }

    #[test]
    fn an_unknown_format_is_refused_with_the_list() {
        let error = Cli::try_parse_from(["quipu", "sql", "--format", "xml"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("jsonl"), "{error}");
    }
}
