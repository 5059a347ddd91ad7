//! Typed access to an object's omap.

use bytes::Bytes;
use marcot_format::wire::{Decode, Encode};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

/// How many pairs to ask for at a time.
const PAGE: u64 = 1024;

/// A value that must be there (`ENOENT`) and readable (`EIO`).
pub(crate) fn value<T: Decode>(object: &mut dyn ObjectContext, key: &str) -> Result<T, Errno> {
    let bytes = object.omap_value(key.as_bytes())?;
    T::from_bytes(&bytes).map_err(|_| Errno::IO)
}

/// A value that may be missing.
pub(crate) fn optional<T: Decode>(
    object: &mut dyn ObjectContext,
    key: &str,
) -> Result<Option<T>, Errno> {
    match value(object, key) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether there is a value, of whatever kind.
pub(crate) fn contains(object: &mut dyn ObjectContext, key: &str) -> Result<bool, Errno> {
    match object.omap_value(key.as_bytes()) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// A pair for [`ObjectContext::omap_set`].
pub(crate) fn pair(key: &str, value: &(impl Encode + ?Sized)) -> (Bytes, Bytes) {
    (Bytes::copy_from_slice(key.as_bytes()), value.to_bytes().into())
}

/// Stores one value.
pub(crate) fn set(
    object: &mut dyn ObjectContext,
    key: &str,
    value: &(impl Encode + ?Sized),
) -> Result<(), Errno> {
    object.omap_set(vec![pair(key, value)])
}

/// Removes one value.
pub(crate) fn remove(object: &mut dyn ObjectContext, key: &str) -> Result<(), Errno> {
    object.omap_remove(vec![Bytes::copy_from_slice(key.as_bytes())])
}

/// At most `max` pairs with a key that begins with `prefix` and comes after `prefix` + `after`;
/// the prefix is cut off. Nothing on an object that does not exist yet. Keys that are not UTF-8
/// are `EIO`.
pub(crate) fn list(
    object: &mut dyn ObjectContext,
    prefix: &str,
    after: &str,
    max: u64,
) -> Result<Vec<(String, Bytes)>, Errno> {
    let mut found: Vec<(String, Bytes)> = Vec::new();
    let mut from = Bytes::from(format!("{prefix}{after}"));
    loop {
        let wanted = max.saturating_sub(found.len() as u64).min(PAGE);
        if wanted == 0 {
            return Ok(found);
        }
        let page = match object.omap_list(Some(&from), prefix.as_bytes(), wanted) {
            Err(Errno::NOENT) => return Ok(found),
            page => page?,
        };
        if let Some((last, _)) = page.entries.last() {
            from = last.clone();
        }
        for (key, value) in &page.entries {
            let key = std::str::from_utf8(key).map_err(|_| Errno::IO)?;
            let key = key.strip_prefix(prefix).ok_or(Errno::IO)?;
            found.push((key.to_owned(), value.clone()));
        }
        if !page.more || page.entries.is_empty() {
            return Ok(found);
        }
    }
}
