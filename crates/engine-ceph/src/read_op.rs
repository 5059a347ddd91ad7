//! The contract's reads as librados' read operations, and their results.
//!
//! Every step has a slot with the memory that librados fills: boxed, so that it does not move, and
//! owned by the operation's completion until librados has called back.

use std::ffi::{CStr, CString, c_char, c_int, c_uchar};
use std::ptr;

use bytes::Bytes;
use marcot_store::op::{ObjectStat, OmapPage, Timestamp};
use marcot_store::{Errno, ReadResult, ReadStep, Result, StoreError, Version};

use crate::connection::c_string;
use crate::library::{Handle, Librados};
use crate::write_op::{chars, first_mismatch, parts};

/// How much one step may ask for: no object is larger.
const READ_MAX: u64 = 256 << 20;

/// A read operation of librados with room for its results; freed when dropped.
pub(crate) struct RadosReadOp {
    rados: &'static Librados,
    pub(crate) handle: Handle,
    slots: Box<[Slot]>,
}

// SAFETY: a plain heap object with what librados allocated for it; one thread uses it at a time.
unsafe impl Send for RadosReadOp {}

/// What librados fills for one step.
struct Slot {
    step: ReadStep,
    result: c_int,
    size: u64,
    mtime: i64,
    buffer: Vec<u8>,
    length: usize,
    text: *mut c_char,
    iterator: Handle,
    more: c_uchar,
    name: Option<CString>,
}

impl Slot {
    fn new(step: ReadStep) -> Slot {
        Slot {
            step,
            result: 0,
            size: 0,
            mtime: 0,
            buffer: Vec::new(),
            length: 0,
            text: ptr::null_mut(),
            iterator: ptr::null_mut(),
            more: 0,
            name: None,
        }
    }
}

impl Drop for RadosReadOp {
    fn drop(&mut self) {
        // SAFETY: made by create_read_op, released once; texts are librados' to free.
        unsafe {
            for slot in &mut self.slots {
                if !slot.text.is_null() {
                    (self.rados.buffer_free)(slot.text);
                }
            }
            (self.rados.release_read_op)(self.handle);
        }
    }
}

impl RadosReadOp {
    /// Builds the operation.
    pub(crate) fn build(rados: &'static Librados, steps: Vec<ReadStep>) -> Result<RadosReadOp> {
        // SAFETY: no preconditions.
        let handle = unsafe { (rados.create_read_op)() };
        let slots: Box<[Slot]> = steps.into_iter().map(Slot::new).collect();
        let mut op = RadosReadOp { rados, handle, slots };
        for index in 0..op.slots.len() {
            add(rados, handle, &mut op.slots[index])?;
        }
        Ok(op)
    }

    /// The results, once librados has called back with success.
    pub(crate) fn results(mut self, version: u64) -> Result<Vec<ReadResult>> {
        let rados = self.rados;
        let mut results = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            results.push(take(rados, slot, version)?);
        }
        Ok(results)
    }

    /// Where the step that compared found the object different, if one did.
    pub(crate) fn mismatch(&self, result: c_int) -> Option<u64> {
        let compared = self.slots.iter().filter_map(|slot| match &slot.step {
            ReadStep::CompareExtent { offset, .. } => Some((*offset, slot.result)),
            _ => None,
        });
        first_mismatch(result, compared)
    }
}

