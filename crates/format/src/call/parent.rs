//! Calls on a clone's header object: the link to its parent.

use crate::parent::ParentImageSpec;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder, Trailing};

calls! {
    /// [`ParentImageSpec::none`] when it is no clone.
    ParentGet = read "rbd" "parent_get" {} -> ParentImageSpec;
    /// None once the head, or that snapshot, needs nothing of the parent.
    ParentOverlapGet = read "rbd" "parent_overlap_get" { snap_id: u64 } -> Option<u64>;
    /// Stores the smaller of overlap and size. `EEXIST` when there is a parent.
    ParentAttach = write "rbd" "parent_attach" {
        parent: ParentImageSpec,
        /// In bytes.
        overlap: u64,
        /// Whether a link to the same image may be replaced.
        reattach: Trailing<bool>,
    } -> ();
    /// With deep-flatten the snapshots let go too, otherwise the link stays for them.
    ParentDetach = write "rbd" "parent_detach" {} -> ();

    /// As releases before 14 ask, for parents outside of namespaces (`EXDEV`).
    GetParent = read "rbd" "get_parent" { snap_id: u64 } -> LegacyParent;
    SetParent = write "rbd" "set_parent" {
        pool_id: i64,
        image_id: String,
        snap_id: u64,
        /// In bytes.
        overlap: u64,
    } -> ();
    RemoveParent = write "rbd" "remove_parent" {} -> ();
}

/// What [`GetParent`] returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyParent {
    /// -1 for none.
    pub pool_id: i64,
    pub image_id: String,
    pub snap_id: u64,
    /// In bytes.
    pub overlap: u64,
}

impl Encode for LegacyParent {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.pool_id).put(&self.image_id).put(&self.snap_id).put(&self.overlap);
    }
}

impl Decode for LegacyParent {
    const RECORD: &'static str = "result of rbd.get_parent";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(LegacyParent {
            pool_id: input.field("pool_id")?,
            image_id: input.field("image_id")?,
            snap_id: input.field("snap_id")?,
            overlap: input.field("overlap")?,
        })
    }
}
