//! Calls of class methods: name, arguments and result of each, in one place for those who call
//! and those who answer. docs/formats/README.md lists the methods by object.

#[macro_use]
mod define;

mod any;
pub mod children;
pub mod data_object;
pub mod directory;
pub mod format_1;
pub mod group;
pub mod header;
pub mod id;
pub mod journal;
pub mod lock;
pub mod metadata;
pub mod migration;
pub mod mirror;
pub mod namespace;
pub mod object_map;
pub mod parent;
pub mod snapshot;
pub mod trash;

use crate::wire::{Decode, Encode};

pub use any::{AnyCall, all};

/// The arguments of one method; implemented by one type a method.
pub trait Call: Encode + Decode {
    /// The object class, `rbd`, `lock` or `journal`.
    const CLASS: &'static str;
    /// The method's name.
    const METHOD: &'static str;
    /// Whether it may change the object.
    const KIND: CallKind;
    /// What it returns; nothing for writing methods.
    type Reply: Encode + Decode;
}

/// Whether a method changes its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    Read,
    Write,
}

#[cfg(test)]
mod tests;
