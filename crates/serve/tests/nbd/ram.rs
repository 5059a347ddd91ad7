//! An export in memory, with an allocation map, failures to order and a log of flushes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use marcot_serve::nbd::export::{
    ExportAccess, ExportFuture, Extent, ExtentState, Persistence, Range, ZeroOptions,
};
use marcot_serve::nbd::{Export, ExportError};

/// Granularity of the allocation map.
const BLOCK: u64 = 4096;

pub struct Ram {
    content: Mutex<Content>,
    access: ExportAccess,
    /// Calls of `flush` and of writes with FUA.
    pub flushes: AtomicU64,
    /// What the next write fails with.
    pub fail_write: Mutex<Option<ExportError>>,
    /// When set, writes wait until it is released.
    pub gate: Option<Arc<tokio::sync::Semaphore>>,
}

struct Content {
    bytes: Vec<u8>,
    allocated: Vec<bool>,
}

impl Ram {
    pub fn new(size: u64, access: ExportAccess) -> Ram {
        let bytes = vec![0; size as usize];
        let allocated = vec![false; size.div_ceil(BLOCK) as usize];
        Ram {
            content: Mutex::new(Content { bytes, allocated }),
            access,
            flushes: AtomicU64::new(0),
            fail_write: Mutex::new(None),
            gate: None,
        }
    }

    pub fn peek(&self, offset: u64, length: usize) -> Vec<u8> {
        self.content.lock().unwrap().bytes[offset as usize..][..length].to_vec()
    }

    fn zero(&self, range: Range) {
        let mut content = self.content.lock().unwrap();
        let end = range.offset + range.length;
        content.bytes[range.offset as usize..end as usize].fill(0);
        let last = end.div_ceil(BLOCK) == content.allocated.len() as u64;
        let end_block = if last { end.div_ceil(BLOCK) } else { end / BLOCK };
        for block in range.offset.div_ceil(BLOCK)..end_block {
            content.allocated[block as usize] = false;
        }
    }

    fn sync(&self, persistence: Persistence) {
        if persistence == Persistence::Durable {
            self.flushes.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn put(&self, offset: u64, data: &[u8]) -> Result<(), ExportError> {
        if let Some(error) = self.fail_write.lock().unwrap().take() {
            return Err(error);
        }
        let mut content = self.content.lock().unwrap();
        content.bytes[offset as usize..][..data.len()].copy_from_slice(data);
        let end = offset + data.len() as u64;
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            content.allocated[block as usize] = true;
        }
        Ok(())
    }
}

impl Export for Ram {
    fn size(&self) -> u64 {
        self.content.lock().unwrap().bytes.len() as u64
    }

    fn access(&self) -> ExportAccess {
        self.access
    }

    fn read(self: Arc<Self>, offset: u64, length: u32) -> ExportFuture<Bytes> {
        Box::pin(async move { Ok(self.peek(offset, length as usize).into()) })
    }

    fn write(
        self: Arc<Self>,
        offset: u64,
        data: Bytes,
        persistence: Persistence,
    ) -> ExportFuture<()> {
        Box::pin(async move {
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            self.put(offset, &data)?;
            self.sync(persistence);
            Ok(())
        })
    }

    fn trim(self: Arc<Self>, range: Range, persistence: Persistence) -> ExportFuture<()> {
        Box::pin(async move {
            self.zero(range);
            self.sync(persistence);
            Ok(())
        })
    }

    fn write_zeroes(self: Arc<Self>, range: Range, options: ZeroOptions) -> ExportFuture<()> {
        self.trim(range, options.persistence)
    }

    fn flush(self: Arc<Self>) -> ExportFuture<()> {
        Box::pin(async move {
            self.sync(Persistence::Durable);
            Ok(())
        })
    }

    fn allocation(self: Arc<Self>, range: Range) -> ExportFuture<Vec<Extent>> {
        Box::pin(async move {
            let content = self.content.lock().unwrap();
            let mut extents: Vec<Extent> = Vec::new();
            let mut at = range.offset;
            let end = range.offset + range.length;
            while at < end {
                let next = ((at / BLOCK + 1) * BLOCK).min(end);
                let data = content.allocated[(at / BLOCK) as usize];
                let state = if data { ExtentState::Data } else { ExtentState::Hole };
                match extents.last_mut() {
                    Some(last) if last.state == state => last.length += next - at,
                    _ => extents.push(Extent { length: next - at, state }),
                }
                at = next;
            }
            Ok(extents)
        })
    }
}
