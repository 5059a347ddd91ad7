//! Names of the objects that make up images and pools' RBD state.
//!
//! All but data objects live in the image's metadata pool and namespace.

/// Image names and ids of a namespace.
pub const DIRECTORY: &str = "rbd_directory";
/// Clone v1 links from parent snapshots to children, in the children's pool.
pub const CHILDREN: &str = "rbd_children";
/// Images in the trash of a namespace.
pub const TRASH: &str = "rbd_trash";
/// Pool validation and pool-wide configuration.
pub const INFO: &str = "rbd_info";
/// The RBD namespaces of a pool, in its default namespace.
pub const NAMESPACE: &str = "rbd_namespace";
/// Consistency groups of a namespace.
pub const GROUP_DIRECTORY: &str = "rbd_group_directory";
/// Mirroring state of a namespace.
pub const MIRRORING: &str = "rbd_mirroring";
/// Long-running tasks that a Ceph manager works off.
pub const TASK: &str = "rbd_task";

/// The longest image id.
pub const MAX_IMAGE_ID_LENGTH: usize = 14;
/// The longest prefix of data objects.
pub const MAX_DATA_PREFIX_LENGTH: usize = 43;

const ID_PREFIX: &str = "rbd_id.";
const HEADER_PREFIX: &str = "rbd_header.";
const DATA_PREFIX: &str = "rbd_data.";

/// The object that holds the id of the image `name`.
pub fn id(name: &str) -> String {
    format!("{ID_PREFIX}{name}")
}

/// The image name in the name of an id object.
pub fn image_name_of_id(object: &str) -> Option<&str> {
    object.strip_prefix(ID_PREFIX)
}

/// The header object of an image.
pub fn header(image_id: &str) -> String {
    format!("{HEADER_PREFIX}{image_id}")
}

/// The image id in the name of a header object.
pub fn image_id_of_header(object: &str) -> Option<&str> {
    object.strip_prefix(HEADER_PREFIX)
}

/// The prefix of data objects, as the header stores it, when data lives beside the header.
pub fn data_prefix(image_id: &str) -> String {
    format!("{DATA_PREFIX}{image_id}")
}

/// The prefix of data objects in a separate data pool: names the metadata pool.
pub fn data_prefix_in_data_pool(metadata_pool: i64, image_id: &str) -> String {
    format!("{DATA_PREFIX}{metadata_pool}.{image_id}")
}

/// A data object: the header's prefix and the object's number.
pub fn data(prefix: &str, object_number: u64) -> String {
    format!("{prefix}.{object_number:016x}")
}

/// The object number in the name of a data object with that prefix.
pub fn object_number_of_data(prefix: &str, object: &str) -> Option<u64> {
    let digits = object.strip_prefix(prefix)?.strip_prefix('.')?;
    let valid = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if valid { u64::from_str_radix(digits, 16).ok() } else { None }
}

/// The object map of the image as it is now.
pub fn object_map(image_id: &str) -> String {
    format!("rbd_object_map.{image_id}")
}

/// The object map of a snapshot.
pub fn snapshot_object_map(image_id: &str, snap_id: u64) -> String {
    format!("rbd_object_map.{image_id}.{snap_id:016x}")
}

/// The header of a consistency group.
pub fn group_header(group_id: &str) -> String {
    format!("rbd_group_header.{group_id}")
}

/// The journal of an image with the journaling feature.
pub fn journal(image_id: &str) -> String {
    format!("journal.{image_id}")
}

/// The header of an image of format 1.
pub fn format_1_header(name: &str) -> String {
    format!("{name}.rbd")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_ceph_s() {
        assert_eq!(id("disk"), "rbd_id.disk");
        assert_eq!(header("1063603f2765"), "rbd_header.1063603f2765");
        assert_eq!(data(&data_prefix("10ab"), 0x1f), "rbd_data.10ab.000000000000001f");
        assert_eq!(data_prefix_in_data_pool(2, "10ab"), "rbd_data.2.10ab");
        assert_eq!(snapshot_object_map("10ab", 4), "rbd_object_map.10ab.0000000000000004");
    }

    proptest! {
        #[test]
        fn object_numbers_come_back(number: u64) {
            let prefix = data_prefix("10ab");
            prop_assert_eq!(object_number_of_data(&prefix, &data(&prefix, number)), Some(number));
        }

        #[test]
        fn foreign_names_have_no_number(name: String) {
            prop_assert_eq!(object_number_of_data("rbd_data.10ab", &name), None);
        }
    }
}
