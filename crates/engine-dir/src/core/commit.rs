//! From a record to the log and the state.

use marcot_store::{Errno, StoreError};

use super::Core;
use crate::device::Device;
use crate::layout::Record;
use crate::planted::{Defect, planted};
use crate::space::{AllocateError, Purpose};
use crate::units::{BLOCK_BYTES, Run};

/// Client ids are given out in advance, so that handing one out writes nothing.
const CLIENT_IDS_AHEAD: u64 = 64;

impl Core {
    /// Appends a record and applies it. After an error nothing has changed, or the store is
    /// poisoned.
    pub(crate) fn commit(&mut self, record: &Record) -> Result<u64, StoreError> {
        self.check_writable()?;
        self.log_owner()?;
        self.append(record)
    }

    /// The first record of a process, and one when the client ids told of are used up.
    fn log_owner(&mut self) -> Result<(), StoreError> {
        if self.owner_logged && self.next_client <= self.state.cluster.client_limit {
            return Ok(());
        }
        let client_limit = self.next_client + CLIENT_IDS_AHEAD;
        self.append(&Record::Owner { nonce: self.nonce, client_limit })?;
        self.owner_logged = true;
        Ok(())
    }

    fn append(&mut self, record: &Record) -> Result<u64, StoreError> {
        let body = record.encode();
        self.make_room_in_log(body.len())?;
        let synced = match planted(Defect::UnsyncedCalledSynced) {
            true => self.log.last_seq(),
            false => self.durable,
        };
        let appended = self.log.append(&*self.device, &body, synced);
        let seq = appended.map_err(|error| device_failed(&error, "write the log"))?;
        self.unsynced += body.len() as u64;
        if let Err(error) = self.state.apply(seq, record) {
            // The log and the state now differ: only opening the store again brings them together.
            self.poison(&format!("record {seq} could not be applied: {error}"));
            return Err(StoreError::new(Errno::IO, format!("apply a change ({error})")));
        }
        Ok(seq)
    }

    /// Logs how far the store is synced.
    pub(crate) fn mark(&mut self) -> Result<(), StoreError> {
        self.commit(&Record::Mark).map(drop)
    }

    /// Puts this owner's mark over a record that did not count, for good.
    pub(crate) fn overwrite(&mut self, position: u64) -> Result<(), StoreError> {
        self.log.step_back(position);
        self.log_owner()?;
        let target = self.begin_sync()?;
        let synced = self.device.sync();
        self.finish_sync(target, &synced).map(drop)
    }

    fn make_room_in_log(&mut self, body: usize) -> Result<(), StoreError> {
        while let Some(blocks) = self.log.wants_segment(body) {
            let segment = match self.log.take_spare(body) {
                Some(segment) => segment,
                None => self.new_segment(blocks)?,
            };
            let synced = self.durable;
            let jumped = self.log.jump(&*self.device, segment, synced);
            if let Err(error) = jumped {
                self.state
                    .space
                    .give_back(&[segment])
                    .map_err(|e| super::meta_failed(&e, "log"))?;
                return Err(device_failed(&error, "write the log"));
            }
        }
        Ok(())
    }

    fn new_segment(&mut self, blocks: u64) -> Result<Run, StoreError> {
        let runs = self.state.space.allocate(blocks, Purpose::Log);
        let run = *runs.map_err(|error| no_space(&error))?.first().expect("one run for the log");
        if let Err(error) = self.grow_to(run.end()) {
            let given_back = self.state.space.give_back(&[run]);
            given_back.map_err(|e| super::meta_failed(&e, "give blocks back"))?;
            return Err(device_failed(&error, "grow the store"));
        }
        Ok(run)
    }

    /// Grows the store file in steps, so that most writes leave its length alone.
    pub(crate) fn grow_to(&mut self, end: u64) -> std::io::Result<()> {
        if end <= self.length {
            return Ok(());
        }
        let step = (self.length / 4).clamp((512 << 10) / BLOCK_BYTES, (256 << 20) / BLOCK_BYTES);
        let length = (self.length + step).min(self.state.space.end).max(end);
        self.device.set_len(length * BLOCK_BYTES)?;
        self.length = length;
        Ok(())
    }

    /// Writes blocks that nothing refers to yet.
    pub(crate) fn write_blocks(&mut self, run: Run, data: &[u8]) -> Result<(), StoreError> {
        debug_assert_eq!(run.bytes(), data.len() as u64);
        self.grow_to(run.end()).map_err(|error| device_failed(&error, "grow the store"))?;
        let written = Device::write_at(&*self.device, run.offset(), data);
        written.map_err(|error| device_failed(&error, "write data"))?;
        self.unsynced += run.bytes();
        Ok(())
    }
}

/// The device refused: a full file system is told apart from a broken one.
pub(crate) fn device_failed(error: &std::io::Error, what: &str) -> StoreError {
    let errno = match error.raw_os_error() {
        Some(number) if [28, 122].contains(&number) => Errno::NOSPC,
        _ => Errno::IO,
    };
    match errno {
        Errno::NOSPC => StoreError::new(errno, format!("{what} (the file system is full)")),
        _ => StoreError::new(errno, format!("{what} ({error})")),
    }
}

/// Why no blocks could be had.
pub(crate) fn no_space(error: &AllocateError) -> StoreError {
    match error {
        AllocateError::NoSpace => StoreError::new(Errno::NOSPC, "write (the store is full)"),
        AllocateError::Meta(error) => super::meta_failed(error, "find free blocks"),
    }
}
