//! Calls on a header object: the image's consistency group.

use crate::group::GroupSpec;

calls! {
    /// `EEXIST` when the image is in another group.
    ImageGroupAdd = write "rbd" "image_group_add" { group: GroupSpec } -> ();
    /// `EBADF` when the image is in another group.
    ImageGroupRemove = write "rbd" "image_group_remove" { group: GroupSpec } -> ();
    /// [`GroupSpec::none`] when it is in none.
    ImageGroupGet = read "rbd" "image_group_get" {} -> GroupSpec;
}