fn add(rados: &'static Librados, op: Handle, slot: &mut Slot) -> Result<()> {
    let result = &raw mut slot.result;
    match &slot.step {
        // SAFETY: `op` is ours.
        ReadStep::AssertExists => unsafe { (rados.read_op_assert_exists)(op) },
        // SAFETY: the slot lives in a box as long as the operation.
        ReadStep::Stat | ReadStep::Stored { .. } => unsafe {
            (rados.read_op_stat)(op, &raw mut slot.size, &raw mut slot.mtime, result);
        },
        ReadStep::Read { offset, length } | ReadStep::SparseRead { offset, length } => {
            // To an OSD no length means all there is: one byte is read then, and dropped.
            let length = usize::try_from((*length).clamp(1, READ_MAX)).unwrap_or(usize::MAX);
            slot.buffer = Vec::with_capacity(length);
            let buffer = slot.buffer.as_mut_ptr().cast();
            // SAFETY: the buffer has room for `length` bytes and stays where it is.
            unsafe {
                (rados.read_op_read)(op, *offset, length, buffer, &raw mut slot.length, result);
            }
        }
        ReadStep::CompareExtent { offset, data } => {
            // SAFETY: librados copies the data now; `result` stays where it is.
            unsafe { (rados.read_op_cmpext)(op, chars(data), data.len(), *offset, result) }
        }
        ReadStep::GetXattr { name } => {
            slot.name = Some(c_string(name, "an attribute's name")?);
            // SAFETY: the slot stays where it is.
            unsafe { (rados.read_op_getxattrs)(op, &raw mut slot.iterator, result) }
        }
        // SAFETY: the slot stays where it is.
        ReadStep::GetXattrs => unsafe {
            (rados.read_op_getxattrs)(op, &raw mut slot.iterator, result);
        },
        ReadStep::Exec { class, method, input } => {
            let class = c_string(class, "a class name")?;
            let method = c_string(method, "a method name")?;
            // SAFETY: librados copies names and input now; the slot stays where it is.
            unsafe {
                (rados.read_op_exec)(
                    op,
                    class.as_ptr(),
                    method.as_ptr(),
                    chars(input),
                    input.len(),
                    &raw mut slot.text,
                    &raw mut slot.length,
                    result,
                );
            }
        }
        ReadStep::OmapList { .. } | ReadStep::OmapGet { .. } => add_omap(rados, op, slot)?,
    }
    Ok(())
}

fn add_omap(rados: &'static Librados, op: Handle, slot: &mut Slot) -> Result<()> {
    let result = &raw mut slot.result;
    match &slot.step {
        ReadStep::OmapList { after, prefix, max } => {
            // The C API takes text here: a key with a zero byte is asked for by what comes before
            // it, and `take` drops what was not asked for.
            let after = until_zero(after.as_ref().unwrap_or(&Bytes::new()));
            let prefix = until_zero(prefix);
            // SAFETY: librados copies both texts now; the slot stays where it is.
            unsafe {
                (rados.read_op_omap_get_vals2)(
                    op,
                    after.as_ptr(),
                    prefix.as_ptr(),
                    *max,
                    &raw mut slot.iterator,
                    &raw mut slot.more,
                    result,
                );
            }
        }
        ReadStep::OmapGet { keys } => {
            let (pointers, lengths) = parts(keys.iter());
            // SAFETY: librados copies the keys now; the slot stays where it is.
            unsafe {
                (rados.read_op_omap_get_vals_by_keys2)(
                    op,
                    pointers.as_ptr(),
                    keys.len(),
                    lengths.as_ptr(),
                    &raw mut slot.iterator,
                    result,
                );
            }
        }
        _ => unreachable!("`add` handles the other steps"),
    }
    Ok(())
}

fn until_zero(bytes: &Bytes) -> CString {
    let text: Vec<u8> = bytes.iter().copied().take_while(|byte| *byte != 0).collect();
    CString::new(text).unwrap_or_default()
}

fn take(rados: &'static Librados, slot: &mut Slot, version: u64) -> Result<ReadResult> {
    if slot.result < 0 {
        return Err(StoreError::new(Errno::from_raw(-slot.result), "read"));
    }
    Ok(match &slot.step {
        ReadStep::AssertExists | ReadStep::CompareExtent { .. } => ReadResult::Done,
        ReadStep::Stat => ReadResult::Stat(ObjectStat {
            size: slot.size,
            mtime: Timestamp {
                seconds: u32::try_from(slot.mtime).unwrap_or_default(),
                nanoseconds: 0,
            },
            version: Version(version),
        }),
        ReadStep::Read { length, .. } => {
            let length = *length;
            ReadResult::Data(filled(slot, length))
        }
        ReadStep::SparseRead { offset, length } => {
            let (offset, length) = (*offset, *length);
            ReadResult::Extents(runs(offset, &filled(slot, length)))
        }
        // The C API has no way to ask for an object's extents: its size is all that is known.
        ReadStep::Stored { offset, length } => {
            let end = offset.saturating_add(*length).min(slot.size);
            let range = (*offset < end).then(|| (*offset, end - offset));
            ReadResult::Ranges(range.into_iter().collect())
        }
        ReadStep::Exec { .. } => ReadResult::Data(text(slot)),
        ReadStep::GetXattrs => ReadResult::Xattrs(xattrs(rados, slot)),
        ReadStep::GetXattr { name } => {
            let name = name.clone();
            let found = xattrs(rados, slot).into_iter().find(|(found, _)| *found == name);
            match found {
                Some((_, value)) => ReadResult::Data(value),
                None => return Err(StoreError::new(Errno::NODATA, format!("read xattr {name}"))),
            }
        }
        ReadStep::OmapGet { .. } => {
            ReadResult::Omap(OmapPage { entries: omap(rados, slot), more: false })
        }
        ReadStep::OmapList { after, prefix, .. } => {
            let (after, prefix) = (after.clone(), prefix.clone());
            ReadResult::Omap(omap_page(rados, slot, after, &prefix)?)
        }
    })
}

