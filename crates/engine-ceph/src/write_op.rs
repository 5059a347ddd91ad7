//! The contract's writes as librados' write operations.
//!
//! librados copies names and data into the operation as each step is added, except for what
//! `cmpext` reports, so the steps' memory must live through the building only.

use std::ffi::{c_char, c_int};
use std::ptr;

use bytes::Bytes;
use marcot_store::op::CreateMode;
use marcot_store::{Errno, Result, StoreError, WriteStep};

use crate::connection::c_string;
use crate::library::{Handle, Librados};

/// A write operation of librados; freed when dropped.
pub(crate) struct RadosWriteOp {
    rados: &'static Librados,
    pub(crate) handle: Handle,
    /// Where librados puts each step's result; boxed because it must not move.
    results: Box<[c_int]>,
    /// The steps that compare: which, and where in the object.
    compared: Vec<(usize, u64)>,
}

// SAFETY: a plain heap object that one thread uses at a time.
unsafe impl Send for RadosWriteOp {}

impl Drop for RadosWriteOp {
    fn drop(&mut self) {
        // SAFETY: made by create_write_op, released once.
        unsafe { (self.rados.release_write_op)(self.handle) }
    }
}

impl RadosWriteOp {
    /// Builds the operation. A step that librados' C API lacks is `EOPNOTSUPP`.
    pub(crate) fn build(rados: &'static Librados, steps: &[WriteStep]) -> Result<RadosWriteOp> {
        check_order(steps)?;
        // SAFETY: no preconditions.
        let handle = unsafe { (rados.create_write_op)() };
        let mut op = RadosWriteOp {
            rados,
            handle,
            results: vec![0; steps.len()].into(),
            compared: Vec::new(),
        };
        for (index, step) in steps.iter().enumerate() {
            op.add(index, step)?;
        }
        Ok(op)
    }

    /// Where the step that compared found the object different, if one did.
    pub(crate) fn mismatch(&self, result: c_int) -> Option<u64> {
        let compared = self.compared.iter().map(|(index, offset)| (*offset, self.results[*index]));
        first_mismatch(result, compared)
    }

    fn add(&mut self, index: usize, step: &WriteStep) -> Result<()> {
        let (rados, op) = (self.rados, self.handle);
        match step {
            // SAFETY: `op` is ours.
            WriteStep::AssertExists => unsafe { (rados.write_op_assert_exists)(op) },
            WriteStep::Create(mode) => {
                let exclusive = c_int::from(*mode == CreateMode::Exclusive);
                // SAFETY: a null category is allowed.
                unsafe { (rados.write_op_create)(op, exclusive, ptr::null()) }
            }
            WriteStep::CompareExtent { offset, data } => {
                let result = &raw mut self.results[index];
                self.compared.push((index, *offset));
                // SAFETY: `result` lives in the box as long as the operation.
                unsafe { (rados.write_op_cmpext)(op, chars(data), data.len(), *offset, result) }
            }
            WriteStep::Exec { class, method, input } => {
                let class = c_string(class, "a class name")?;
                let method = c_string(method, "a method name")?;
                let result = &raw mut self.results[index];
                // SAFETY: librados copies names and input now; `result` lives in the box.
                unsafe {
                    (rados.write_op_exec)(
                        op,
                        class.as_ptr(),
                        method.as_ptr(),
                        chars(input),
                        input.len(),
                        result,
                    );
                }
            }
            WriteStep::Rollback { .. } | WriteStep::CopyupFrom { .. } => {
                return Err(StoreError::new(
                    Errno::OPNOTSUPP,
                    "librados' C API has no such step in a write operation",
                ));
            }
            data_or_attribute => self.add_plain(data_or_attribute)?,
        }
        Ok(())
    }

