//! Calls on data objects.

use std::collections::BTreeMap;

use crate::call::{Call, CallKind};
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// Fills an object that does not exist; does nothing to one that does. The argument is the bytes
/// themselves, without a length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copyup {
    pub data: Vec<u8>,
}

impl Encode for Copyup {
    fn encode(&self, out: &mut Encoder) {
        out.raw(&self.data);
    }
}

impl Decode for Copyup {
    const RECORD: &'static str = "arguments of rbd.copyup";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Copyup { data: input.take_rest().to_vec() })
    }
}

impl Call for Copyup {
    const CLASS: &'static str = "rbd";
    const METHOD: &'static str = "copyup";
    const KIND: CallKind = CallKind::Write;
    type Reply = ();
}

calls! {
    /// As [`Copyup`], for some extents of the object. Creates it even when there is none.
    SparseCopyup = write "rbd" "sparse_copyup" {
        /// Offset to length, in bytes.
        extents: BTreeMap<u64, u64>,
        /// The bytes of all extents, one after the other.
        data: Vec<u8>,
    } -> ();

    /// Turns zeros into holes.
    Sparsify = write "rbd" "sparsify" {
        /// In bytes, a power of two.
        sparse_size: u64,
        /// Whether an object of zeros is to go.
        remove_empty: bool,
    } -> ();

    /// `ERANGE` when the comparison with the newest snapshot that the object has seen fails.
    AssertSnapcSeq = write "rbd" "assert_snapc_seq" {
        snap_seq: u64,
        /// 0: `snap_seq` must be newer, 1: it must not.
        state: u8,
    } -> ();
}
