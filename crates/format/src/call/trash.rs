//! Calls on `rbd_trash`.

use std::collections::BTreeMap;

use crate::trash::{TrashImageSpec, TrashState};

calls! {
    /// `EEXIST`.
    TrashAdd = write "rbd" "trash_add" { image_id: String, spec: TrashImageSpec } -> ();
    /// `ENOENT`.
    TrashRemove = write "rbd" "trash_remove" { image_id: String } -> ();
    /// By id, after the id `after`.
    TrashList = read "rbd" "trash_list" { after: String, max: u64 } -> BTreeMap<String, TrashImageSpec>;
    /// `ENOENT`.
    TrashGet = read "rbd" "trash_get" { image_id: String } -> TrashImageSpec;
    /// `ESTALE` when the state is neither of both.
    TrashStateSet = write "rbd" "trash_state_set" {
        image_id: String,
        new: TrashState,
        expected: TrashState,
    } -> ();
}
