//! The omap of `rbd_header.<id>`: its keys. docs/formats/header.md has the values.

pub const SIZE: &str = "size";
pub const ORDER: &str = "order";
pub const FEATURES: &str = "features";
pub const OBJECT_PREFIX: &str = "object_prefix";
pub const SNAP_SEQ: &str = "snap_seq";
pub const CREATE_TIMESTAMP: &str = "create_timestamp";
pub const ACCESS_TIMESTAMP: &str = "access_timestamp";
pub const MODIFY_TIMESTAMP: &str = "modify_timestamp";
pub const DATA_POOL_ID: &str = "data_pool_id";
pub const STRIPE_UNIT: &str = "stripe_unit";
pub const STRIPE_COUNT: &str = "stripe_count";
pub const PARENT: &str = "parent";
pub const OP_FEATURES: &str = "op_features";
pub const FLAGS: &str = "flags";
pub const SNAP_LIMIT: &str = "snap_limit";
pub const GROUP_REF: &str = "rbd_group_ref";
pub const MIGRATION: &str = "migration";

/// In front of a snapshot's id.
pub const SNAPSHOT_PREFIX: &str = "snapshot_";
/// In front of a snapshot's id, for its clones of format 2.
pub const SNAP_CHILDREN_PREFIX: &str = "snap_children_";
/// In front of a key of image metadata.
pub const METADATA_PREFIX: &str = "metadata_";
/// In front of an option's name, within image or pool metadata.
pub const METADATA_CONFIG_PREFIX: &str = "conf_";

/// The smallest order that an image may have: objects of 4 KiB.
pub const MIN_ORDER: u8 = 12;
/// The greatest: objects of 32 MiB.
pub const MAX_ORDER: u8 = 25;

/// Where a snapshot is kept.
pub fn snapshot_key(snap_id: u64) -> String {
    format!("{SNAPSHOT_PREFIX}{snap_id:016x}")
}

/// Where the clones of format 2 of a snapshot are kept.
pub fn snap_children_key(snap_id: u64) -> String {
    format!("{SNAP_CHILDREN_PREFIX}{snap_id:016x}")
}

/// Where a piece of image metadata is kept.
pub fn metadata_key(key: &str) -> String {
    format!("{METADATA_PREFIX}{key}")
}

/// The snapshot id in a snapshot's key.
pub fn snap_id_of_key(key: &str) -> Option<u64> {
    let digits = key.strip_prefix(SNAPSHOT_PREFIX)?;
    let valid = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if valid { u64::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn snapshot_keys_sort_as_their_ids(a: u64, b: u64) {
            prop_assert_eq!(snapshot_key(a).cmp(&snapshot_key(b)), a.cmp(&b));
            prop_assert_eq!(snap_id_of_key(&snapshot_key(a)), Some(a));
        }
    }

    #[test]
    fn keys_are_ceph_s() {
        assert_eq!(snapshot_key(4), "snapshot_0000000000000004");
        assert_eq!(snap_children_key(0x1f), "snap_children_000000000000001f");
        assert_eq!(snap_id_of_key("snapshot_+000000000000004"), None);
    }
}
