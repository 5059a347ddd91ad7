//! The conformance suite: what it takes to be an engine of the store contract.
//!
//! Each case is a function over a fresh [`crate::Subject`]. An engine's test file runs them all:
//!
//! ```ignore
//! fn open() -> marcot_testkit::Subject { .. }
//! marcot_testkit::conformance!(crate::open);
//! ```
//!
//! Engines are opened with [`crate::SampleClasses`]; time must pass for them (time-outs of
//! notifications).

pub mod attributes;
pub mod classes;
pub mod cluster;
pub mod compound;
pub mod copyup;
pub mod listing;
pub mod objects;
pub mod ranges;
pub mod rollback;
pub mod snapshots;
pub mod trimming;
pub mod two_pools;
pub mod watches;

/// Every case as a test of its own, on the subject that `$open` yields; `$open` may yield an
/// `Option`, and says itself why there is none.
#[macro_export]
macro_rules! conformance {
    ($open:path) => {
        $crate::conformance_in_namespace! { $open }
        $crate::conformance_of_pools! { $open }
        $crate::conformance_topic! { $open, classes:
            a_reading_method_yields_bytes
            a_methods_errno_fails_the_read
            a_missing_method_is_eopnotsupp
            a_reading_method_cannot_write
            a_writing_method_changes_all_that_an_object_has
            a_failing_method_leaves_nothing
            a_failing_method_undoes_the_steps_before_it
            a_method_sees_the_omap_before_the_operation
            a_method_pages_through_a_large_omap
            a_method_reads_at_a_snapshot
            a_method_knows_its_caller
        }
    };
}

/// The cases that need no more than a namespace of their own, and no classes.
#[macro_export]
macro_rules! conformance_in_namespace {
    ($open:path) => {
        $crate::conformance_topic! { $open, objects:
            a_missing_object_is_enoent_for_every_read
            a_write_creates_the_object_and_its_size
            create_exclusive_refuses_what_exists
            an_append_begins_where_the_object_ends
            assert_exists_guards_a_write
            remove_ends_everything_and_a_new_object_begins_empty
            an_allocation_hint_creates_the_object
            versions_grow_with_every_write
            names_are_checked_at_the_border
            names_may_hold_any_text
            nothing_reaches_beyond_the_largest_object
            namespaces_hold_different_objects_of_one_name
            a_pool_that_is_not_there_is_enoent
            clients_see_each_others_writes
        }
        $crate::conformance_topic! { $open, ranges:
            reads_are_short_at_the_end
            overwriting_changes_only_the_range
            write_full_replaces_longer_and_shorter_data
            writesame_repeats_whole_patterns_only
            zero_makes_a_hole_inside
            zero_to_the_end_cuts
            zero_and_truncate_create_nothing
            empty_ranges_are_refused
            truncate_cuts_and_grows_with_zeros
            sparse_reads_tell_every_nonzero_byte
            stored_ranges_leave_no_byte_out
            compare_passes_on_equal_bytes_and_zeros_beyond_the_end
            a_mismatch_names_the_first_differing_byte
        }
        $crate::conformance_topic! { $open, attributes:
            an_xattr_is_set_read_replaced_and_removed
            removing_an_xattr_asks_for_the_object_not_for_the_attribute
            xattr_names_are_checked
            omap_pairs_are_set_replaced_and_removed
            omap_removal_asks_for_the_object
            omap_keys_and_values_are_bytes
            omap_pages_follow_each_other
            an_omap_list_begins_after_its_key_and_keeps_to_its_prefix
            omap_get_yields_the_keys_that_exist
            an_object_has_data_xattrs_and_omap_apart
            a_list_after_the_prefix_itself_leaves_that_key_out
        }
        $crate::conformance_topic! { $open, compound:
            every_read_step_has_its_result
            the_first_failing_read_step_fails_the_operation
            a_failing_step_undoes_the_steps_before_it
            a_failing_operation_creates_nothing
            comparing_sees_the_bytes_before_the_operation
            existence_is_what_the_steps_before_made_of_it
            steps_take_effect_in_their_order
            unawaited_writes_of_one_object_keep_their_order
            a_submitted_write_completes_without_being_polled
            ordered_writes_are_seen_at_once_and_flush_accepts_them
            many_writers_of_one_object_lose_nothing
        }
        $crate::conformance_topic! { $open, snapshots:
            snapshot_ids_only_grow
            a_snapshot_keeps_what_it_saw
            only_the_first_write_after_a_snapshot_clones
            a_clone_serves_every_snapshot_since_the_write_before
            a_clone_is_named_after_the_seq_of_its_context
            a_snapshot_newer_than_the_last_write_reads_the_head
            an_object_born_after_a_snapshot_is_not_in_it
            an_object_removed_after_a_snapshot_is_still_in_it
            an_object_born_again_remembers_its_snapshots
            every_kind_of_change_clones
            an_operation_without_effect_clones_nothing
            overlaps_shrink_with_every_kind_of_change
            an_old_context_is_no_error_and_clones_nothing
            a_bad_context_is_refused
            list_snaps_of_a_missing_object_is_enoent
            large_objects_share_and_differ
        }
        $crate::conformance_topic! { $open, rollback:
            rollback_restores_data_attributes_and_omap
            rollback_to_what_the_head_still_is_changes_nothing
            rollback_to_before_its_birth_removes_the_object
            rollback_of_a_missing_object_is_no_error
            rollback_brings_a_removed_object_back
            rollback_under_a_newer_snapshot_clones_first
            what_is_written_after_a_rollback_leaves_the_clone_alone
            rollback_stands_alone_in_its_operation
            rollback_does_not_remove_a_watched_object
            rollback_narrows_the_overlap_by_what_it_brings_back
        }
        $crate::conformance_topic! { $open, trimming:
            a_removed_snapshot_is_trimmed_in_the_end
            a_removed_snapshot_never_shows_newer_bytes
            a_clone_stays_for_the_snapshots_that_remain
            dropping_a_clone_narrows_the_overlap_before_it
            a_removed_object_vanishes_with_its_last_clone
            a_context_with_removed_snapshots_makes_no_clone_for_them
            removing_a_snapshot_twice_is_no_error
            snapshots_removed_in_any_order_leave_the_others_right
        }
        $crate::conformance_topic! { $open, watches:
            watching_needs_the_object
            watchers_are_listed_with_client_address_and_handle
            notifying_nobody_yields_nobody
            every_watcher_hears_and_answers_the_notifier_too
            a_silent_watcher_times_out
            a_watcher_that_dropped_its_receiver_is_waited_for
            an_answer_after_the_timeout_is_dropped
            after_unwatch_nothing_is_heard
            unwatch_of_a_strange_handle_is_refused
            a_watch_ends_with_its_object
            a_watch_lives_through_writes
            watches_belong_to_one_object
            one_client_may_watch_twice
        }
        $crate::conformance_topic! { $open, copyup:
            copyup_takes_the_bytes_of_the_snapshot
            copyup_moves_ranges_that_begin_and_end_anywhere
            copyup_of_holes_still_creates_the_object
            copyup_of_full_and_of_nearly_empty_sources
            copyup_of_zeros_is_refused_when_asked
            copyup_does_nothing_to_what_exists
            copyup_from_a_missing_source_is_enoent_and_creates_nothing
            copyup_then_write_is_one_operation
            source_and_copy_change_apart
            copyup_obeys_the_snapshot_context
            copyup_pieces_are_checked
            copies_of_copies_read_the_same
        }
    };
}

