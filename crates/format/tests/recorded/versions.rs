//! Bytes of other releases: a newer tail is skipped, a newer compat refused, older versions read.
//! Every record has all of these tests, or stands in a list here that says why not.

use std::collections::BTreeSet;

use marcot_format::record::{self, Record};
use marcot_format::wire::DecodeProblem;

use crate::bytes::{Recorded, hex, records, unhex};

/// Records without an envelope that goes to their end, so that nothing can be appended to them.
const WITHOUT_ENVELOPE: [(&str, &str); 30] = [
    ("u8", "a number"),
    ("i64", "a number"),
    ("u64", "a number"),
    ("String", "counted bytes"),
    ("Utime", "two numbers"),
    ("EntityName", "two numbers"),
    ("EntityAddress", "a marker in front of its envelope"),
    ("EntityInstance", "two parts"),
    ("Features", "a number"),
    ("OpFeatures", "a number"),
    ("Flags", "a number"),
    ("DirectoryState", "a number"),
    ("ProtectionStatus", "a number"),
    ("ChildrenKey", "three parts"),
    ("ChildrenOfSnapshot", "counted strings"),
    ("ChildrenOfSnapshotV2", "counted parts"),
    ("ObjectMap", "a header, states and checksums"),
    ("UncheckedObjectMap", "a header and states"),
    ("GroupImageState", "a number"),
    ("MirrorUuid", "bare text"),
    ("MirrorMode", "a number"),
    ("MirrorImageSiteStatusOnDisk", "two parts"),
    ("ImageStateObject", "two parts"),
    ("JournalTagData", "parts without an envelope"),
    ("JournalEntry", "a preamble and a checksum"),
    ("JournalEvent", "two parts"),
    ("Task", "JSON"),
    ("Schedule", "JSON"),
    ("AsyncRequest", "numbers"),
    ("ImageClient", "numbers"),
];

/// Of one form since they exist.
const PACKED: [&str; 2] = ["Format1Header", "Format1Directory"];

const OLDER: &str = include_str!("older.txt");

/// Whether an envelope goes to the end of the bytes.
fn is_enveloped(bytes: &[u8]) -> bool {
    bytes.len() >= 6
        && bytes[0] >= bytes[1]
        && bytes[1] > 0
        && u32::try_from(bytes.len() - 6).is_ok_and(|length| bytes[2..6] == length.to_le_bytes())
}

fn rewritten(recorded: &Recorded, bytes: &[u8]) -> Result<Vec<u8>, marcot_format::DecodeError> {
    (Record::find(&recorded.name).expect("a name of the table").rewrite)(bytes)
}

#[test]
fn every_record_has_an_envelope_or_stands_in_the_list() {
    let recorded = records();
    for record in record::ALL {
        let mut own = recorded.iter().filter(|one| one.name == record.name).peekable();
        assert!(own.peek().is_some(), "{} has no bytes", record.name);
        let enveloped = own.all(|one| is_enveloped(&one.bytes));
        assert_ne!(enveloped, is_listed(record.name), "{}", record.name);
    }
}

#[test]
fn a_newer_tail_is_skipped() {
    for recorded in enveloped() {
        let mut newer = recorded.bytes.clone();
        newer[0] = 0x7f;
        let length = u32::try_from(newer.len() - 6).unwrap() + 3;
        newer[2..6].copy_from_slice(&length.to_le_bytes());
        newer.extend_from_slice(&[1, 2, 3]);
        let read = rewritten(&recorded, &newer);
        assert_eq!(read.as_ref(), Ok(&recorded.bytes), "{} {}", recorded.place, recorded.name);
    }
}

#[test]
fn a_newer_compat_is_refused() {
    for recorded in enveloped() {
        let mut newer = recorded.bytes.clone();
        newer[..2].copy_from_slice(&[0x7f, 0x7f]);
        let problem = rewritten(&recorded, &newer).unwrap_err().problem;
        assert!(
            matches!(problem, DecodeProblem::TooNew { compat: 0x7f, .. }),
            "{}: {problem}",
            recorded.name
        );
    }
}

/// (name, bytes, the bytes that they are written as today)
fn older() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let lines = OLDER.lines().filter(|line| !line.starts_with('#'));
    let parts = lines.map(|line| line.split(' ').collect::<Vec<_>>());
    parts.map(|parts| (parts[0], unhex(parts[1]), unhex(parts[2]))).collect()
}

#[test]
fn older_versions_are_read() {
    for (name, old, new) in older() {
        let read = (Record::find(name).unwrap().rewrite)(&old).map(|bytes| hex(&bytes));
        assert_eq!(read, Ok(hex(&new)), "{name} of version {}", old[0]);
    }
}

/// Whoever raises the version of a record says here what the one before looked like.
#[test]
fn every_older_version_has_bytes() {
    let older = older();
    let known: BTreeSet<(&str, u8)> = older.iter().map(|(name, old, _)| (*name, old[0])).collect();
    let mut newest: BTreeSet<(String, u8)> = BTreeSet::new();
    newest.extend(enveloped().into_iter().map(|one| (one.name, one.bytes[0])));
    newest.insert(("JournalEvent".to_owned(), 5));
    for (name, newest) in newest {
        for version in 1..newest {
            assert!(known.contains(&(&name[..], version)), "{name} of version {version}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    // Bare text has no end of its own.
    for recorded in records().into_iter().filter(|one| one.name != "MirrorUuid") {
        for length in 0..recorded.bytes.len() {
            let read = rewritten(&recorded, &recorded.bytes[..length]);
            assert!(read.is_err(), "{} {} at {length}", recorded.place, recorded.name);
        }
    }
}

fn enveloped() -> Vec<Recorded> {
    let mut found = records();
    found.retain(|one| !is_listed(&one.name));
    found
}

fn is_listed(name: &str) -> bool {
    WITHOUT_ENVELOPE.iter().any(|(listed, _)| *listed == name) || PACKED.contains(&name)
}
