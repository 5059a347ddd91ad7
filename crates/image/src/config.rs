//! RBD's options as typed values, with the defaults of Ceph 16.2.
//!
//! Front ends fill them from `--rbd-…` arguments and configuration; verbs only read them.

/// Which clone format a new clone gets (`rbd_default_clone_format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloneFormat {
    /// v2 when `require-min-compat-client` is at least mimic, else v1.
    #[default]
    Auto,
    V1,
    V2,
}

/// Options that change what RBD does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `rbd_default_order`: object size of new images is two to the power of this.
    pub default_order: u8,
    /// `rbd_default_features` as bits.
    pub default_features: u64,
    /// `rbd_default_stripe_unit` in bytes, `rbd_default_stripe_count`: 0 for the plain layout.
    pub default_stripe_unit: u64,
    pub default_stripe_count: u64,
    /// `rbd_default_data_pool`: where the data of new images goes; empty for beside the header.
    pub default_data_pool: String,
    /// `rbd_default_clone_format`.
    pub default_clone_format: CloneFormat,
    /// `rbd_clone_copy_on_read`: reads of a clone copy the parent's object up.
    pub clone_copy_on_read: bool,
    /// `rbd_concurrent_management_ops`: objects that a verb works on at once.
    pub concurrent_management_ops: usize,
    /// `rbd_discard_granularity_bytes`: smaller discards are skipped; `None` asks the engine.
    pub discard_granularity_bytes: Option<u64>,
    /// `rbd_skip_partial_discard`.
    pub skip_partial_discard: bool,
    /// `rbd_atime_update_interval`: seconds between two records of the time of access; 0: never.
    pub atime_update_interval: u64,
    /// `rbd_mtime_update_interval`, likewise for changes.
    pub mtime_update_interval: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            default_order: 22,
            default_features: 0x3d,
            default_stripe_unit: 0,
            default_stripe_count: 0,
            default_data_pool: String::new(),
            default_clone_format: CloneFormat::Auto,
            clone_copy_on_read: false,
            concurrent_management_ops: 10,
            discard_granularity_bytes: None,
            skip_partial_discard: true,
            atime_update_interval: 60,
            mtime_update_interval: 60,
        }
    }
}
