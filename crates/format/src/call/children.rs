//! Calls that record clones: on `rbd_children` (format 1) and on the parent's header (format 2).

use std::collections::BTreeSet;

use crate::children::{ChildImageSpec, ChildrenKey};

calls! {
    /// `EEXIST`.
    AddChild = write "rbd" "add_child" { parent: ChildrenKey, child_id: String } -> ();
    /// `ENOENT`.
    RemoveChild = write "rbd" "remove_child" { parent: ChildrenKey, child_id: String } -> ();
    /// `ENOENT` when there is none.
    GetChildren = read "rbd" "get_children" { parent: ChildrenKey } -> BTreeSet<String>;

    /// `EEXIST`.
    ChildAttach = write "rbd" "child_attach" { snap_id: u64, child: ChildImageSpec } -> ();
    /// `ENOENT`.
    ChildDetach = write "rbd" "child_detach" { snap_id: u64, child: ChildImageSpec } -> ();
    /// `ENOENT` when there never was one.
    ChildrenList = read "rbd" "children_list" { snap_id: u64 } -> BTreeSet<ChildImageSpec>;
}
