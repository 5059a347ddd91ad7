//! Plays recorded calls against the methods: `recorded/*.txt` is what a live OSD of Ceph 16.2
//! answered and stored (`scripts/record-class-answers` describes the lines).
//!
//! Times and the random names of trashed snapshots may differ; so may [`DELIBERATE`] differences.

mod coverage;
mod live;
mod recording;
mod sameness;

use std::fmt::Write as _;

use bytes::Bytes;
use marcot_store::Errno;
use marcot_store::class::{Classes, MethodKind};

use crate::object::call_watched;
use recording::RecordedCall;
use sameness::{same_content, same_result};

/// Scenario, method (or one call of it, as recorded) and reason where an OSD's answer is not worth having.
const DELIBERATE: [(&str, &str, &str); 25] = [
    ("size and features", "get_features", "no client leaves out the second argument"),
    ("sparsify in odd steps", "sparsify", "a granularity of zero means nothing"),
    ("directory", "dir_state_assert", "a state that does not exist is a wrong argument"),
    ("object map", "object_map_update", "states that do not exist are wrong arguments"),
    ("object map", "object_map_resize", "states that do not exist are wrong arguments"),
    ("object map: no checksums", "object_map_snap_add", "a map is written with its checksums"),
    ("object map: no checksums", "object_map_resize", "a map is written with its checksums"),
    ("a damaged header", "parent_get", "damaged features are an error, not \"no parent\""),
    ("a damaged header", "parent_overlap_get", "as above"),
    ("a damaged header", "parent_detach", "as above"),
    ("a damaged header", "get_parent", "as above"),
    ("a damaged header", "remove_parent", "as above"),
    ("another text than that of format 1", "snap_list", "what is no header has no snapshots"),
    (
        "clients of a journal",
        "client_update_state 0000000009",
        "states that do not exist are wrong arguments",
    ),
    ("clients of a journal", "client_update_state 060000006e6f626f647909", "as above"),
    (
        "clients of a journal",
        "client_commit 0000000001012200000001000000010118000000010000000000000000000000000000000200000000000000",
        "a client in such a state is damaged",
    ),
    ("clients of a journal", "client_update_state 0000000000", "as above"),
    (
        "mode of mirroring, stored strangely",
        "mirror_mode_get",
        "a mode that does not exist is damage",
    ),
    ("peers", "mirror_peer_set_direction 02000000703709", "no such direction is a wrong argument"),
    (
        "peers",
        "mirror_peer_set_direction 02000000703701",
        "a peer with no such direction is damaged",
    ),
    (
        "mirrored images",
        "mirror_image_set 0200000034640201080000000200000067350909",
        "no such state is a wrong argument",
    ),
    (
        "mirrored images",
        "mirror_image_list 000000000a00000000000000",
        "an image with no such state is damaged",
    ),
    ("mirrored images", "mirror_image_list 0200000031610a00000000000000", "as above"),
    (
        "a status that does not exist",
        "mirror_image_status_set",
        "no such state is a wrong argument",
    ),
    ("a header from a newer release", "snapshot_trash_add", "what cannot be read is not replaced"),
];

/// A call as the recording has it.
fn line(recorded: &RecordedCall) -> String {
    let mut line = format!("{} ", recorded.method);
    for byte in recorded.arguments.iter() {
        write!(line, "{byte:02x}").expect("a string takes all");
    }
    line
}

/// Runs all calls of a recording; returns what differs, in words.
fn differences(recording: &str) -> String {
    let mut differences = String::new();
    for recorded in recording::parse(recording) {
        let recorded_line = line(&recorded);
        let deliberate = DELIBERATE.iter().any(|(scenario, method, _)| {
            *scenario == recorded.scenario
                && (*method == recorded.method || *method == recorded_line)
        });
        if let (Some(difference), false) = (difference(&recorded), deliberate) {
            writeln!(differences, "{}: {difference}", recorded.scenario)
                .expect("a string takes all");
        }
    }
    differences
}

/// Runs one call; says what differs.
fn difference(recorded: &RecordedCall) -> Option<String> {
    let mut content = recorded.before.clone();
    let method = (recorded.class.as_str(), recorded.method.as_str());
    let who = (recorded.caller.clone(), &recorded.watchers[..]);
    let outcome = call_watched(&mut content, who, method, &recorded.arguments);
    let outcome = match crate::Registry::all().kind(method.0, method.1) {
        Some(MethodKind::Write) => outcome.map(|_| Bytes::new()),
        _ => outcome,
    };
    let what = format!("{}.{} {:02x?}", method.0, method.1, recorded.arguments);
    let words = |outcome: &Result<Bytes, Errno>| match outcome {
        Ok(result) => format!("{:02x?}", &result[..]),
        Err(errno) => errno.to_string(),
    };
    if !same_result(&recorded.method, &outcome, &recorded.outcome) {
        let (ours, theirs) = (words(&outcome), words(&recorded.outcome));
        Some(format!("{what}\n  ours   {ours}\n  theirs {theirs}"))
    } else if !same_content(content.as_ref(), recorded.after.as_ref()) {
        Some(format!("{what}\n  ours   {content:?}\n  theirs {:?}", recorded.after))
    } else {
        None
    }
}

macro_rules! recordings {
    ($($topic:ident = $file:literal;)*) => {
        /// Every recording by the name of its file.
        const RECORDINGS: &[(&str, &str)] =
            &[$(($file, include_str!(concat!("../recorded/", $file)))),*];

        $(#[test]
        fn $topic() {
            let differences = differences(include_str!(concat!("../recorded/", $file)));
            assert!(differences.is_empty(), "\n{differences}");
        })*
    };
}

recordings! {
    children = "children.txt";
    data_object = "data-object.txt";
    directory = "directory.txt";
    format_1 = "format-1.txt";
    group = "group.txt";
    header = "header.txt";
    journal = "journal.txt";
    lock = "lock.txt";
    metadata = "metadata.txt";
    migration = "migration.txt";
    mirror = "mirror.txt";
    object_map = "object-map.txt";
    parent = "parent.txt";
    refusals = "refusals.txt";
    snapshot = "snapshot.txt";
    trash = "trash.txt";
}
