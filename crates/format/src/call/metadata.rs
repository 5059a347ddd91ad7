//! Calls for key-value metadata, on a header object or `rbd_info`.

use std::collections::BTreeMap;

calls! {
    /// Pairs after the key `after`.
    MetadataList = read "rbd" "metadata_list" { after: String, max: u64 } -> BTreeMap<String, Vec<u8>>;
    MetadataSet = write "rbd" "metadata_set" { pairs: BTreeMap<String, Vec<u8>> } -> ();
    /// `ENOENT`.
    MetadataGet = read "rbd" "metadata_get" { key: String } -> Vec<u8>;
    /// No error when there is no such key.
    MetadataRemove = write "rbd" "metadata_remove" { key: String } -> ();
}
