//! Records as JSON: fields, their order and their words as `ceph-dencoder` prints them.

mod group;
mod link;
mod migration;
mod mirror;
mod snapshot;
mod trash;

use std::collections::BTreeMap;

use crate::render::Value;

/// The fields of an object, in order.
pub(super) type Fields = Vec<(&'static str, Value)>;

/// A record that can be shown.
pub(super) trait Dump {
    fn fields(&self) -> Fields;
}

/// `{(3, 4), (5, 6)}`
fn snap_seqs(pairs: &BTreeMap<u64, u64>) -> Value {
    let shown: Vec<String> = pairs.iter().map(|(from, to)| format!("({from}, {to})")).collect();
    Value::Text(format!("{{{}}}", shown.join(", ")))
}
