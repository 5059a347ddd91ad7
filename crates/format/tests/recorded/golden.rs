//! What Ceph wrote is read, and written again byte for byte.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use marcot_format::record::{self, Record};

use crate::bytes::{hex, records};

/// Records that no command leaves by themselves, and what covers them.
const WITHIN_OTHERS: [(&str, &str); 24] = [
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

#[test]
fn every_record_was_recorded() {
    let recorded: BTreeSet<String> = records().into_iter().map(|one| one.name).collect();
    let mut within: BTreeSet<&str> = WITHIN_OTHERS.iter().map(|(name, _)| *name).collect();
    within.extend(["AsyncRequest", "ImageClient"]);
    for record in record::ALL {
        let alone = recorded.contains(record.name);
        assert_ne!(alone, within.contains(record.name), "{}", record.name);
    }
}
