//! The claims that ship as examples are well formed, and say in their messages only what their queries return.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use std::path::Path;

use quipu_evals::check::Claims;

#[test]
fn the_example_claims_are_well_formed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/checks");
    let claims = Claims::read(&folder).unwrap();
    assert!(claims.unreadable.is_empty(), "{:?}", claims.unreadable);
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for claim in &claims.claims {
        let name = &claim.name;
        assert!(!claim.about.is_empty() && !claim.tags.is_empty(), "{name}");
        assert!(claim.message.is_some(), "{name}");
        let row = format!("| `{name}` | {} |", claim.severity);
        assert!(readme.contains(&row), "README.md lacks {row}");
        // Whose rows are violations: the last statement. That it returns each column is seen there as text.
        let query = claim.text.rsplit(';').next().unwrap();
        let query = query
            .split_once("select")
            .unwrap()
            .1
            .split_once("\nfrom")
            .unwrap()
            .0;
        for column in claim.message.as_ref().unwrap().columns() {
            assert!(query.contains(column), "{name} returns no {column}: {query}");
        }
    }
    assert_eq!(readme.matches("\n| `").count(), claims.claims.len());
}
