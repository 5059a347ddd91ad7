//! Write operations: run the steps on a scratch copy, then commit all or nothing.

use super::context::{Caller, MethodContext};
use super::object::Object;
use super::state::{State, failed, name_of};
use super::transaction::{Reading, Transaction};
use crate::class::MethodKind;
use crate::op::{AllZeros, CopyupPiece};
use crate::snapset::{ClonePlan, Source, commit_write, plan_clone, resolve, rollback_ranges};
use crate::{Errno, ObjectId, Result, SnapId, StoreError, Version, WriteOp, WriteStep};

/// Why a step failed.
pub(super) enum Failure {
    Errno(Errno),
    Mismatch(u64),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Errno(errno)
    }
}

impl Failure {
    pub(super) fn into_error(self, verb: &str, object: &ObjectId) -> StoreError {
        match self {
            Failure::Errno(errno) => failed(verb, object)(errno),
            Failure::Mismatch(offset) => StoreError::mismatch(offset, format!("{verb} {object}")),
        }
    }
}

impl State {
    pub(super) fn write(
        &mut self,
        id: &ObjectId,
        op: WriteOp,
        caller: &Caller,
    ) -> Result<Version, Failure> {
        let pool = self.pool(id.pool)?;
        let object = pool.objects.get(&name_of(id)).cloned().unwrap_or_default();
        let removed = |snap: SnapId| pool.removed_snaps.contains(&snap);
        let plan = plan_clone(&object.set, &caller.snap_context, removed);
        let reading = match self.options.hostile {
            Some(_) => Reading::Strict,
            None => Reading::Plain,
        };
        let seq = (!object.is_gone()).then_some(object.set.seq);
        let mut transaction = Transaction::new(object.head.clone(), reading, seq);
        for step in op.steps {
            match step {
                WriteStep::Rollback { snap } => {
                    self.rollback(id, &object, &plan, snap, &mut transaction)?;
                }
                WriteStep::CopyupFrom { pieces, all_zeros, .. } => {
                    self.copyup(&pieces, all_zeros, &mut transaction)?;
                }
                step => self.step(step, &mut transaction, caller)?,
            }
        }
        if !transaction.effective {
            return Ok(object.head.map_or(Version(0), |head| head.version));
        }
        Ok(self.commit(id, object, plan, transaction, caller))
    }

    fn commit(
        &mut self,
        id: &ObjectId,
        mut object: Object,
        plan: ClonePlan,
        transaction: Transaction,
        caller: &Caller,
    ) -> Version {
        let version = self.next_version();
        if transaction.removed {
            self.watches.object_removed(id);
        }
        object.commit(plan, transaction, version, caller.now);
        if let Some(pool) = self.pools.get_mut(&id.pool) {
            if object.is_gone() {
                pool.objects.remove(&name_of(id));
            } else {
                pool.objects.insert(name_of(id), object);
            }
        }
        version
    }

    fn step(
        &self,
        step: WriteStep,
        transaction: &mut Transaction,
        caller: &Caller,
    ) -> Result<(), Failure> {
        match step {
            WriteStep::AssertExists => drop(transaction.stat()?),
            WriteStep::Create(mode) => transaction.create(mode)?,
            WriteStep::CompareExtent { offset, data } => {
                let old = transaction.before.clone().unwrap_or_default();
                if let Some(at) = old.mismatch(offset, &data) {
                    return Err(Failure::Mismatch(at));
                }
            }
            WriteStep::Write { offset, data } => transaction.write(offset, &data),
            WriteStep::WriteFull { data } => transaction.write_full(&data),
            WriteStep::Append { data } => transaction.append(&data)?,
            WriteStep::WriteSame { offset, length, data } => {
                let times = length / data.len().max(1) as u64;
                transaction.write(offset, &data.repeat(times as usize));
            }
            WriteStep::Zero { offset, length } => transaction.zero(offset, length),
            WriteStep::Truncate { size } => transaction.truncate(size),
            WriteStep::Remove => transaction.remove()?,
            WriteStep::SetXattr { name, value } => transaction.set_xattr(&name, value),
            WriteStep::RemoveXattr { name } => transaction.remove_xattr(&name)?,
            WriteStep::OmapSet { entries } => transaction.omap_set(entries),
            WriteStep::OmapRemove { keys } => transaction.omap_remove(&keys)?,
            WriteStep::OmapClear => transaction.omap_clear()?,
            WriteStep::Exec { class, method, input } => {
                let kind = self.classes.kind(&class, &method).ok_or(Errno::OPNOTSUPP)?;
                let mut context = MethodContext { transaction, caller, kind };
                self.classes.call(&class, &method, &mut context, &input)?;
            }
            WriteStep::SetAllocHint { .. } => transaction.touch(),
            WriteStep::Rollback { .. } | WriteStep::CopyupFrom { .. } => {
                unreachable!("handled by the caller")
            }
        }
        Ok(())
    }

    fn rollback(
        &self,
        id: &ObjectId,
        object: &Object,
        plan: &ClonePlan,
        snap: SnapId,
        transaction: &mut Transaction,
    ) -> Result<(), Failure> {
        match resolve(&object.set, snap) {
            Some(Source::Head) => transaction.touch(),
            Some(Source::Clone(clone)) => {
                let mut set = object.set.clone();
                let size = set.head_size;
                commit_write(&mut set, plan.clone(), &transaction.modified, size);
                transaction.modified = rollback_ranges(&set, clone);
                transaction.after = object.at(snap).cloned();
                transaction.effective = true;
            }
            None if transaction.before.is_none() => {}
            None if self.watches.is_watched(id) => return Err(Errno::BUSY.into()),
            None => transaction.remove()?,
        }
        Ok(())
    }

    fn copyup(
        &self,
        pieces: &[CopyupPiece],
        all_zeros: AllZeros,
        transaction: &mut Transaction,
    ) -> Result<(), Failure> {
        if !self.options.copyup_by_reference {
            return Err(Errno::OPNOTSUPP.into());
        }
        if transaction.after.is_some() {
            return Ok(());
        }
        transaction.touch();
        let mut any = false;
        for piece in pieces {
            let source = self.object(&piece.source)?.at(piece.snap).ok_or(Errno::NOENT)?;
            for (offset, length) in source.data.runs(piece.source_offset, piece.length) {
                let bytes = source.data.read(offset, length);
                any |= bytes.iter().any(|byte| *byte != 0);
                transaction.write(offset - piece.source_offset + piece.offset, &bytes);
            }
        }
        match (any, all_zeros) {
            (false, AllZeros::Refuse) => Err(Errno::NODATA.into()),
            _ => Ok(()),
        }
    }

    /// Runs a method that only reads.
    pub(super) fn call_reading(
        &self,
        (class, method): (&str, &str),
        transaction: &mut Transaction,
        caller: &Caller,
        input: &[u8],
    ) -> Result<bytes::Bytes, Errno> {
        match self.classes.kind(class, method).ok_or(Errno::OPNOTSUPP)? {
            MethodKind::Write => Err(Errno::PERM),
            kind @ MethodKind::Read => {
                let mut context = MethodContext { transaction, caller, kind };
                self.classes.call(class, method, &mut context, input)
            }
        }
    }
}
