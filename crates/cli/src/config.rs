//! RBD's options as text, turned into what the image layer reads.

use marcot_format::features::Features;
use marcot_image::Config;
use marcot_image::config::CloneFormat;

use crate::args::size;
use crate::args::usage::UsageError;

/// The options that Ceph 16.2 knows. Those that say how librbd caches, schedules or mirrors are
/// accepted and change nothing here.
pub(crate) const RBD_OPTIONS: [&str; 96] = [
    "rbd_default_pool",
    "rbd_default_data_pool",
    "rbd_default_features",
    "rbd_op_threads",
    "rbd_op_thread_timeout",
    "rbd_disable_zero_copy_writes",
    "rbd_non_blocking_aio",
    "rbd_cache",
    "rbd_cache_policy",
    "rbd_cache_writethrough_until_flush",
    "rbd_cache_size",
    "rbd_cache_max_dirty",
    "rbd_cache_target_dirty",
    "rbd_cache_max_dirty_age",
    "rbd_cache_max_dirty_object",
    "rbd_cache_block_writes_upfront",
    "rbd_parent_cache_enabled",
    "rbd_concurrent_management_ops",
    "rbd_balance_snap_reads",
    "rbd_localize_snap_reads",
    "rbd_balance_parent_reads",
    "rbd_localize_parent_reads",
    "rbd_sparse_read_threshold_bytes",
    "rbd_readahead_trigger_requests",
    "rbd_readahead_max_bytes",
    "rbd_readahead_disable_after_bytes",
    "rbd_clone_copy_on_read",
    "rbd_blocklist_on_break_lock",
    "rbd_blocklist_expire_seconds",
    "rbd_request_timed_out_seconds",
    "rbd_skip_partial_discard",
    "rbd_discard_granularity_bytes",
    "rbd_enable_alloc_hint",
    "rbd_compression_hint",
    "rbd_read_from_replica_policy",
    "rbd_tracing",
    "rbd_blkin_trace_all",
    "rbd_validate_pool",
    "rbd_validate_names",
    "rbd_invalidate_object_map_on_timeout",
    "rbd_auto_exclusive_lock_until_manual_request",
    "rbd_move_to_trash_on_remove",
    "rbd_move_to_trash_on_remove_expire_seconds",
    "rbd_move_parent_to_trash_on_remove",
    "rbd_mirroring_resync_after_disconnect",
    "rbd_mirroring_delete_delay",
    "rbd_mirroring_replay_delay",
    "rbd_mirroring_max_mirroring_snapshots",
    "rbd_default_format",
    "rbd_default_order",
    "rbd_default_stripe_count",
    "rbd_default_stripe_unit",
    "rbd_default_map_options",
    "rbd_default_clone_format",
    "rbd_journal_order",
    "rbd_journal_splay_width",
    "rbd_journal_commit_age",
    "rbd_journal_object_writethrough_until_flush",
    "rbd_journal_object_flush_interval",
    "rbd_journal_object_flush_bytes",
    "rbd_journal_object_flush_age",
    "rbd_journal_object_max_in_flight_appends",
    "rbd_journal_pool",
    "rbd_journal_max_payload_bytes",
    "rbd_journal_max_concurrent_object_sets",
    "rbd_qos_iops_limit",
    "rbd_qos_bps_limit",
    "rbd_qos_read_iops_limit",
    "rbd_qos_write_iops_limit",
    "rbd_qos_read_bps_limit",
    "rbd_qos_write_bps_limit",
    "rbd_qos_iops_burst",
    "rbd_qos_bps_burst",
    "rbd_qos_read_iops_burst",
    "rbd_qos_write_iops_burst",
    "rbd_qos_read_bps_burst",
    "rbd_qos_write_bps_burst",
    "rbd_qos_iops_burst_seconds",
    "rbd_qos_bps_burst_seconds",
    "rbd_qos_read_iops_burst_seconds",
    "rbd_qos_write_iops_burst_seconds",
    "rbd_qos_read_bps_burst_seconds",
    "rbd_qos_write_bps_burst_seconds",
    "rbd_qos_schedule_tick_min",
    "rbd_discard_on_zeroed_write_same",
    "rbd_mtime_update_interval",
    "rbd_atime_update_interval",
    "rbd_io_scheduler",
    "rbd_io_scheduler_simple_max_delay",
    "rbd_persistent_cache_mode",
    "rbd_persistent_cache_size",
    "rbd_persistent_cache_path",
    "rbd_quiesce_notification_attempts",
    "rbd_default_snapshot_quiesce_mode",
    "rbd_plugins",
    "rbd_config_pool_override_update_timestamp",
];

