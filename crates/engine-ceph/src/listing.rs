//! Listing the objects of a pool. Blocks; a page at a time, resumed by librados' position.

use std::ffi::{c_char, c_int};
use std::ptr;

use bytes::Bytes;
use marcot_store::{Errno, ListQuery, ObjectId, ObjectPage, Result, SnapId, StoreError};

use crate::connection::CephCluster;
use crate::io_context::View;
use crate::library::Handle;

/// librados' word for all namespaces.
const ALL_NAMESPACES: &str = "\u{1}";
const NO_MORE: c_int = -2;

impl CephCluster {
    /// The cursor is how many objects to pass over: librados lists in a fixed order, but its own
    /// cursors cannot be stored, so a later page reads the earlier ones again.
    pub(crate) fn list(&self, query: &ListQuery) -> Result<ObjectPage> {
        let passed = query.cursor.as_ref().map_or(Ok(0), |cursor| {
            <[u8; 8]>::try_from(&cursor[..])
                .map(u64::from_le_bytes)
                .map_err(|_| StoreError::new(Errno::INVAL, "list objects: not a cursor of ours"))
        })?;
        let namespace = query.namespace.as_deref().unwrap_or(ALL_NAMESPACES);
        let place = ObjectId::new(query.pool, namespace, "");
        let context =
            self.contexts.get(self.rados, self.handle, &place, View::Read(SnapId::HEAD))?;
        let mut list: Handle = ptr::null_mut();
        // SAFETY: the context is open; `list` is ours until closed.
        let opened = unsafe { (self.rados.list_open)(context.handle, &raw mut list) };
        if opened < 0 {
            return Err(StoreError::new(Errno::from_raw(-opened), "list objects"));
        }
        let listed = self.page(list, query, passed);
        // SAFETY: opened above, closed once.
        unsafe { (self.rados.list_close)(list) };
        listed
    }

    fn page(&self, list: Handle, query: &ListQuery, passed: u64) -> Result<ObjectPage> {
        let mut objects = Vec::new();
        let mut position = 0;
        loop {
            let Some((namespace, name)) = self.next(list)? else {
                return Ok(ObjectPage { objects, next: None });
            };
            if position >= passed {
                if objects.len() >= query.max {
                    let next = Bytes::copy_from_slice(&position.to_le_bytes());
                    return Ok(ObjectPage { objects, next: Some(next) });
                }
                objects.push(ObjectId::new(query.pool, namespace, name));
            }
            position += 1;
        }
    }

    fn next(&self, list: Handle) -> Result<Option<(String, String)>> {
        let (mut entry, mut key, mut namespace) = (ptr::null(), ptr::null(), ptr::null());
        let (mut entry_length, mut key_length, mut namespace_length) = (0, 0, 0);
        // SAFETY: the list is open; what librados points to lives until the next call.
        unsafe {
            match (self.rados.list_next2)(
                list,
                &raw mut entry,
                &raw mut key,
                &raw mut namespace,
                &raw mut entry_length,
                &raw mut key_length,
                &raw mut namespace_length,
            ) {
                NO_MORE => Ok(None),
                result @ ..=-1 => Err(StoreError::new(Errno::from_raw(-result), "list objects")),
                _ => Ok(Some((text(namespace, namespace_length), text(entry, entry_length)))),
            }
        }
    }
}

/// # Safety
/// `pointer` is null or points to `length` bytes.
unsafe fn text(pointer: *const c_char, length: usize) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) };
    String::from_utf8_lossy(bytes).into_owned()
}
