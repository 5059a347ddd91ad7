//! Everything that is linked in has a permissive licence, as deny.toml lists them.

use cargo_metadata::MetadataCommand;

const PERMISSIVE: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
    "BSL-1.0",
    "Unlicense",
    "0BSD",
];

#[test]
fn dependencies_are_permissive() {
    let metadata = MetadataCommand::new()
        .current_dir(super::sources::top())
        .other_options(vec![
            "--offline".to_owned(),
            "--locked".to_owned(),
            "--filter-platform=x86_64-unknown-linux-gnu".to_owned(),
        ])
        .exec()
        .expect("cargo metadata");
    for package in &metadata.packages {
        let licence = package.license.clone().unwrap_or_default();
        assert!(is_permissive(&licence), "{}: licence '{licence}'", package.name);
    }
}

/// Whether an SPDX expression can be met with permissive licences alone: each AND part needs one
/// permissive OR choice.
fn is_permissive(expression: &str) -> bool {
    !expression.is_empty()
        && expression.replace('/', " OR ").split(" AND ").all(|part| {
            part.trim_matches(|c| matches!(c, '(' | ')' | ' '))
                .split(" OR ")
                .any(|choice| PERMISSIVE.contains(&choice.trim_matches(['(', ')', ' '])))
        })
}

#[test]
fn copyleft_is_refused() {
    assert!(is_permissive("MIT OR GPL-3.0"));
    assert!(is_permissive("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!is_permissive("LGPL-2.1"));
    assert!(!is_permissive("MIT AND GPL-3.0"));
    assert!(!is_permissive(""));
}
