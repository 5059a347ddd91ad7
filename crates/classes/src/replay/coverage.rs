//! Every method was asked something that it does and something that it refuses.

use std::collections::BTreeSet;

use marcot_format::call;

use super::{RECORDINGS, recording};

/// Methods that refuse nothing, and why.
const REFUSES_NOTHING: [(&str, &str); 1] =
    [("copyup", "any bytes are data, and an object that is there is left alone")];

/// Methods in the recordings without a success, and without a refusal.
fn never<'a>(texts: impl IntoIterator<Item = &'a str>) -> (BTreeSet<String>, BTreeSet<String>) {
    let all: BTreeSet<String> =
        call::all().map(|one| format!("{}.{}", one.class, one.method)).collect();
    let (mut silent, mut willing) = (all.clone(), all);
    for recorded in texts.into_iter().flat_map(recording::parse) {
        let name = format!("{}.{}", recorded.class, recorded.method);
        match recorded.outcome {
            Ok(_) => silent.remove(&name),
            Err(_) => willing.remove(&name),
        };
    }
    (silent, willing)
}

/// Fails unless each method that there is has at least one of both.
pub(super) fn check<'a>(texts: impl IntoIterator<Item = &'a str>) {
    let (silent, mut willing) = never(texts);
    for (method, reason) in REFUSES_NOTHING {
        assert!(willing.remove(&format!("rbd.{method}")), "{method} refuses after all: {reason}");
    }
    assert!(silent.is_empty(), "never succeed: {silent:?}");
    assert!(willing.is_empty(), "never refuse: {willing:?}");
}

#[test]
fn every_method_succeeds_and_refuses() {
    check(RECORDINGS.iter().map(|(_, text)| *text));
}

#[test]
fn a_method_without_a_call_is_noticed() {
    let but_locks = RECORDINGS.iter().filter(|(file, _)| *file != "lock.txt");
    let (silent, willing) = never(but_locks.map(|(_, text)| *text));
    assert!(silent.contains("lock.unlock") && willing.contains("lock.unlock"));
}

#[test]
fn every_method_is_implemented() {
    for one in call::all() {
        let kind =
            marcot_store::class::Classes::kind(&crate::Registry::all(), one.class, one.method);
        assert!(kind.is_some(), "{}.{}", one.class, one.method);
    }
}
