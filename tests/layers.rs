//! The shape of the workspace: which crate may see which, that all of them share the lints, and that the README, which
//! a newcomer pastes, and `.ci/run`, which proves it, speak of the same commands.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read the workspace fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What one crate of ours may depend on among ours.
struct Floor {
    name: &'static str,
    /// In its program: normal and build dependencies.
    sees: &'static [&'static str],
    /// In its tests besides.
    tests_see: &'static [&'static str],
}

/// The house, from the ground up. A crate that is not here is unknown and fails the test: adding one is a decision.
const HOUSE: &[Floor] = &[
    Floor {
        name: "quipu-proto",
        sees: &[],
        tests_see: &[],
    },
    // Readers and writers of Kafka share one client, so that applications that write need no store.
    Floor {
        name: "quipu-kafka",
        sees: &["quipu-proto"],
        tests_see: &["quipu-broker"],
    },
    Floor {
        name: "quipu-client",
        sees: &["quipu-kafka", "quipu-proto"],
        tests_see: &["quipu-broker"],
    },
    Floor {
        name: "quipu-store",
        sees: &["quipu-proto"],
        tests_see: &["quipu-disk", "quipu-fleet"],
    },
    Floor {
        name: "quipu-ingest",
        sees: &["quipu-kafka", "quipu-proto", "quipu-store"],
        tests_see: &["quipu-broker", "quipu-disk", "quipu-fleet"],
    },
    // Numbers and texts alone: functions of SQL and gates compute by the same code.
    Floor {
        name: "quipu-stats",
        sees: &[],
        tests_see: &[],
    },
    Floor {
        name: "quipu-sql",
        sees: &["quipu-proto", "quipu-stats", "quipu-store"],
        tests_see: &["quipu-fleet"],
    },
    Floor {
        name: "quipu-evals",
        sees: &["quipu-proto", "quipu-stats", "quipu-store", "quipu-sql"],
        tests_see: &["quipu-fleet"],
    },
    Floor {
        name: "quipu",
        sees: &[
            "quipu-proto",
            "quipu-client",
            "quipu-store",
            "quipu-ingest",
            "quipu-sql",
            "quipu-stats",
            "quipu-evals",
        ],
        tests_see: &["quipu-broker", "quipu-fleet"],
    },
    // What the prompt can do, a library user can do: the command line sees the facade alone. The broker and the fleet
    // come with the feature `demo`, see below.
    Floor {
        name: "quipu-repl",
        sees: &["quipu", "quipu-broker", "quipu-fleet"],
        tests_see: &[],
    },
    // A broker that knew our decoder could not prove it.
    Floor {
        name: "quipu-broker",
        sees: &[],
        tests_see: &[],
    },
    // A store over faulty files; the tests of the store itself use it, hence no more than the store.
    Floor {
        name: "quipu-disk",
        sees: &["quipu-store"],
        tests_see: &[],
    },
    Floor {
        name: "quipu-fleet",
        sees: &["quipu-proto"],
        tests_see: &[],
    },
    Floor {
        name: "quipu-benches",
        sees: EVERYTHING,
        tests_see: &[],
    },
    Floor {
        name: "quipu-tests",
        sees: EVERYTHING,
        tests_see: &[],
    },
];

/// Nothing stands on the top floor, so it may look into every room.
const EVERYTHING: &[&str] = &[
    "quipu",
    "quipu-broker",
    "quipu-client",
    "quipu-disk",
    "quipu-evals",
    "quipu-fleet",
    "quipu-ingest",
    "quipu-kafka",
    "quipu-proto",
    "quipu-sql",
    "quipu-stats",
    "quipu-store",
];

/// The two commands of a newcomer, in README's order.
const NEWCOMER_COMMANDS: [&str; 2] = ["cargo run --release -- demo", "cargo test --release --workspace"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The packages of the workspace by name, as cargo describes them.
fn packages() -> BTreeMap<String, Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
            "--manifest-path",
        ])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["name"].as_str().unwrap().to_owned(), package.clone()))
        .collect()
}

/// The lines inside the README's fenced code blocks, prompt signs and comments left out.
fn code_lines(markdown: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            let command = line.split(" #").next().unwrap_or_default().trim();
            if !command.is_empty() && !command.starts_with('#') {
                lines.push(command.to_owned());
            }
        }
    }
    lines
}

#[test]
fn every_member_of_the_workspace_is_in_the_house_and_the_house_has_no_empty_rooms() {
    let members: BTreeSet<String> = packages().into_keys().collect();
    let known: BTreeSet<String> = HOUSE.iter().map(|floor| floor.name.to_owned()).collect();
    assert_eq!(
        members, known,
        "left: workspace members; right: the table HOUSE in tests/layers.rs"
    );
}

#[test]
fn lower_crates_never_import_higher_ones() {
    let packages = packages();
    let mut wrong = Vec::new();
    for floor in HOUSE {
        for dependency in packages[floor.name]["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap();
            // `null` is a normal dependency, else "dev" or "build".
            let for_tests = dependency["kind"].as_str() == Some("dev");
            let allowed = floor.sees.contains(&name) || (for_tests && floor.tests_see.contains(&name));
            if packages.contains_key(name) && !allowed {
                let kind = if for_tests { "dev-depends" } else { "depends" };
                wrong.push(format!("{} {kind} on {name}", floor.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that the house does not allow: {wrong:#?}"
    );
}

#[test]
fn the_command_line_reaches_broker_and_fleet_only_through_the_feature_demo() {
    let packages = packages();
    let repl = &packages["quipu-repl"];
    let demo: Vec<&str> = repl["features"]["demo"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect();
    for name in ["quipu-broker", "quipu-fleet"] {
        let dependency = repl["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .find(|dependency| dependency["name"] == name && dependency["kind"].is_null());
        let dependency = dependency.unwrap_or_else(|| panic!("quipu-repl does not depend on {name}"));
        assert_eq!(dependency["optional"], true, "{name} is not optional");
        assert!(
            demo.contains(&format!("dep:{name}").as_str()),
            "feature demo does not name dep:{name}"
        );
    }
    let default = repl["features"]["default"].as_array().unwrap();
    assert!(
        default.iter().any(|item| item == "demo"),
        "the feature demo is not on by default"
    );
}

#[test]
fn every_crate_inherits_the_lints_of_the_workspace() {
    for (name, package) in packages() {
        let manifest = read(Path::new(package["manifest_path"].as_str().unwrap()));
        let lints: Vec<&str> = manifest
            .lines()
            .skip_while(|line| line.trim() != "[lints]")
            .skip(1)
            .take_while(|line| !line.starts_with('['))
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(lints, ["workspace = true"], "{name}: [lints]");
    }
}

#[test]
fn the_readme_gives_a_newcomer_exactly_two_cargo_commands() {
    let readme = read(&root().join("README.md"));
    let commands: Vec<String> = code_lines(&readme)
        .into_iter()
        .filter(|line| line.split_whitespace().next() == Some("cargo"))
        .collect();
    assert_eq!(commands, NEWCOMER_COMMANDS);
    let first_two: Vec<String> = code_lines(&readme).into_iter().take(2).collect();
    assert_eq!(
        first_two, NEWCOMER_COMMANDS,
        "the first two lines of code in the README"
    );
}

#[test]
fn the_ci_runs_the_test_command_that_the_readme_names() {
    let output = Command::new("bash")
        .arg(root().join(".ci/run"))
        .arg("--print-test-command")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        ".ci/run: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        NEWCOMER_COMMANDS[1]
    );
}
