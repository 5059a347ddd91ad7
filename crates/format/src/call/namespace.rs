//! Calls on `rbd_namespace`.

calls! {
    /// `EEXIST`.
    NamespaceAdd = write "rbd" "namespace_add" { name: String } -> ();
    /// `ENOENT`.
    NamespaceRemove = write "rbd" "namespace_remove" { name: String } -> ();
    /// Names after `after`.
    NamespaceList = read "rbd" "namespace_list" { after: String, max: u64 } -> Vec<String>;
}
