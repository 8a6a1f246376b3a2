//! What the tests over fixtures share.

use std::collections::BTreeMap;

/// The text of a fixture: a path below `tests/fixtures` of the workspace.
pub(crate) fn fixture(path: &str) -> String {
    let path = format!("{}/../tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A call of a program of dashflow-streaming: its arguments and the exit code that it gave.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) code: u8,
    arguments: Vec<String>,
}

impl Call {
    /// The value of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        let place = self.arguments.iter().position(|argument| argument == name)?;
        self.arguments.get(place + 1).map(String::as_str)
    }
}

/// The calls of a folder of fixtures, by name.
pub(crate) fn calls(folder: &str) -> BTreeMap<String, Call> {
    fixture(&format!("{folder}/exit-codes.tsv"))
        .lines()
        .map(|line| {
            let mut cells = line.split('\t');
            let mut cell = || cells.next().unwrap_or_else(|| panic!("{line} has three cells"));
            let (name, code, command) = (cell(), cell(), cell());
            let call = Call {
                code: code.parse().unwrap_or_else(|error| panic!("{line}: {error}")),
                arguments: command.split(' ').map(str::to_owned).collect(),
            };
            (name.to_owned(), call)
        })
        .collect()
}

/// Holds the codes of all calls against those of the reference. Those that differ stand in a table with the code that a user
/// wants and the reason.
pub(crate) fn assert_codes(
    calls: &BTreeMap<String, Call>,
    differing: &[(&str, u8, &str)],
    code: impl Fn(&str, &Call) -> u8,
) {
    for (name, _, why) in differing {
        assert!(calls.contains_key(*name), "{name} is no call");
        assert!(!why.is_empty());
    }
    for (name, call) in calls {
        let expected = differing
            .iter()
            .find(|(other, _, _)| other == name)
            .map_or(call.code, |(_, code, _)| *code);
        assert_eq!(code(name, call), expected, "{name}");
    }
}
