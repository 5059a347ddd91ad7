//! Bytes of other releases: a newer tail is skipped, a newer compat refused.

use marcot_format::record::Record;
use marcot_format::wire::DecodeProblem;

use crate::bytes::records;

/// Records that begin with an envelope, which goes to their end. Event, status and image state
/// have a second part behind it.
const IN_AN_ENVELOPE: [&str; 16] = [
    "GroupSnapshot",
    "GroupSpec",
    "JournalClient",
    "JournalClientData",
    "JournalTag",
    "LockInfo",
    "MigrationSpec",
    "MirrorImage",
    "MirrorImageMap",
    "MirrorImageStatus",
    "MirrorNotification",
    "MirrorPeer",
    "Parent",
    "Snapshot",
    "TrashImageSpec",
    "TrashNotification",
];

#[test]
fn a_newer_tail_is_skipped() {
    for recorded in enveloped() {
        let mut newer = recorded.bytes.clone();
        newer[0] = 0x7f;
        let length = u32::try_from(newer.len() - 6).unwrap() + 3;
        newer[2..6].copy_from_slice(&length.to_le_bytes());
        newer.extend_from_slice(&[1, 2, 3]);
        let record = Record::find(&recorded.name).unwrap();
        let read = (record.rewrite)(&newer);
        assert_eq!(read.as_ref(), Ok(&recorded.bytes), "{} {}", recorded.place, recorded.name);
    }
}

#[test]
fn a_newer_compat_is_refused() {
    for recorded in enveloped() {
        let mut newer = recorded.bytes.clone();
        newer[..2].copy_from_slice(&[0x7f, 0x7f]);
        let record = Record::find(&recorded.name).unwrap();
        let problem = (record.rewrite)(&newer).unwrap_err().problem;
        assert!(
            matches!(problem, DecodeProblem::TooNew { compat: 0x7f, .. }),
            "{}: {problem}",
            recorded.name
        );
    }
}

#[test]
fn every_cut_is_noticed() {
    // Bare text has no end of its own.
    for recorded in records().into_iter().filter(|one| one.name != "MirrorUuid") {
        let record = Record::find(&recorded.name).unwrap();
        for length in 0..recorded.bytes.len() {
            let read = (record.rewrite)(&recorded.bytes[..length]);
            assert!(read.is_err(), "{} {} at {length}", recorded.place, recorded.name);
        }
    }
}

fn enveloped() -> Vec<crate::bytes::Recorded> {
    let mut found = records();
    found.retain(|one| IN_AN_ENVELOPE.contains(&one.name.as_str()));
    for name in IN_AN_ENVELOPE {
        assert!(found.iter().any(|one| one.name == name), "{name}");
    }
    found
}
