//! The steps of a write operation, but for those that need other objects.

use bytes::Bytes;
use marcot_store::class::{Classes, MethodKind};
use marcot_store::{Errno, ObjectId, StoreError, WriteStep};

use super::content::ReadFailure;
use super::context::{Caller, MethodContext};
use super::scratch::Scratch;
use crate::layout::Item;
use crate::meta::MetaError;

/// Why a step failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Errno(Errno),
    Mismatch(u64),
    Read(ReadFailure),
    Meta(MetaError),
}

impl Failure {
    pub(crate) fn errno(&self) -> Errno {
        match self {
            Failure::Errno(errno) => *errno,
            Failure::Mismatch(_) => Errno::ILSEQ,
            Failure::Read(_) | Failure::Meta(_) => Errno::IO,
        }
    }

    pub(crate) fn into_error(self, verb: &str, object: &ObjectId) -> StoreError {
        match self {
            Failure::Errno(errno) => StoreError::new(errno, format!("{verb} {object}")),
            Failure::Mismatch(offset) => StoreError::mismatch(offset, format!("{verb} {object}")),
            Failure::Read(failure) => {
                StoreError::new(Errno::IO, format!("{verb} {object} ({failure})"))
            }
            Failure::Meta(error) => {
                StoreError::new(Errno::IO, format!("{verb} {object} ({error})"))
            }
        }
    }
}

/// What methods are run with.
pub(crate) struct Calling<'c> {
    pub classes: &'c dyn Classes,
    pub caller: &'c Caller,
}

/// Runs one step.
pub(crate) fn run_step(
    scratch: &mut Scratch<'_>,
    calling: &Calling<'_>,
    step: WriteStep,
) -> Result<(), Failure> {
    match step {
        WriteStep::AssertExists => drop(scratch.stat()?),
        WriteStep::Create(mode) => scratch.create(mode)?,
        WriteStep::CompareExtent { offset, data } => scratch.compare(offset, &data)?,
        WriteStep::Write { offset, data } => scratch.write(offset, data),
        WriteStep::WriteFull { data } => scratch.write_full(data),
        WriteStep::Append { data } => scratch.append(data)?,
        WriteStep::WriteSame { offset, length, data } => {
            let times = usize::try_from(length / data.len().max(1) as u64);
            let times = times.map_err(|_| Errno::FBIG)?;
            scratch.write(offset, Bytes::from(data.repeat(times)));
        }
        WriteStep::Zero { offset, length } => scratch.zero(offset, length),
        WriteStep::Truncate { size } => scratch.truncate(size),
        WriteStep::Remove => scratch.remove()?,
        WriteStep::SetXattr { name, value } => {
            scratch.change_attribute(Item::SetXattr { name, value })?;
        }
        WriteStep::RemoveXattr { name } => {
            scratch.change_attribute(Item::RemoveXattr { name })?;
        }
        WriteStep::OmapSet { entries } => {
            scratch.touch();
            for (key, value) in entries {
                scratch.change_attribute(Item::OmapSet { key, value })?;
            }
        }
        WriteStep::OmapRemove { keys } => {
            scratch.stat()?;
            scratch.effective = true;
            for key in keys {
                scratch.change_attribute(Item::OmapRemove { key })?;
            }
        }
        WriteStep::OmapClear => scratch.change_attribute(Item::OmapClear)?,
        WriteStep::SetAllocHint { .. } => scratch.touch(),
        WriteStep::Exec { class, method, input } => {
            call(scratch, calling, (&class, &method), &input)?;
        }
        WriteStep::Rollback { .. } | WriteStep::CopyupFrom { .. } => {
            debug_assert!(false, "the caller runs the steps that need other objects");
        }
    }
    Ok(())
}

/// Runs a class method.
pub(crate) fn call(
    scratch: &mut Scratch<'_>,
    calling: &Calling<'_>,
    (class, method): (&str, &str),
    input: &[u8],
) -> Result<Bytes, Failure> {
    let kind = calling.classes.kind(class, method).ok_or(Errno::OPNOTSUPP)?;
    let mut context = MethodContext { scratch, caller: calling.caller, kind, failure: None };
    let answer = calling.classes.call(class, method, &mut context, input);
    match (answer, context.failure) {
        (Ok(bytes), _) => Ok(bytes),
        (Err(Errno::IO), Some(failure)) => Err(failure),
        (Err(errno), _) => Err(errno.into()),
    }
}

/// Runs a class method for a read, which only reading ones may serve.
pub(crate) fn call_reading(
    scratch: &mut Scratch<'_>,
    calling: &Calling<'_>,
    (class, method): (&str, &str),
    input: &[u8],
) -> Result<Bytes, Failure> {
    match calling.classes.kind(class, method) {
        Some(MethodKind::Write) => Err(Errno::PERM.into()),
        _ => call(scratch, calling, (class, method), input),
    }
}
