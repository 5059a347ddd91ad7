//! Calls on object maps.

use crate::object_map::{ObjectMap, ObjectState, UncheckedObjectMap};

calls! {
    ObjectMapLoad = read "rbd" "object_map_load" {} -> UncheckedObjectMap;
    ObjectMapSave = write "rbd" "object_map_save" { map: ObjectMap } -> ();
    /// Creates the map if need be. `ESTALE` when it would cut objects in another state.
    ObjectMapResize = write "rbd" "object_map_resize" {
        object_count: u64,
        state: ObjectState,
    } -> ();
    /// Changes objects from `start` up to `end`; only those that match `current`, if given.
    ObjectMapUpdate = write "rbd" "object_map_update" {
        start: u64,
        end: u64,
        new: ObjectState,
        current: Option<ObjectState>,
    } -> ();
    /// After a snapshot: what exists is clean.
    ObjectMapSnapAdd = write "rbd" "object_map_snap_add" {} -> ();
    /// Takes over what the removed snapshot's map calls changed.
    ObjectMapSnapRemove = write "rbd" "object_map_snap_remove" { snapshot: ObjectMap } -> ();
}
