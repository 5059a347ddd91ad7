//! The conformance suite on a live cluster: what an engine must do, as OSDs and monitors do it.
//!
//! Three times: as anybody, with pools of its own; with cephx and no more rights than a host of
//! virtual machines needs; and, for what such pools can hold, on an erasure-coded pool.

mod open {
    pub(crate) fn open() -> Option<marcot_testkit::Subject> {
        let conf = crate::configuration(crate::CONF)?;
        Some(marcot_testkit::Subject::new(move || crate::connect(&conf, None)).judged_by_ceph())
    }

    marcot_testkit::conformance_in_namespace!(crate::conformance::open::open);
    marcot_testkit::conformance_of_pools!(crate::conformance::open::open);
}

mod least_privilege {
    pub(crate) fn open() -> Option<marcot_testkit::Subject> {
        let conf = crate::configuration(crate::CEPHX_CONF)?;
        let open = move || crate::connect(&conf, Some("vms"));
        Some(marcot_testkit::Subject::in_namespace(open, "vms").judged_by_ceph())
    }

    marcot_testkit::conformance_in_namespace!(crate::conformance::least_privilege::open);
}

mod erasure_coded {
    pub(crate) fn open() -> Option<marcot_testkit::Subject> {
        let conf = crate::configuration(crate::CONF)?;
        let open = move || crate::connect(&conf, None);
        Some(marcot_testkit::Subject::in_namespace(open, "ec").judged_by_ceph())
    }

    marcot_testkit::conformance_topic! { crate::conformance::erasure_coded::open, ranges:
        reads_are_short_at_the_end
        overwriting_changes_only_the_range
        write_full_replaces_longer_and_shorter_data
        writesame_repeats_whole_patterns_only
        zero_makes_a_hole_inside
        zero_to_the_end_cuts
        zero_and_truncate_create_nothing
        truncate_cuts_and_grows_with_zeros
        compare_passes_on_equal_bytes_and_zeros_beyond_the_end
        a_mismatch_names_the_first_differing_byte
    }
    marcot_testkit::conformance_topic! { crate::conformance::erasure_coded::open, objects:
        a_write_creates_the_object_and_its_size
        create_exclusive_refuses_what_exists
        assert_exists_guards_a_write
        versions_grow_with_every_write
    }
    marcot_testkit::conformance_topic! { crate::conformance::erasure_coded::open, attributes:
        an_xattr_is_set_read_replaced_and_removed
    }
    marcot_testkit::conformance_topic! { crate::conformance::erasure_coded::open, snapshots:
        only_the_first_write_after_a_snapshot_clones
        a_clone_serves_every_snapshot_since_the_write_before
        an_object_removed_after_a_snapshot_is_still_in_it
        overlaps_shrink_with_every_kind_of_change
        large_objects_share_and_differ
    }
    marcot_testkit::conformance_topic! { crate::conformance::erasure_coded::open, copyup:
        copyup_takes_the_bytes_of_the_snapshot
        copyup_of_full_and_of_nearly_empty_sources
        copyup_moves_ranges_that_begin_and_end_anywhere
        copyup_of_zeros_is_refused_when_asked
        copyup_does_nothing_to_what_exists
        copyup_obeys_the_snapshot_context
        copies_of_copies_read_the_same
    }
    marcot_testkit::conformance_topic! { crate::conformance::erasure_coded::open, rollback:
        rollback_brings_a_removed_object_back
        rollback_under_a_newer_snapshot_clones_first
        what_is_written_after_a_rollback_leaves_the_clone_alone
    }
    marcot_testkit::conformance_topic! { crate::conformance::erasure_coded::open, trimming:
        a_clone_stays_for_the_snapshots_that_remain
        a_removed_object_vanishes_with_its_last_clone
    }
}
