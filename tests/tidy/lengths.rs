//! Lengths by ratchet: nothing new may be over the limit, and what is may only shrink.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::sources::{Source, tracked};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 60;

/// What was over the limit when the rule met it: `path` or `path::function`, and its lines.
const RATCHET: &str = include_str!("ratchet.txt");

#[test]
fn files_and_functions_stay_short() {
    let mut allowed: BTreeMap<&str, usize> = RATCHET
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let (name, lines) = line.rsplit_once(' ').expect("NAME LINES");
            (name, lines.parse().expect("a number of lines"))
        })
        .collect();
    let mut problems = Vec::new();
    for (name, lines) in over_limit(&tracked(".rs")) {
        match allowed.remove(name.as_str()) {
            Some(limit) if lines > limit => {
                problems.push(format!("{name}: {lines} lines, was {limit}: split it"));
            }
            Some(limit) if lines < limit => {
                problems.push(format!("{name}: only {lines} now: put that into ratchet.txt"));
            }
            Some(_) => {}
            None => problems.push(format!("{name}: {lines} lines: which two things live in it?")),
        }
    }
    for name in allowed.keys() {
        problems.push(format!("{name}: short enough now: take it out of ratchet.txt"));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn over_limit(sources: &[Source]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > FILE_LINES {
            found.push((source.path.clone(), lines));
        }
        let file = syn::parse_file(&source.text)
            .unwrap_or_else(|error| panic!("{} does not parse: {error}", source.path));
        let mut functions = Functions { path: &source.path, found: &mut found };
        functions.visit_file(&file);
    }
    found
}

struct Functions<'a> {
    path: &'a str,
    found: &'a mut Vec<(String, usize)>,
}

impl Functions<'_> {
    fn measure(&mut self, name: &syn::Ident, block: &syn::Block) {
        let span = block.span();
        let lines = span.end().line - span.start().line + 1;
        if lines > FUNCTION_LINES {
            self.found.push((format!("{}::{name}", self.path), lines));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig.ident, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig.ident, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }
}

#[test]
fn a_long_function_is_found() {
    let body = "let _ = 1;\n".repeat(FUNCTION_LINES + 1);
    let source = Source { path: "x.rs".to_owned(), text: format!("fn f() {{\n{body}}}\n") };
    assert_eq!(over_limit(&[source]), [("x.rs::f".to_owned(), FUNCTION_LINES + 3)]);
}
