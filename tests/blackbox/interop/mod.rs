//! Our commands and Ceph's own on one cluster, taking turns at the same images.
//!
//! `steps` is what is done, to images of every feature set of `table`: each line by one side, the
//! next by the other, and then all of it with the sides changed. After every line both sides are
//! asked what they see, through their libraries: every byte (`contents`) and all about every image
//! (`shapes`), which is what `info`, `snap ls`, `children` and `status` show; and the other side's
//! command checks the object map. The commands' texts are compared as well (`looks`): those four
//! after each line for images with the default features, for others one after the other.
//!
//! | lines | default, striping, data pools, namespace; layering only | journaling | format 1 |
//! |---|---|---|---|
//! | create, write, discard, resize, cp, rename | both | Ceph, we refuse | both |
//! | rm | both | we | both |
//! | snap create, rm, rename, rollback, purge, limit | both | Ceph, we refuse | both |
//! | image-meta set, remove | both | Ceph, we refuse | both |
//! | snap protect, clone (both kinds), flatten, snap unprotect | both | Ceph, we refuse | both refuse |
//! | trash mv, restore, rm | both | we | both refuse mv |
//! | group create, rename, rm; image add, rm; snap rename | both | we | both refuse image add |
//! | group snap create, rollback, rm | both | Ceph, we refuse | no member, no snapshot |
//! | feature, object-map rebuild | both, but layering only | Ceph, we refuse | both refuse |
//! | what neither does (a name that is taken, a snapshot with clones, …) | both refuse alike | - | both refuse alike |
//!
//! A journal with entries that are not in the image: `journaling`. Both at once: `together`,
//! `bench`, `silent`. A cluster in trouble: `faults`, `full`; a server that stood still: `unwatched`.
//! A machine on the image: `guest`.
//!
//! Needs a cluster: `scripts/test` starts one and names it in `MARCOT_TEST_CEPH_CONF`.

mod bench;
mod contents;
mod faults;
mod flattening;
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
mod starter;
mod steps;
mod table;
mod together;
mod turns;
mod unwatched;

use std::thread;

use crate::differential::cluster;
use party::Party;
use table::{Changes, FeatureSet};
use turns::Turns;

/// In both directions, side by side: what a row does to a cluster on loopback is mostly waiting.
fn take_turns(set: &FeatureSet) {
    let Some(conf) = cluster() else { return };
    let firsts = match set.changes {
        Changes::ByBoth => &[Party::Marcot, Party::Ceph][..],
        // Where Ceph alone makes changes there are no two directions.
        Changes::ByCeph => &[Party::Ceph],
    };
    let row = |first: Party| {
        let taken = Turns::new(&conf, set, first).take_all();
        taken.err().map(|problem| format!("{}, {first} first: {problem}", set.name))
    };
    let problems: Vec<String> = thread::scope(|scope| {
        let rows: Vec<_> = firsts.iter().map(|first| scope.spawn(|| row(*first))).collect();
        rows.into_iter().filter_map(|row| row.join().expect("no panic")).collect()
    });
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn both_take_turns_at_images_with_layering_only() {
    take_turns(&table::LAYERING_ONLY);
}

#[test]
fn both_take_turns_at_images_with_default_features() {
    take_turns(&table::DEFAULT);
}

#[test]
fn both_take_turns_at_images_with_journaling() {
    take_turns(&table::JOURNALING);
}

#[test]
fn both_take_turns_at_striped_images() {
    take_turns(&table::STRIPING);
}

#[test]
fn both_take_turns_at_images_with_a_data_pool() {
    take_turns(&table::REPLICATED_DATA_POOL);
}

#[test]
fn both_take_turns_at_images_with_an_erasure_coded_data_pool() {
    take_turns(&table::ERASURE_CODED_DATA_POOL);
}

#[test]
fn both_take_turns_at_images_in_a_namespace() {
    take_turns(&table::NAMESPACE);
}

#[test]
fn both_take_turns_at_images_of_format_1() {
    take_turns(&table::FORMAT_1);
}
