//! What Ceph wrote is read, and written again byte for byte.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use marcot_format::record::{self, Record};

use crate::bytes::{hex, records};

/// Records that no command leaves by themselves, and what covers them.
const WITHIN_OTHERS: [(&str, &str); 26] = [
    ("EntityName", "LockInfo"),
    ("EntityAddress", "LockInfo"),
    ("EntityInstance", "MirrorImageSiteStatusOnDisk"),
    ("Flags", "Snapshot"),
    ("ParentImageSpec", "a call's"),
    ("ProtectionStatus", "Snapshot"),
    ("SnapshotNamespace", "Snapshot"),
    ("SnapshotInfo", "a call's"),
    ("ChildrenKey", "a call's"),
    ("ChildImageSpec", "ChildrenOfSnapshotV2"),
    ("UncheckedObjectMap", "a call's"),
    ("LockerId", "LockInfo"),
    ("LockerInfo", "LockInfo"),
    ("LockNames", "a call's"),
    ("GroupImageSpec", "a call's"),
    ("GroupImageStatus", "a call's"),
    ("ImageSnapshotSpec", "GroupSnapshot"),
    ("MirrorImageSiteStatus", "MirrorImageSiteStatusOnDisk"),
    ("PolicyData", "no mirroring daemon of 16.2 writes anything else than its one policy"),
    ("ImageState", "ImageStateObject"),
    ("SnapState", "ImageStateObject"),
    ("ObjectSetPosition", "JournalClient"),
    ("ObjectPosition", "JournalClient"),
    ("NotifyResponse", "the acknowledgement is not heard by others; src/notify/tests.rs has one"),
    ("AsyncRequest", "NotifyMessage"),
    ("ImageClient", "NotifyMessage"),
];

#[test]
fn recorded_bytes_come_back_as_they_are() {
    let mut wrong = String::new();
    for recorded in records() {
        let record = Record::find(&recorded.name).expect("a name of the table");
        let difference = match (record.rewrite)(&recorded.bytes) {
            Ok(again) if again == recorded.bytes => continue,
            Ok(again) => format!("written {}", hex(&again)),
            Err(error) => error.to_string(),
        };
        let (place, name, bytes) = (&recorded.place, &recorded.name, hex(&recorded.bytes));
        writeln!(wrong, "{place} {name}\n  stored  {bytes}\n  {difference}").unwrap();
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Their bytes are laid out by hand, in `parts.txt`.
#[test]
fn every_record_was_recorded() {
    let by_hand = |one: &crate::bytes::Recorded| one.place.starts_with("parts.txt:");
    let (parts, recorded): (Vec<_>, Vec<_>) = records().into_iter().partition(by_hand);
    let names = |some: Vec<crate::bytes::Recorded>| -> BTreeSet<String> {
        some.into_iter().map(|one| one.name).collect()
    };
    let (parts, recorded) = (names(parts), names(recorded));
    for record in record::ALL {
        let within = WITHIN_OTHERS.iter().any(|(name, _)| *name == record.name);
        assert_ne!(recorded.contains(record.name), within, "{}", record.name);
        assert_eq!(parts.contains(record.name), within, "{}", record.name);
    }
}
