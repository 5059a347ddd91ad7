//! Captured calls, and the properties of all argument types at once.

use proptest::prelude::*;

use super::*;
use crate::NO_SNAP;
use crate::entity::EntityName;
use crate::features::Features;
use crate::hostile::{hex, unhex};
use crate::lock::LockKind;
use crate::wire::Trailing;

#[test]
fn trailing_arguments_may_be_left_out() {
    let mut create = header::Create {
        size: 1 << 30,
        order: 22,
        features: Features::DEFAULT,
        object_prefix: "rbd_data.10ab".to_owned(),
        data_pool: Trailing(None),
    };
    let short = create.to_bytes();
    assert_eq!(header::Create::from_bytes(&short).unwrap(), create);
    create.data_pool = Trailing(Some(7));
    assert_eq!(hex(&create.to_bytes()), hex(&short) + "0700000000000000");
    assert_eq!(header::Create::from_bytes(&create.to_bytes()).unwrap(), create);
}

#[test]
fn results_are_those_of_an_osd() {
    type Size = <header::GetSize as Call>::Reply;
    let size: Size = Size::from_bytes(&unhex("16 0000400600000000")).unwrap();
    assert_eq!(size, (22, 0x640_0000));
    type Context = <header::GetSnapcontext as Call>::Reply;
    let bytes = "0b00000000000000 03000000 0a00000000000000 0500000000000000 0400000000000000";
    assert_eq!(Context::from_bytes(&unhex(bytes)).unwrap(), (11, vec![10, 5, 4]));
    assert_eq!(hex(&header::GetSize { snap_id: NO_SNAP }.to_bytes()), "feffffffffffffff");
}

#[test]
fn lock_arguments_are_versioned() {
    let call = lock::BreakLock {
        name: "rbd_lock".to_owned(),
        locker: EntityName::client(4123),
        cookie: "auto 1".to_owned(),
    };
    let bytes = "0101 1f000000 08000000 7262645f6c6f636b 08 1b10000000000000 06000000 6175746f2031";
    assert_eq!(call.to_bytes(), unhex(bytes));
    assert_eq!(lock::BreakLock::from_bytes(&unhex(bytes)).unwrap(), call);
    let kind = lock::AssertLocked {
        name: String::new(),
        kind: LockKind::Exclusive,
        cookie: String::new(),
        tag: String::new(),
    };
    assert_eq!(kind.to_bytes(), unhex("0101 0d000000 00000000 01 00000000 00000000"));
}

/// Whatever can be decoded encodes to something that decodes to the same.
fn survives<T: Call + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(call) = T::from_bytes(bytes) {
        assert_eq!(T::from_bytes(&call.to_bytes()).unwrap(), call);
    }
    let _ = T::Reply::from_bytes(bytes);
}

macro_rules! all_survive {
    ($bytes:expr, $($call:ty),* $(,)?) => { $(survives::<$call>($bytes);)* };
}

proptest! {
    #[test]
    fn hostile_arguments_do_not_panic(bytes: Vec<u8>) {
        all_survive!(
            &bytes,
            header::Create, header::GetSize, header::GetFeatures, header::SetFeatures,
            header::GetSnapcontext, header::SetFlags, header::OpFeaturesSet,
            header::GetObjectPrefix, header::GetCreateTimestamp,
            snapshot::SnapshotAdd, snapshot::SnapshotRename, snapshot::SnapshotGet,
            snapshot::SetProtectionStatus,
            parent::ParentGet, parent::ParentAttach, parent::ParentOverlapGet, parent::GetParent,
            parent::SetParent,
            children::AddChild, children::GetChildren, children::ChildAttach,
            children::ChildrenList,
            directory::DirAddImage, directory::DirRenameImage, directory::DirList,
            directory::DirStateSet,
            id::GetId, id::SetId,
            object_map::ObjectMapLoad, object_map::ObjectMapSave, object_map::ObjectMapResize,
            object_map::ObjectMapUpdate,
            metadata::MetadataList, metadata::MetadataSet, metadata::MetadataGet,
            namespace::NamespaceAdd, namespace::NamespaceList,
            trash::TrashAdd, trash::TrashList, trash::TrashStateSet,
            group::ImageGroupAdd, group::ImageGroupGet, group::GroupDirRename,
            group::GroupImageSet, group::GroupImageList, group::GroupSnapSet,
            group::GroupSnapList, migration::MigrationSet, migration::MigrationSetState,
            migration::MigrationGet,
            data_object::Copyup, data_object::SparseCopyup, data_object::Sparsify,
            data_object::AssertSnapcSeq,
            lock::Lock, lock::Unlock, lock::BreakLock, lock::GetInfo, lock::ListLocks,
            lock::AssertLocked, lock::SetCookie,
        );
    }
}
