//! Calls on a header object: size, features, flags, times.

use crate::Utime;
use crate::features::{Features, Flags, OpFeatures};
use crate::wire::Trailing;

calls! {
    /// Fills a new header. `EEXIST` when it is one already.
    Create = write "rbd" "create" {
        /// In bytes.
        size: u64,
        order: u8,
        features: Features,
        object_prefix: String,
        /// With [`Features::DATA_POOL`].
        data_pool: Trailing<i64>,
    } -> ();

    /// The image's, or a snapshot's, (order, size in bytes).
    GetSize = read "rbd" "get_size" { snap_id: u64 } -> (u8, u64);
    /// Clips the parent overlap too.
    SetSize = write "rbd" "set_size" { size: u64 } -> ();

    /// (features, those that a client must know to open the image that way).
    GetFeatures = read "rbd" "get_features" {
        /// Ignored.
        snap_id: u64,
        read_only: bool,
    } -> (Features, Features);
    /// Takes the bits of `mask` from `features`. `EINVAL` for bits that cannot change.
    SetFeatures = write "rbd" "set_features" { features: Features, mask: Features } -> ();
    /// What the store's classes know.
    GetAllFeatures = read "rbd" "get_all_features" {} -> Features;

    GetObjectPrefix = read "rbd" "get_object_prefix" {} -> String;
    /// -1 when data lives beside the header.
    GetDataPool = read "rbd" "get_data_pool" {} -> i64;

    /// (newest id ever, live snapshots, newest first).
    GetSnapcontext = read "rbd" "get_snapcontext" {} -> (u64, Vec<u64>);

    /// (stripe unit in bytes, stripe count). `ENOEXEC` without [`Features::STRIPING`].
    GetStripeUnitCount = read "rbd" "get_stripe_unit_count" {} -> (u64, u64);
    SetStripeUnitCount = write "rbd" "set_stripe_unit_count" { stripe_unit: u64, stripe_count: u64 } -> ();

    /// Of the image, or of a snapshot's object map.
    GetFlags = read "rbd" "get_flags" { snap_id: u64 } -> Flags;
    /// Takes the bits of `mask` from `flags`; for the head unless a snapshot is given.
    SetFlags = write "rbd" "set_flags" { flags: Flags, mask: Flags, snap_id: Trailing<u64> } -> ();

    OpFeaturesGet = read "rbd" "op_features_get" {} -> OpFeatures;
    /// Takes the bits of `mask` from `op_features`; sets or clears [`Features::OPERATIONS`].
    OpFeaturesSet = write "rbd" "op_features_set" { op_features: OpFeatures, mask: OpFeatures } -> ();

    GetCreateTimestamp = read "rbd" "get_create_timestamp" {} -> Utime;
    GetAccessTimestamp = read "rbd" "get_access_timestamp" {} -> Utime;
    GetModifyTimestamp = read "rbd" "get_modify_timestamp" {} -> Utime;
    /// To the store's clock.
    SetAccessTimestamp = write "rbd" "set_access_timestamp" {} -> ();
    /// To the store's clock.
    SetModifyTimestamp = write "rbd" "set_modify_timestamp" {} -> ();
}