fn omap_page(
    rados: &'static Librados,
    slot: &mut Slot,
    after: Option<Bytes>,
    prefix: &Bytes,
) -> Result<OmapPage> {
    let more = slot.more != 0;
    let mut entries = omap(rados, slot);
    let got_some = !entries.is_empty();
    entries.retain(|(key, _)| {
        after.as_ref().is_none_or(|after| key > after) && key.starts_with(prefix)
    });
    if entries.is_empty() && got_some && more {
        // Going on would ask the same again for ever.
        return Err(StoreError::new(
            Errno::OPNOTSUPP,
            "librados' C API cannot list past this many keys with zero bytes",
        ));
    }
    Ok(OmapPage { entries, more })
}

/// What was read, and no more than was asked for.
fn filled(slot: &mut Slot, asked: u64) -> Bytes {
    let mut buffer = std::mem::take(&mut slot.buffer);
    assert!(slot.length <= buffer.capacity(), "librados wrote beyond the buffer");
    // SAFETY: librados has filled so many bytes of the buffer.
    unsafe { buffer.set_len(slot.length) };
    let mut data = Bytes::from(buffer);
    data.truncate(usize::try_from(asked).unwrap_or(usize::MAX));
    data
}

fn text(slot: &Slot) -> Bytes {
    if slot.text.is_null() {
        return Bytes::new();
    }
    // SAFETY: librados says that `length` bytes are there; freed when the operation is dropped.
    Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(slot.text.cast(), slot.length) })
}

/// The runs of 4 KiB blocks of `data` that are not all zeros.
fn runs(offset: u64, data: &Bytes) -> Vec<(u64, Bytes)> {
    const BLOCK: usize = 4096;
    let mut found: Vec<(usize, usize)> = Vec::new();
    for start in (0..data.len()).step_by(BLOCK) {
        let end = (start + BLOCK).min(data.len());
        if data[start..end].iter().all(|byte| *byte == 0) {
            continue;
        }
        match found.last_mut() {
            Some((_, last)) if *last == start => *last = end,
            _ => found.push((start, end)),
        }
    }
    found.into_iter().map(|(start, end)| (offset + start as u64, data.slice(start..end))).collect()
}

fn xattrs(rados: &'static Librados, slot: &mut Slot) -> Vec<(String, Bytes)> {
    let mut found = Vec::new();
    let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
    // SAFETY: the iterator was filled by librados; what it points to lives until `end`.
    unsafe {
        while (rados.getxattrs_next)(slot.iterator, &raw mut name, &raw mut value, &raw mut length)
            == 0
            && !name.is_null()
        {
            let bytes = bytes_at(value, length);
            found.push((CStr::from_ptr(name).to_string_lossy().into_owned(), bytes));
        }
        (rados.getxattrs_end)(slot.iterator);
    }
    slot.iterator = ptr::null_mut();
    found.sort();
    found
}

fn omap(rados: &'static Librados, slot: &mut Slot) -> Vec<(Bytes, Bytes)> {
    let mut found = Vec::new();
    let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
    let (mut key_length, mut value_length) = (0, 0);
    // SAFETY: the iterator was filled by librados; what it points to lives until `end`.
    unsafe {
        while (rados.omap_get_next2)(
            slot.iterator,
            &raw mut key,
            &raw mut value,
            &raw mut key_length,
            &raw mut value_length,
        ) == 0
            && !key.is_null()
        {
            found.push((bytes_at(key, key_length), bytes_at(value, value_length)));
        }
        (rados.omap_get_end)(slot.iterator);
    }
    slot.iterator = ptr::null_mut();
    found
}

/// # Safety
/// `pointer` is null or points to `length` bytes.
unsafe fn bytes_at(pointer: *const c_char, length: usize) -> Bytes {
    if pointer.is_null() || length == 0 {
        return Bytes::new();
    }
    // SAFETY: as the caller promises.
    Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}
