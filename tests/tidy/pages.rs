//! What pages and recipes name exists: files, tests that hold a difference, variables.

use super::sources::{Source, top, tracked};

const FOLDERS: &[&str] = &["crates/", "docs/", "scripts/", "tests/", "benches/", "fuzz/"];

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn files_that_pages_name_exist() {
    for page in tracked(".md") {
        for name in quoted(&page.text) {
            let word = name.split([' ', ',', '\n']).next().unwrap_or_default();
            let plain = !word.contains(['<', '*', '{', '…']);
            if plain && FOLDERS.iter().any(|folder| word.starts_with(folder)) {
                assert!(top().join(word).exists(), "{} names {word}, which is gone", page.path);
            }
        }
    }
}

/// Each row of docs/compat.md ends in a crate (or `blackbox`) and the tests there.
#[test]
fn every_difference_from_ceph_has_its_test() {
    let pages = tracked("docs/compat.md");
    let (code, transcripts) = (tracked(".rs"), tracked(".txt"));
    let mut rows = 0;
    for line in pages[0].text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [quirk, .., tests] = cells.as_slice() else { continue };
        if cells.len() != 5 || *quirk == "quirk" {
            continue;
        }
        rows += 1;
        let mut names = quoted(tests);
        let home = names.next().unwrap_or_else(|| panic!("{quirk}: no test holds it"));
        let folder = match home {
            "blackbox" => "tests/blackbox/".to_owned(),
            crate_name => format!("crates/{crate_name}/"),
        };
        let there = |source: &&Source| source.path.starts_with(&folder);
        let files: Vec<&Source> = code.iter().chain(&transcripts).filter(there).collect();
        for name in names {
            for part in name.split("::") {
                let held = files.iter().any(|file| is_in(part, file));
                assert!(held, "{quirk}: there is no '{part}' of {name} in {folder}");
            }
        }
    }
    assert!(rows > 50, "only {rows} rows were understood");
}

/// Whether `part` is a folder, the name of the file, or a module or function in it.
fn is_in(part: &str, file: &Source) -> bool {
    let path = file.path.replace('-', "_");
    let part = part.replace('-', "_");
    path.ends_with(&format!("/{part}"))
        || path.contains(&format!("/{part}/"))
        || path.contains(&format!("/{part}."))
        || [format!("fn {part}("), format!("mod {part} ")]
            .iter()
            .any(|item| file.text.contains(item))
}

#[test]
fn variables_that_recipes_set_are_read() {
    let recipes = std::fs::read_to_string(top().join("justfile")).expect("justfile");
    let code = tracked(".rs");
    let mut found = 0;
    for word in recipes.split([' ', '\n']).filter(|word| word.starts_with("MARCOT_")) {
        let name = word.split('=').next().unwrap_or_default();
        let read = code.iter().any(|source| source.text.contains(&format!("\"{name}\"")));
        assert!(read, "justfile sets {name}, and nothing reads it");
        found += 1;
    }
    assert!(found > 0, "no recipe sets a variable: this test looks at nothing");
}
