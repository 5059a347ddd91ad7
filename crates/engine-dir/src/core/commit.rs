//! From a record to the log and the state.

use marcot_store::{Errno, StoreError};

use super::Core;
use crate::device::Device;
use crate::layout::Record;
use crate::planted::{Defect, planted};
use crate::space::{AllocateError, Purpose};
use crate::units::{BLOCK, BLOCK_BYTES, Run};

/// Client ids are given out in advance, so that handing one out writes nothing.
const CLIENT_IDS_AHEAD: u64 = 64;
/// Bytes of log that writes of data leave to changes that give space back.
const LOG_RESERVE: u64 = 256 << 10;
/// Bytes of each segment that other records leave to marks.
const ROOM_FOR_MARKS: usize = 2 * BLOCK;

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
        self.make_room_in_log(record, body.len())?;
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

    /// Sees to it that the log has room for changes that give space back, before a write of data
    /// may take any: on a medium that others have filled, too.
    pub(crate) fn keep_log_reserve(&mut self) -> Result<(), StoreError> {
        let wanted = LOG_RESERVE.min(self.log.segment_blocks() * BLOCK_BYTES / 4);
        if self.log.room() < wanted {
            let segment = self.new_segment(self.log.next_segment(0))?;
            self.log.add_spare(segment);
        }
        Ok(())
    }

    fn make_room_in_log(&mut self, record: &Record, body: usize) -> Result<(), StoreError> {
        // Marks find room in any segment: they are what makes freed blocks usable again.
        let body = match record {
            Record::Mark => body,
            _ => body + ROOM_FOR_MARKS,
        };
        while self.log.wants_segment(body) {
            let segment = match self.log.take_spare(body) {
                Some(segment) => segment,
                None => self.new_segment(self.log.next_segment(body))?,
            };
            let synced = self.durable;
            let jumped = self.log.jump(&*self.device, (segment, self.seal), synced);
            if let Err(error) = jumped {
                self.log.add_spare(segment);
                return Err(device_failed(&error, "write the log"));
            }
        }
        Ok(())
    }

    /// A segment for the log, its space set aside; the largest that can be had of two sizes.
    fn new_segment(&mut self, (usual, least): (u64, u64)) -> Result<Run, StoreError> {
        self.reserved_segment(usual).or_else(|error| match error.errno {
            Errno::NOSPC if least < usual => self.reserved_segment(least),
            _ => Err(error),
        })
    }

    fn reserved_segment(&mut self, blocks: u64) -> Result<Run, StoreError> {
        let runs = self.state.space.allocate(blocks, Purpose::Log);
        let run = *runs.map_err(|error| no_space(&error))?.first().expect("one run for the log");
        let reserved = self
            .grow_to(run.end())
            .and_then(|()| reserve(&*self.device, run.offset(), run.bytes()));
        if let Err(error) = reserved {
            let given_back = self.state.space.give_back(&[run]);
            given_back.map_err(|e| super::meta_failed(&e, "give blocks back"))?;
            return Err(device_failed(&error, "grow the log"));
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

/// Sets space aside where the device can.
pub(crate) fn reserve(device: &dyn Device, offset: u64, length: u64) -> std::io::Result<()> {
    match device.reserve(offset, length) {
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(()),
        done => done,
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
