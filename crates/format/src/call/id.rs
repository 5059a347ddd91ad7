//! Calls on `rbd_id.<name>`.

calls! {
    GetId = read "rbd" "get_id" {} -> String;
    /// The object must be there and empty (`ENOENT`, `EEXIST`).
    SetId = write "rbd" "set_id" { image_id: String } -> ();
}
