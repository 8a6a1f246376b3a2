//! What is read.

use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::failure::CannotJudge;

/// Most bytes that are read: far above any report, far below what would exhaust memory.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The text of a file, or of standard input. `what` it should be stands in errors.
pub(crate) fn read(path: Option<&Path>, what: &str) -> Result<String> {
    let read = || -> Result<String> {
        let (source, name): (Box<dyn Read>, String) = match path {
            Some(path) if path != Path::new("-") => {
                let name = path.display().to_string();
                let file =
                    std::fs::File::open(path).with_context(|| format!("failed to read {what} from {name}"));
                (Box::new(file.map_err(told)?), name)
            }
            _ => (Box::new(io::stdin().lock()), "stdin".to_owned()),
        };
        let mut bytes = Vec::new();
        source
            .take(BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| anyhow!("failed to read {what} from {name}: {error}"))?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(anyhow!(
                "{what} from {name} has more than {BYTES_MAX} bytes, which is the limit; is it the right input?"
            ));
        }
        String::from_utf8(bytes).map_err(|error| anyhow!("{what} from {name} is no text: {error}"))
    };
    read().map_err(|error| anyhow::Error::new(CannotJudge(error)))
}

/// The error with its cause on one line: without `-v` causes are not shown.
fn told(error: anyhow::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}