/// The typed options, from pairs of name and text in the order given.
pub(crate) fn from_options(options: &[(String, String)]) -> Result<Config, UsageError> {
    let mut config = Config::default();
    for (name, value) in options {
        apply(&mut config, name, value)
            .ok_or_else(|| UsageError::ValueInvalid(format!("--{}", name.replace('_', "-"))))?;
    }
    Ok(config)
}

/// The pool when none is named (`rbd_default_pool`).
pub(crate) fn default_pool(options: &[(String, String)]) -> Option<&str> {
    let named = options.iter().rev().find(|(name, _)| name == "rbd_default_pool");
    named.map(|(_, pool)| pool.as_str())
}

fn apply(config: &mut Config, name: &str, value: &str) -> Option<()> {
    match name {
        "rbd_default_order" => config.default_order = value.parse().ok()?,
        "rbd_default_features" => config.default_features = features(value)?,
        "rbd_default_stripe_unit" => config.default_stripe_unit = size::bytes(value).ok()?,
        "rbd_default_stripe_count" => config.default_stripe_count = value.parse().ok()?,
        "rbd_default_data_pool" => config.default_data_pool = value.to_owned(),
        "rbd_atime_update_interval" => config.atime_update_interval = value.parse().ok()?,
        "rbd_mtime_update_interval" => config.mtime_update_interval = value.parse().ok()?,
        "rbd_default_clone_format" => config.default_clone_format = clone_format(value)?,
        "rbd_clone_copy_on_read" => config.clone_copy_on_read = truth(value)?,
        "rbd_concurrent_management_ops" => {
            config.concurrent_management_ops = value.parse().ok().filter(|count| *count > 0)?;
        }
        "rbd_discard_granularity_bytes" => {
            config.discard_granularity_bytes = Some(size::bytes(value).ok()?);
        }
        "rbd_skip_partial_discard" => config.skip_partial_discard = truth(value)?,
        _ => {}
    }
    Some(())
}

fn truth(value: &str) -> Option<bool> {
    match value {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn clone_format(value: &str) -> Option<CloneFormat> {
    match value {
        "auto" => Some(CloneFormat::Auto),
        "1" => Some(CloneFormat::V1),
        "2" => Some(CloneFormat::V2),
        _ => None,
    }
}

/// A number, or names with commas between.
fn features(value: &str) -> Option<u64> {
    if let Ok(bits) = value.parse() {
        return Some(bits);
    }
    let mut named = value.split(',').map(|name| Features::by_name(name.trim()));
    named.try_fold(0, |bits, feature| feature.map(|feature| bits | feature.bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Config, UsageError> {
        from_options(&[(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn options_become_values() {
        assert_eq!(read("rbd_default_order", "23").unwrap().default_order, 23);
        assert_eq!(
            read("rbd_default_features", "layering,object-map").unwrap().default_features,
            9
        );
        assert_eq!(read("rbd_default_features", "61").unwrap().default_features, 61);
        assert!(read("rbd_cache", "false").is_ok());
        let error = read("rbd_default_order", "x").unwrap_err();
        assert_eq!(error.to_string(), "the argument for option '--rbd-default-order' is invalid");
    }
}
