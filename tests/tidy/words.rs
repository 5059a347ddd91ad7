//! Words that must not be in the product: unfinished work, careless calls, empty names.

use super::sources::{Source, tracked};

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
    let sources = tracked(".rs");
    let test_modules = test_modules(&sources);
    let in_test_module = |source: &Source| {
        let stem = source.path.trim_end_matches(".rs");
        test_modules.iter().any(|module| {
            stem == module || stem.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    for source in sources.iter().filter(|source| !source.is_test() && !in_test_module(source)) {
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

/// Modules that are compiled for tests alone, as paths without `.rs`.
fn test_modules(sources: &[Source]) -> Vec<String> {
    let mut modules = Vec::new();
    for source in sources {
        let stem = source.path.trim_end_matches(".rs");
        let base =
            ["/lib", "/main", "/mod"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]") {
            let name = pair[1].trim_start_matches("pub(crate) ").strip_prefix("mod ");
            if let Some(name) = name.and_then(|rest| rest.strip_suffix(';')) {
                modules.push(format!("{base}/{name}"));
            }
        }
    }
    modules
}