/// The cases that need a pool of their own, and change pools, config keys and the blocklist.
#[macro_export]
macro_rules! conformance_of_pools {
    ($open:path) => {
        $crate::conformance_topic! { $open, listing:
            an_empty_pool_lists_nothing
            every_object_is_listed_once_across_pages
            a_namespace_lists_its_own_objects
            an_object_with_clones_only_is_still_listed
            pages_survive_changes_between_them
            listing_a_missing_pool_is_enoent
        }
        $crate::conformance_topic! { $open, cluster:
            pools_are_created_listed_renamed_and_removed
            a_pool_id_is_never_used_again
            pools_have_snapshot_ids_of_their_own
            pool_names_must_not_be_empty
            pools_count_their_objects
            config_keys_are_set_read_listed_and_removed
            the_oldest_client_is_luminous_until_it_is_set
            a_store_has_one_identity
            a_blocklisted_client_can_do_nothing
            a_client_taken_off_the_blocklist_goes_on
        }
        $crate::conformance_topic! { $open, two_pools:
            copyup_across_pools_and_from_the_head
        }
    };
}

/// One topic of [`conformance!`].
#[macro_export]
macro_rules! conformance_topic {
    ($open:path, $topic:ident: $($case:ident)*) => {
        mod $topic {
            $(
                #[test]
                fn $case() {
                    if let Some(subject) = $crate::Offer::subject($open()) {
                        $crate::conformance::$topic::$case(&subject);
                    }
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    /// A case that is in no list would never run.
    #[test]
    fn every_case_is_listed() {
        let list = include_str!("mod.rs");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/conformance");
        let mut cases = 0;
        for entry in std::fs::read_dir(folder).expect("the folder of this file") {
            let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
            for line in text.lines().filter(|line| line.ends_with("(s: &Subject) {")) {
                let Some(rest) = line.strip_prefix("pub fn ") else { continue };
                let name = rest.split('(').next().unwrap_or_default();
                assert!(list.lines().any(|line| line.trim() == name), "{name} is not listed");
                cases += 1;
            }
        }
        assert!(cases > 100, "{cases} cases found");
    }
}
