//! The Rust files of the workspace, as git knows them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One source file: its path from the top of the repository, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether it is a test, and so may unwrap.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.starts_with("crates/testkit/")
            || self.path.contains("/benches/")
    }

    /// The text before the unit tests at the end of the file.
    pub(crate) fn product_text(&self) -> &str {
        let begins = ["mod tests {", "pub(crate) mod tests {"]
            .iter()
            .find_map(|module| self.text.find(&format!("\n#[cfg(test)]\n{module}")));
        begins.map_or(&self.text, |at| &self.text[..at])
    }
}

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("repository top")
}

/// Every file that git tracks and whose name ends in `suffix`.
pub(crate) fn tracked(suffix: &str) -> Vec<Source> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(top())
        .output()
        .expect("git ls-files");
    let names = String::from_utf8(output.stdout).expect("names in UTF-8");
    let sources: Vec<Source> = names
        .lines()
        .filter(|name| name.ends_with(suffix))
        .filter_map(|name| {
            let text = std::fs::read_to_string(top().join(name)).ok()?;
            Some(Source { path: name.to_owned(), text })
        })
        .collect();
    assert!(!sources.is_empty(), "no *{suffix} files found: is this a git checkout?");
    sources
}
