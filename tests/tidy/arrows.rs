//! Which crate may know which. ARCHITECTURE.md draws the same picture.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crate → what of the workspace it may use (development dependencies are free).
const ARROWS: &[(&str, &[&str])] = &[
    ("format", &[]),
    ("store", &[]),
    ("classes", &["format", "store"]),
    ("engine-dir", &["store"]),
    ("engine-ceph", &["store"]),
    ("image", &["format", "store"]),
    ("host", &["store"]),
    ("connect", &["store", "classes", "engine-dir", "engine-ceph", "host"]),
    ("serve", &["store", "image"]),
    ("cli", &["format", "store", "image", "host", "connect", "serve", "engine-dir"]),
    ("testkit", &["store"]),
];

/// Outside crates that only some may use: they decide what kind of code a crate can be.
const GUARDED: &[(&str, &[&str])] = &[
    ("tokio", &["host", "serve", "cli"]),
    ("clap", &["cli"]),
    ("libloading", &["engine-ceph"]),
    ("redb", &["engine-dir"]),
];

#[test]
fn crates_know_only_what_lies_below_them() {
    let metadata = MetadataCommand::new()
        .current_dir(super::sources::top())
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata");
    let mut seen = BTreeSet::new();
    for package in &metadata.packages {
        let name = package.name.strip_prefix("marcot-").unwrap_or(&package.name);
        let allowed = ARROWS
            .iter()
            .find(|(from, _)| *from == name)
            .unwrap_or_else(|| panic!("crate {name} has no line in ARROWS: decide its place"))
            .1;
        seen.insert(name.to_owned());
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Development {
                continue;
            }
            if let Some(target) = dependency.name.strip_prefix("marcot-") {
                assert!(allowed.contains(&target), "{name} must not know {target}");
            }
            if let Some((_, users)) =
                GUARDED.iter().find(|(guarded, _)| *guarded == dependency.name)
            {
                assert!(users.contains(&name), "{name} must not use {}", dependency.name);
            }
        }
    }
    assert_eq!(seen.len(), ARROWS.len(), "ARROWS names a crate that is gone");
}
