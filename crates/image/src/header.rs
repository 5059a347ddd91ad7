//! What an image is at one moment: everything its header object says, loaded whole.
//!
//! A [`Header`] never changes; a refresh makes a new one and the image swaps it whole. Everything
//! that depends on a snapshot (size, overlap, flags) is asked through [`Header::view`], so that
//! nobody mixes the head's numbers with a snapshot's.

mod change;
mod format;
mod load;
mod unwritable;

use std::sync::Arc;

use marcot_format::Utime;
use marcot_format::features::{Features, Flags, OpFeatures};
use marcot_format::lock::LockInfo;
use marcot_format::object_name;
use marcot_format::parent::ParentImageSpec;
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_store::{Errno, ObjectId, PoolId, SnapContext, SnapId};

use crate::class_call::CallError;
use crate::client::Location;
use crate::striping::{Striping, StripingError};

pub(crate) use format::Identity;
pub use format::ImageFormat;
pub(crate) use load::{StoredLayout, load, whole_format_1};
pub use unwritable::UnwritableError;

/// An image's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub format: ImageFormat,
    /// Empty in format 1.
    pub id: Arc<str>,
    /// As it was when the image was opened.
    pub name: Arc<str>,
    /// Where the header and the object maps live.
    pub location: Location,
    /// The pool of the data objects; the header's own unless there is a data pool.
    pub data_pool: PoolId,
    /// What the names of data objects begin with.
    pub object_prefix: Arc<str>,
    pub striping: Striping,
    /// Of the head, in bytes.
    pub size: u64,
    pub features: Features,
    pub op_features: OpFeatures,
    /// Of the head's object map.
    pub flags: Flags,
    pub created: Utime,
    pub accessed: Utime,
    pub modified: Utime,
    pub snap_context: SnapContext,
    /// Newest first, as in the snapshot context.
    pub snapshots: Vec<Snapshot>,
    pub parent: Option<Parent>,
    /// Who holds the exclusive lock or `rbd lock add`'s.
    pub lock: LockInfo,
}

/// A snapshot of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub id: SnapId,
    pub name: String,
    pub namespace: SnapshotNamespace,
    /// The image's size at the time, in bytes.
    pub size: u64,
    pub timestamp: Utime,
    /// Clones of format 2.
    pub child_count: u32,
    pub protection: ProtectionStatus,
    /// Of the snapshot's object map.
    pub flags: Flags,
    /// How much of the parent shows through; none without a parent.
    pub parent_overlap: Option<u64>,
}

/// A clone's link to the snapshot that it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    pub spec: ParentImageSpec,
    /// How much of it shows through the head; none when only snapshots still need the link.
    pub overlap: Option<u64>,
}

/// The head or a snapshot of an image, as one reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapView {
    pub snap: SnapId,
    /// In bytes.
    pub size: u64,
    pub flags: Flags,
    /// How many bytes, from the start, show the parent where the image has no object. 0 without
    /// a parent.
    pub parent_overlap: u64,
}

/// Why a header could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("image {image}: {source}")]
    Layout { image: Arc<str>, source: StripingError },
    /// Features that this release does not know.
    #[error("image {image} uses unsupported features: {bits:#x}")]
    UnknownFeatures { image: Arc<str>, bits: u64 },
    /// The header changed under the reader again and again.
    #[error("image {image}: snapshots change faster than they can be read; try again")]
    Unsteady { image: Arc<str> },
}

impl HeaderError {
    pub fn errno(&self) -> Errno {
        match self {
            HeaderError::Call(error) => error.errno(),
            HeaderError::Layout { .. } => Errno::INVAL,
            HeaderError::UnknownFeatures { .. } => Errno::NOSYS,
            HeaderError::Unsteady { .. } => Errno::AGAIN,
        }
    }
}

impl Header {
    /// The header object itself.
    pub fn object(&self) -> ObjectId {
        self.format.header_object(&self.location, &self.id, &self.name)
    }

    /// The object map of the head or of a snapshot.
    pub fn object_map_object(&self, snap: SnapId) -> ObjectId {
        self.location.object(if snap == SnapId::HEAD {
            object_name::object_map(&self.id)
        } else {
            object_name::snapshot_object_map(&self.id, snap.0)
        })
    }

    /// The data object with that number.
    pub fn data_object(&self, number: u64) -> ObjectId {
        ObjectId {
            pool: self.data_pool,
            namespace: Arc::clone(&self.location.namespace),
            name: data_object_name(&self.object_prefix, self.format.digits(), number),
        }
    }

    /// The snapshot with that id.
    pub fn snapshot(&self, id: SnapId) -> Option<&Snapshot> {
        self.snapshots.iter().find(|snapshot| snapshot.id == id)
    }

    /// The user's snapshot with that name.
    pub fn snapshot_by_name(&self, name: &str) -> Option<&Snapshot> {
        self.snapshot_named(name, &SnapshotNamespace::User)
    }

    /// The snapshot with that name in that namespace.
    pub fn snapshot_named(&self, name: &str, namespace: &SnapshotNamespace) -> Option<&Snapshot> {
        let mut snapshots = self.snapshots.iter();
        snapshots.find(|snapshot| snapshot.name == name && snapshot.namespace == *namespace)
    }

    /// The head ([`SnapId::HEAD`]) or a snapshot; `None` when there is no such snapshot.
    pub fn view(&self, snap: SnapId) -> Option<SnapView> {
        let linked = |overlap: Option<u64>| match &self.parent {
            Some(_) => overlap.unwrap_or(0),
            None => 0,
        };
        if snap == SnapId::HEAD {
            let overlap = self.parent.as_ref().and_then(|parent| parent.overlap);
            return Some(SnapView {
                snap,
                size: self.size,
                flags: self.flags,
                parent_overlap: linked(overlap).min(self.size),
            });
        }
        self.snapshot(snap).map(|snapshot| SnapView {
            snap,
            size: snapshot.size,
            flags: snapshot.flags,
            parent_overlap: linked(snapshot.parent_overlap).min(snapshot.size),
        })
    }

    /// How many data objects an image of this layout and `size` bytes may have.
    pub fn object_count(&self, size: u64) -> u64 {
        self.striping.object_count(size)
    }
}

/// `<prefix>.<number in hex>`, with one allocation: this is on the path of every I/O.
fn data_object_name(prefix: &str, digits: usize, number: u64) -> Arc<str> {
    const LONGEST: usize = object_name::MAX_DATA_PREFIX_LENGTH + 17;
    let mut buffer = [0u8; LONGEST];
    let length = prefix.len() + 1 + digits;
    let Some(name) = buffer.get_mut(..length) else {
        return format!("{prefix}.{number:0digits$x}").into();
    };
    let (head, tail) = name.split_at_mut(prefix.len());
    head.copy_from_slice(prefix.as_bytes());
    tail[0] = b'.';
    for (index, digit) in tail[1..].iter_mut().rev().enumerate() {
        let nibble = (number >> (4 * index)) & 0xf;
        *digit = b"0123456789abcdef"[nibble as usize];
    }
    std::str::from_utf8(name).expect("a string, a dot and hex digits").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use marcot_format::format_1;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_of_data_objects_are_ceph_s(prefix in "\\PC{0,60}", number: u64, old in 0..1u64 << 48) {
            prop_assert_eq!(
                &*data_object_name(&prefix, ImageFormat::V2.digits(), number),
                object_name::data(&prefix, number)
            );
            prop_assert_eq!(
                &*data_object_name(&prefix, ImageFormat::V1.digits(), old),
                format_1::data_object(&prefix, old)
            );
        }
    }
}
