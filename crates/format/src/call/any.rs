//! Calls without their types, for tests and fuzzers.

use super::{Call, CallKind};
use crate::wire::{Decode, DecodeError, Encode};

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct AnyCall {
    pub class: &'static str,
    pub method: &'static str,
    pub kind: CallKind,
    /// Reads the arguments and writes them again.
    pub rewrite_arguments: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
    /// Reads the result and writes it again.
    pub rewrite_reply: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

impl AnyCall {
    pub(super) const fn of<C: Call>() -> AnyCall {
        AnyCall {
            class: C::CLASS,
            method: C::METHOD,
            kind: C::KIND,
            rewrite_arguments: |bytes| C::from_bytes(bytes).map(|call| call.to_bytes()),
            rewrite_reply: |bytes| C::Reply::from_bytes(bytes).map(|reply| reply.to_bytes()),
        }
    }
}

/// Every call there is.
pub fn all() -> impl Iterator<Item = AnyCall> {
    let files = [
        super::children::CALLS,
        super::data_object::CALLS,
        super::directory::CALLS,
        super::format_1::CALLS,
        super::group::CALLS,
        super::header::CALLS,
        super::id::CALLS,
        super::journal::CALLS,
        super::lock::CALLS,
        super::metadata::CALLS,
        super::migration::CALLS,
        super::mirror::CALLS,
        super::namespace::CALLS,
        super::object_map::CALLS,
        super::parent::CALLS,
        super::snapshot::CALLS,
        super::trash::CALLS,
    ];
    files.into_iter().flatten().copied().chain([AnyCall::of::<super::data_object::Copyup>()])
}
