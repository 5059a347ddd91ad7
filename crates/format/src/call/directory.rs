//! Calls on `rbd_directory`.

use std::collections::BTreeMap;

use crate::directory::DirectoryState;

calls! {
    /// `EEXIST` for a taken name, `EBADF` for a taken id. Does not look at the state: assert it in
    /// the same operation.
    DirAddImage = write "rbd" "dir_add_image" { name: String, image_id: String } -> ();
    /// `ESTALE` when the pair is not what is stored.
    DirRemoveImage = write "rbd" "dir_remove_image" { name: String, image_id: String } -> ();
    /// `ESTALE` when source and id do not belong together, `EEXIST` for a taken target.
    DirRenameImage = write "rbd" "dir_rename_image" {
        source: String,
        target: String,
        image_id: String,
    } -> ();
    DirGetId = read "rbd" "dir_get_id" { name: String } -> String;
    DirGetName = read "rbd" "dir_get_name" { image_id: String } -> String;
    /// Name to id, of names after `after`.
    DirList = read "rbd" "dir_list" { after: String, max: u64 } -> BTreeMap<String, String>;
    /// `ENOENT` when the state is another, or none was ever set.
    DirStateAssert = read "rbd" "dir_state_assert" { state: DirectoryState } -> ();
    DirStateSet = write "rbd" "dir_state_set" { state: DirectoryState } -> ();
}
