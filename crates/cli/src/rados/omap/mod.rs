//! `rados listomapkeys|listomapvals|getomapval|setomapval|rmomapkey|clearomap`

pub(crate) mod clear;
pub(crate) mod get;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod set;

use super::hexdump::hexdump;

/// A value with its length.
fn shown(bytes: &[u8]) -> String {
    format!("value ({} bytes) :\n{}", bytes.len(), hexdump(bytes))
}
