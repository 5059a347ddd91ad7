//! Every Rust file is part of a crate: one that no `mod` line names is dead, and misleads.

use std::collections::BTreeSet;
use std::path::Path;

use super::sources::{top, tracked};

#[test]
fn every_file_is_reached() {
    let mut reached = BTreeSet::new();
    let mut queue: Vec<String> =
        tracked(".rs").into_iter().map(|source| source.path).filter(|path| is_root(path)).collect();
    while let Some(path) = queue.pop() {
        if !reached.insert(path.clone()) {
            continue;
        }
        let text = std::fs::read_to_string(top().join(&path)).expect("a tracked file");
        let file = syn::parse_file(&text).expect("Rust");
        for item in &file.items {
            if let syn::Item::Mod(module) = item
                && module.content.is_none()
            {
                let named = named_path(module).map(|named| beside(&path, &named));
                queue.push(named.unwrap_or_else(|| file_of(&path, &module.ident.to_string())));
            }
        }
    }
    for source in tracked(".rs") {
        assert!(reached.contains(&source.path), "{} is in no crate", source.path);
    }
}

fn is_root(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_src = path.rsplit('/').nth(1) == Some("src");
    (in_src && (name == "lib.rs" || name == "main.rs"))
        || (path.starts_with("tests/") && name == "main.rs")
        || name == "build.rs"
        || path.split('/').nth_back(1).is_some_and(|d| matches!(d, "bin" | "examples" | "benches"))
        || (path.starts_with("crates/")
            && path.split('/').nth(2) == Some("tests")
            && (path.split('/').count() == 4 || name == "main.rs"))
}

/// The value of `#[path = "…"]`.
fn named_path(module: &syn::ItemMod) -> Option<String> {
    module.attrs.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// `named` as seen from the folder of `path`, with its `..` resolved.
fn beside(path: &str, named: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in named.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Where `mod name;` of `path` lives.
fn file_of(path: &str, name: &str) -> String {
    let (folder, file) = path.rsplit_once('/').expect("a folder");
    let stem = file.trim_end_matches(".rs");
    let base = match stem {
        "lib" | "main" | "mod" => folder.to_owned(),
        _ if is_root(path) => folder.to_owned(),
        _ => format!("{folder}/{stem}"),
    };
    let flat = format!("{base}/{name}.rs");
    if Path::new(&top().join(&flat)).exists() { flat } else { format!("{base}/{name}/mod.rs") }
}
