//! Our commands and Ceph's own on one cluster, taking turns at the same images.
//!
//! `table` is what is done, to images of every feature set: each line by one side, the next by the
//! other, and then all of it with the sides changed. After every line both sides are asked what
//! they see, through their libraries: every byte (`contents`) and all about every image (`shapes`);
//! and the other side checks the object map. The text of the commands is compared as well, of some
//! at each line (`looks`).
//!
//! Needs a cluster: `scripts/test` starts one and names it in `MARCOT_TEST_CEPH_CONF`. Set
//! `MARCOT_INTEROP` to a part of a feature set's name to run only some.

mod bench;
mod contents;
mod faults;
mod full;
mod guest;
mod holder;
mod journaling;
mod load;
mod looks;
mod own_cluster;
mod party;
mod shapes;
mod silent;
mod stage;
mod table;
mod together;
mod turns;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::differential::cluster;
use party::Party;
use table::Changes;
use turns::Turns;

/// What a row does to a cluster on loopback is mostly waiting.
const WORKERS: usize = 4;

#[test]
fn both_take_turns_at_images_of_every_feature_set() {
    let Some(conf) = cluster() else { return };
    let only = std::env::var("MARCOT_INTEROP").unwrap_or_default();
    let rows: Vec<_> = table::FEATURE_SETS
        .iter()
        .filter(|set| set.name.contains(&only))
        .flat_map(|set| [Party::Marcot, Party::Ceph].map(|first| (set, first)))
        // Where Ceph alone makes changes there are no two directions.
        .filter(|(set, first)| set.changes == Changes::ByBoth || *first == Party::Ceph)
        .collect();
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS.min(rows.len()) {
            scope.spawn(|| {
                while let Some((set, first)) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(problem) = Turns::new(&conf, set, *first).take_all() {
                        let told = format!("{}, {first} first: {problem}", set.name);
                        problems.lock().expect("no panic").push(told);
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().expect("no panic");
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
