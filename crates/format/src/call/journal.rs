//! Calls of the class `journal`, on `journal.<image id>` and the objects of its entries.

use std::collections::BTreeSet;

use crate::journal::{JournalClient, JournalClientState, JournalTag, ObjectSetPosition};

calls! {
    /// Fills a new journal. `EEXIST` when it is one already.
    JournalCreate = write "journal" "create" {
        order: u8,
        splay_width: u8,
        /// -1: beside the journal.
        pool_id: i64,
    } -> ();
    GetOrder = read "journal" "get_order" {} -> u8;
    GetSplayWidth = read "journal" "get_splay_width" {} -> u8;
    GetPoolId = read "journal" "get_pool_id" {} -> i64;
    GetMinimumSet = read "journal" "get_minimum_set" {} -> u64;
    /// Never back, never past the active set.
    SetMinimumSet = write "journal" "set_minimum_set" { object_set: u64 } -> ();
    GetActiveSet = read "journal" "get_active_set" {} -> u64;
    /// Never back.
    SetActiveSet = write "journal" "set_active_set" { object_set: u64 } -> ();

    /// `ENOENT`.
    GetClient = read "journal" "get_client" { id: String } -> JournalClient;
    /// `EEXIST`.
    ClientRegister = write "journal" "client_register" { id: String, data: Vec<u8> } -> ();
    /// `ENOENT`.
    ClientUpdateData = write "journal" "client_update_data" { id: String, data: Vec<u8> } -> ();
    /// `ENOENT`.
    ClientUpdateState = write "journal" "client_update_state" {
        id: String,
        state: JournalClientState,
    } -> ();
    /// Removes tags that nobody needs any more too. `ENOENT`.
    ClientUnregister = write "journal" "client_unregister" { id: String } -> ();
    /// `ENOENT`, and `EINVAL` for more positions than the journal is wide.
    ClientCommit = write "journal" "client_commit" {
        id: String,
        commit_position: ObjectSetPosition,
    } -> ();
    /// Clients after the id `after`.
    ClientList = read "journal" "client_list" { after: String, max: u64 } -> BTreeSet<JournalClient>;

    GetNextTagTid = read "journal" "get_next_tag_tid" {} -> u64;
    /// `ENOENT`.
    GetTag = read "journal" "get_tag" { tid: u64 } -> JournalTag;
    /// `ESTALE` unless `tid` is the next.
    TagCreate = write "journal" "tag_create" {
        tid: u64,
        /// `u64::MAX` for a new one.
        class: u64,
        data: Vec<u8>,
    } -> ();
    /// Tags after `after` that the client still needs.
    TagList = read "journal" "tag_list" {
        after: u64,
        max: u64,
        client_id: String,
        class: Option<u64>,
    } -> BTreeSet<JournalTag>;

    /// On an object of entries: `EOVERFLOW` when it is full.
    GuardAppend = write "journal" "guard_append" {
        /// In bytes.
        soft_max_size: u64,
    } -> ();
}