    fn add_plain(&self, step: &WriteStep) -> Result<()> {
        let (rados, op) = (self.rados, self.handle);
        // SAFETY: `op` is ours; librados copies every buffer during the call.
        unsafe {
            match step {
                WriteStep::Write { offset, data } => {
                    (rados.write_op_write)(op, chars(data), data.len(), *offset);
                }
                WriteStep::WriteFull { data } => {
                    (rados.write_op_write_full)(op, chars(data), data.len());
                }
                WriteStep::Append { data } => (rados.write_op_append)(op, chars(data), data.len()),
                WriteStep::WriteSame { offset, length, data } => {
                    let length = usize::try_from(*length)
                        .map_err(|_| StoreError::new(Errno::INVAL, "write the same bytes"))?;
                    (rados.write_op_writesame)(op, chars(data), data.len(), length, *offset);
                }
                WriteStep::Zero { offset, length } => (rados.write_op_zero)(op, *offset, *length),
                WriteStep::Truncate { size } => (rados.write_op_truncate)(op, *size),
                WriteStep::Remove => (rados.write_op_remove)(op),
                WriteStep::SetXattr { name, value } => {
                    let name = c_string(name, "an attribute's name")?;
                    (rados.write_op_setxattr)(op, name.as_ptr(), chars(value), value.len());
                }
                WriteStep::RemoveXattr { name } => {
                    let name = c_string(name, "an attribute's name")?;
                    (rados.write_op_rmxattr)(op, name.as_ptr());
                }
                WriteStep::OmapSet { entries } => self.omap_set(entries),
                WriteStep::OmapRemove { keys } => {
                    let (pointers, lengths) = parts(keys.iter());
                    (rados.write_op_omap_rm_keys2)(
                        op,
                        pointers.as_ptr(),
                        lengths.as_ptr(),
                        keys.len(),
                    );
                }
                WriteStep::OmapClear => (rados.write_op_omap_clear)(op),
                WriteStep::SetAllocHint { expected_object_size, expected_write_size } => {
                    (rados.write_op_set_alloc_hint2)(
                        op,
                        *expected_object_size,
                        *expected_write_size,
                        0,
                    );
                }
                WriteStep::AssertExists
                | WriteStep::Create(_)
                | WriteStep::CompareExtent { .. }
                | WriteStep::Exec { .. }
                | WriteStep::Rollback { .. }
                | WriteStep::CopyupFrom { .. } => unreachable!("added by `add`"),
            }
        }
        Ok(())
    }

    fn omap_set(&self, entries: &[(Bytes, Bytes)]) {
        let (keys, key_lengths) = parts(entries.iter().map(|(key, _)| key));
        let (values, value_lengths) = parts(entries.iter().map(|(_, value)| value));
        // SAFETY: four arrays of the same length; librados copies what they point to.
        unsafe {
            (self.rados.write_op_omap_set2)(
                self.handle,
                keys.as_ptr(),
                values.as_ptr(),
                key_lengths.as_ptr(),
                value_lengths.as_ptr(),
                entries.len(),
            );
        }
    }
}

/// Where in the object an operation with `result` found it different. An OSD reports a mismatch as
/// -(4095 + place in the compared range), for the step and for the whole operation; `compared` are
/// the steps: where their range begins, and their results.
pub(crate) fn first_mismatch(
    result: c_int,
    compared: impl Iterator<Item = (u64, c_int)>,
) -> Option<u64> {
    const MAX_ERRNO: i64 = 4095;
    let place = |result: c_int| u64::try_from(-i64::from(result) - MAX_ERRNO).ok();
    let within = place(result)?;
    let steps: Vec<(u64, c_int)> = compared.collect();
    let failed = steps.iter().find(|(_, result)| place(*result) == Some(within));
    failed.or_else(|| steps.first()).map(|(offset, _)| offset + within)
}

/// An OSD of 16.2 that reads after it has written in the same operation checks the old bytes
/// against the new checksum, and takes a good object for lost. A method may read.
fn check_order(steps: &[WriteStep]) -> Result<()> {
    let changes_data = |step: &WriteStep| {
        matches!(
            step,
            WriteStep::Write { .. }
                | WriteStep::WriteFull { .. }
                | WriteStep::WriteSame { .. }
                | WriteStep::Zero { .. }
                | WriteStep::Truncate { .. }
                | WriteStep::Append { .. }
        )
    };
    let first = steps.iter().position(changes_data).unwrap_or(steps.len());
    let reads =
        |step: &WriteStep| matches!(step, WriteStep::CompareExtent { .. } | WriteStep::Exec { .. });
    match steps[first..].iter().any(reads) {
        true => Err(StoreError::new(
            Errno::OPNOTSUPP,
            "compare or call a method after a change of data in one operation: Ceph's OSDs cannot",
        )),
        false => Ok(()),
    }
}

pub(crate) fn chars(data: &Bytes) -> *const c_char {
    data.as_ptr().cast()
}

pub(crate) fn parts<'a>(
    items: impl Iterator<Item = &'a Bytes>,
) -> (Vec<*const c_char>, Vec<usize>) {
    items.map(|item| (chars(item), item.len())).unzip()
}
