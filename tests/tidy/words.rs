//! Words that must not be in the product: unfinished work, careless calls, empty names.

use super::sources::tracked;

const UNFINISHED: &[&str] = &["todo!(", "unimplemented!(", "dbg!("];
const CARELESS: &[&str] = &[".unwrap()"];
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "common", "misc"];

#[test]
fn nothing_is_unfinished() {
    for source in tracked(".rs").iter().filter(|source| !source.path.starts_with("tests/tidy/")) {
        for word in UNFINISHED {
            assert!(!source.text.contains(word), "{} holds {word}", source.path);
        }
        assert!(
            !source.text.contains("#[ignore]"),
            "{} ignores a test without reason",
            source.path
        );
    }
}

#[test]
fn library_code_does_not_unwrap() {
    for source in tracked(".rs").iter().filter(|source| !source.is_test()) {
        for (number, line) in source.product_text().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in CARELESS {
                assert!(
                    !code.contains(word),
                    "{}:{} unwraps: return an error, or `expect` with the reason it cannot fail",
                    source.path,
                    number + 1
                );
            }
        }
    }
}

#[test]
fn files_are_named_for_what_they_hold() {
    for source in tracked(".rs") {
        let folders_and_stem = source.path.trim_end_matches(".rs").split('/');
        for part in folders_and_stem {
            assert!(!EMPTY_NAMES.contains(&part), "{}: '{part}' says nothing", source.path);
        }
    }
}
