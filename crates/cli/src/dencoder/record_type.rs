//! The types of records, by the names that Ceph gives them.

use marcot_format::children::ChildImageSpec;
use marcot_format::group::{
    GroupImageSpec, GroupImageStatus, GroupSnapshot, GroupSpec, ImageSnapshotSpec,
};
use marcot_format::migration::MigrationSpec;
use marcot_format::mirror::{
    MirrorImage, MirrorImageMap, MirrorImageSiteStatus, MirrorImageStatus, MirrorPeer,
};
use marcot_format::parent::{Parent, ParentImageSpec};
use marcot_format::snapshot::{Snapshot, SnapshotInfo, SnapshotNamespace};
use marcot_format::trash::TrashImageSpec;
use marcot_format::wire::Decoder;
use marcot_format::{Decode, DecodeError, Encode};

use super::dump::Dump;
use crate::render::Value;

/// A type of records.
pub(super) struct RecordType {
    pub(super) name: &'static str,
    /// The record that is in these bytes.
    pub(super) read: fn(&[u8], Rest) -> Result<Record, Unreadable>,
}

/// A record that was read.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) shown: Value,
    /// Written anew, as the newest version that Pacific writes.
    pub(super) written: Vec<u8>,
}

/// What to make of bytes behind a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rest {
    #[default]
    Refused,
    LeftAlone,
}

/// Why bytes are not one record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Damaged(#[from] DecodeError),
    #[error("stray data at end of buffer, offset {offset}")]
    Stray { offset: usize },
}

/// Sorted by name.
pub(super) const ALL: &[RecordType] = &[
    RecordType { name: "cls::rbd::ChildImageSpec", read: read::<ChildImageSpec> },
    RecordType { name: "cls::rbd::GroupImageSpec", read: read::<GroupImageSpec> },
    RecordType { name: "cls::rbd::GroupImageStatus", read: read::<GroupImageStatus> },
    RecordType { name: "cls::rbd::GroupSnapshot", read: read::<GroupSnapshot> },
    RecordType { name: "cls::rbd::GroupSpec", read: read::<GroupSpec> },
    RecordType { name: "cls::rbd::ImageSnapshotSpec", read: read::<ImageSnapshotSpec> },
    RecordType { name: "cls::rbd::MigrationSpec", read: read::<MigrationSpec> },
    RecordType { name: "cls::rbd::MirrorImage", read: read::<MirrorImage> },
    RecordType { name: "cls::rbd::MirrorImageMap", read: read::<MirrorImageMap> },
    RecordType { name: "cls::rbd::MirrorImageSiteStatus", read: read::<MirrorImageSiteStatus> },
    RecordType { name: "cls::rbd::MirrorImageStatus", read: read::<MirrorImageStatus> },
    RecordType { name: "cls::rbd::MirrorPeer", read: read::<MirrorPeer> },
    RecordType { name: "cls::rbd::ParentImageSpec", read: read::<ParentImageSpec> },
    RecordType { name: "cls::rbd::SnapshotInfo", read: read::<SnapshotInfo> },
    RecordType { name: "cls::rbd::SnapshotNamespace", read: read::<SnapshotNamespace> },
    RecordType { name: "cls::rbd::TrashImageSpec", read: read::<TrashImageSpec> },
    RecordType { name: "cls_rbd_parent", read: read::<Parent> },
    RecordType { name: "cls_rbd_snap", read: read::<Snapshot> },
];

fn read<T: Decode + Dump + Encode>(bytes: &[u8], rest: Rest) -> Result<Record, Unreadable> {
    let mut input = Decoder::new(T::RECORD, bytes);
    let record = T::decode(&mut input)?;
    if input.is_empty() || rest == Rest::LeftAlone {
        Ok(Record { shown: Value::Object(record.fields()), written: record.to_bytes() })
    } else {
        Err(Unreadable::Stray { offset: bytes.len() - input.remaining() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Format, Style, structured};

    fn shown(name: &str, bytes: &[u8]) -> Result<String, Unreadable> {
        let found = ALL.iter().find(|one| one.name == name).unwrap();
        let style = Style { format: Format::Json, pretty: true };
        (found.read)(bytes, Rest::Refused).map(|record| structured(style, "object", &record.shown))
    }

    /// A published pair: the omap value of a clone, and what Ceph's tool printed for it.
    const PARENT: &[u8] = b"\x02\x02\x2e\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x0d\0\0\0\
        b5f02487a541c\x0a\0\0\0\0\0\0\0\x01\0\0\x40\x06\0\0\0\0";
    const PARENT_SHOWN: &str = r#"{
    "pool_id": 1,
    "pool_namespace": "",
    "image_id": "b5f02487a541c",
    "snap_id": 10,
    "head_overlap": 104857600
}
"#;

    #[test]
    fn a_parent_is_shown_as_ceph_shows_it() {
        assert_eq!(shown("cls_rbd_parent", PARENT).unwrap(), PARENT_SHOWN);
        let mut longer = PARENT.to_vec();
        longer.push(0);
        let stray = Unreadable::Stray { offset: PARENT.len() };
        assert_eq!(shown("cls_rbd_parent", &longer).unwrap_err(), stray);
        for length in 0..PARENT.len() {
            let cut = shown("cls_rbd_parent", &PARENT[..length]);
            assert!(matches!(cut, Err(Unreadable::Damaged(_))), "{length}");
        }
    }

    #[test]
    fn names_are_sorted_and_no_bytes_bring_a_reader_down() {
        assert!(ALL.is_sorted_by(|a, b| a.name < b.name));
        let envelope = |length: u8| [1, 1, length, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        for one in ALL {
            assert!((one.read)(&[], Rest::Refused).is_err(), "{}", one.name);
            for length in 0..20 {
                // Four bytes are a namespace of a kind that nobody knows yet.
                let read = (one.read)(&envelope(length), Rest::Refused);
                assert!(read.is_err() || length >= 4, "{} of {length}", one.name);
            }
        }
    }
}
