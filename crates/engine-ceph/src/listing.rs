//! Listing the objects of a pool, a page at a time. Blocks.
//!
//! A cursor of librados has no bytes in the C API: ours is a number, and the cursor it stands for
//! is kept, for the last listings of the connection that were not followed to their end.

use std::collections::VecDeque;
use std::ffi::c_char;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use marcot_store::{Errno, ListQuery, ObjectId, ObjectPage, Result, SnapId, StoreError};

use crate::connection::CephCluster;
use crate::io_context::{IoContext, View};
use crate::library::{Handle, ListItem};

/// librados' word for all namespaces.
const ALL_NAMESPACES: &str = "\u{1}";
/// How many listings may be under way at once.
const KEPT: usize = 64;
/// How many objects one call of librados is asked for.
const PAGE_MAX: usize = 1000;

/// A cursor of librados.
#[derive(Debug)]
struct Cursor {
    context: Arc<IoContext>,
    handle: Handle,
}

// SAFETY: a plain heap object that one thread uses at a time.
unsafe impl Send for Cursor {}

impl Drop for Cursor {
    fn drop(&mut self) {
        // SAFETY: librados made it for this context; freed once.
        unsafe { (self.context.rados.list_cursor_free)(self.context.handle, self.handle) }
    }
}

/// Where listings go on.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    kept: Mutex<(u64, VecDeque<(u64, Cursor)>)>,
}

impl Cursors {
    fn keep(&self, cursor: Cursor) -> Bytes {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, cursors) = &mut *kept;
        *number += 1;
        if cursors.len() >= KEPT {
            cursors.pop_front();
        }
        cursors.push_back((*number, cursor));
        Bytes::copy_from_slice(&number.to_le_bytes())
    }

    fn take(&self, bytes: &Bytes) -> Result<Cursor> {
        let strange = |what: &str| StoreError::new(Errno::INVAL, format!("list objects: {what}"));
        let number =
            <[u8; 8]>::try_from(&bytes[..]).map_err(|_| strange("not a cursor of ours"))?;
        let number = u64::from_le_bytes(number);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.1.iter().position(|(kept, _)| *kept == number);
        let found = place.and_then(|place| kept.1.remove(place));
        found
            .map(|(_, cursor)| cursor)
            .ok_or_else(|| strange("this listing has ended, or was given up for newer ones"))
    }

    /// Lets go of them all, before the connection ends.
    pub(crate) fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).1.clear();
    }
}

impl CephCluster {
    /// One page. A cursor serves once.
    pub(crate) fn list(&self, query: &ListQuery) -> Result<ObjectPage> {
        let begin = match &query.cursor {
            Some(cursor) => self.cursors.take(cursor)?,
            None => {
                let namespace = query.namespace.as_deref().unwrap_or(ALL_NAMESPACES);
                let place = ObjectId::new(query.pool, namespace, "");
                let context = self.context(&place, View::Read(SnapId::HEAD))?;
                // SAFETY: the context is open; the cursor is ours to free.
                let handle = unsafe { (self.rados.list_begin)(context.handle) };
                Cursor { context, handle }
            }
        };
        let (objects, next) = self.page(query, &begin)?;
        // SAFETY: cursor and context are those that belong together.
        let ended = unsafe { (self.rados.list_is_end)(next.context.handle, next.handle) } != 0;
        Ok(ObjectPage { objects, next: (!ended).then(|| self.cursors.keep(next)) })
    }

    fn page(&self, query: &ListQuery, begin: &Cursor) -> Result<(Vec<ObjectId>, Cursor)> {
        let context = &begin.context;
        let cursor = |handle| Cursor { context: Arc::clone(context), handle };
        let nothing = ListItem {
            name_length: 0,
            name: ptr::null_mut(),
            namespace_length: 0,
            namespace: ptr::null_mut(),
            locator_length: 0,
            locator: ptr::null_mut(),
        };
        let mut items = vec![nothing; query.max.clamp(1, PAGE_MAX)];
        // SAFETY: the context is open and both cursors are of it; librados fills at most as many
        // items as there are, and says how many.
        unsafe {
            let end = cursor((self.rados.list_end)(context.handle));
            let next = cursor((self.rados.list_begin)(context.handle));
            let mut next_handle = next.handle;
            let listed = (self.rados.list)(
                context.handle,
                begin.handle,
                end.handle,
                items.len(),
                ptr::null(),
                0,
                items.as_mut_ptr(),
                &raw mut next_handle,
            );
            let count = usize::try_from(listed)
                .map_err(|_| StoreError::new(Errno::from_raw(-listed), "list objects"))?;
            let objects = items[..count]
                .iter()
                .map(|item| {
                    let namespace = text(item.namespace, item.namespace_length);
                    ObjectId::new(query.pool, namespace, text(item.name, item.name_length))
                })
                .collect();
            (self.rados.list_free)(count, items.as_mut_ptr());
            Ok((objects, next))
        }
    }
}

/// # Safety
/// `pointer` is null or points to `length` bytes.
unsafe fn text(pointer: *const c_char, length: usize) -> String {
    // SAFETY: as the caller promises.
    let bytes = unsafe { crate::watching::copied(pointer, length) };
    String::from_utf8_lossy(&bytes).into_owned()
}
