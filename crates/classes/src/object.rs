//! One object in memory, for the tests: what a method reads is the state before the operation.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_store::class::ObjectContext;
use marcot_store::op::{CreateMode, ObjectStat, OmapPage, Timestamp};
use marcot_store::{ClientAddress, ClientId, Errno, SnapId};

/// What an object holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) data: Vec<u8>,
    pub(crate) xattrs: BTreeMap<String, Bytes>,
    pub(crate) omap: BTreeMap<Bytes, Bytes>,
    /// The newest snapshot that it has seen.
    pub(crate) seq: SnapId,
}

/// An object, there or not, during one operation.
#[derive(Debug)]
pub(crate) struct TestObject {
    before: Option<Content>,
    after: Option<Content>,
    caller: (ClientId, ClientAddress),
    watchers: Vec<(ClientId, ClientAddress)>,
}

/// The clock of all operations.
pub(crate) const NOW: Timestamp = Timestamp { seconds: 1_700_000_000, nanoseconds: 5 };

/// Runs one call on an object that nobody watches; a failed one leaves the object alone.
pub(crate) fn call(
    content: &mut Option<Content>,
    caller: (ClientId, ClientAddress),
    method: (&str, &str),
    input: &[u8],
) -> Result<Bytes, Errno> {
    call_watched(content, (caller, &[]), method, input)
}

/// As [`call`], with those who watch the object beside the caller.
pub(crate) fn call_watched(
    content: &mut Option<Content>,
    (caller, watchers): ((ClientId, ClientAddress), &[(ClientId, ClientAddress)]),
    (class, method): (&str, &str),
    input: &[u8],
) -> Result<Bytes, Errno> {
    let mut object = TestObject {
        before: content.clone(),
        after: content.clone(),
        caller,
        watchers: watchers.to_vec(),
    };
    let result = crate::all().call(class, method, &mut object, input)?;
    *content = object.after;
    Ok(result)
}

impl TestObject {
    fn before(&self) -> Result<&Content, Errno> {
        self.before.as_ref().ok_or(Errno::NOENT)
    }

    fn after(&mut self) -> &mut Content {
        self.after.get_or_insert_default()
    }
}

impl ObjectContext for TestObject {
    fn stat(&mut self) -> Result<ObjectStat, Errno> {
        let content = self.after.as_ref().ok_or(Errno::NOENT)?;
        Ok(ObjectStat { size: content.data.len() as u64, ..ObjectStat::default() })
    }

    fn read(&mut self, offset: u64, length: u64) -> Result<Bytes, Errno> {
        let data = &self.before()?.data;
        let start = (offset as usize).min(data.len());
        let end = (offset.saturating_add(length) as usize).min(data.len());
        Ok(Bytes::copy_from_slice(&data[start..end]))
    }

    fn xattr(&mut self, name: &str) -> Result<Bytes, Errno> {
        self.before()?.xattrs.get(name).cloned().ok_or(Errno::NODATA)
    }

    fn xattrs(&mut self) -> Result<Vec<(String, Bytes)>, Errno> {
        let xattrs = self.before()?.xattrs.iter();
        Ok(xattrs.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn omap_value(&mut self, key: &[u8]) -> Result<Bytes, Errno> {
        self.before()?.omap.get(key).cloned().ok_or(Errno::NOENT)
    }

    /// Pages of at most two, so that nobody relies on long ones.
    fn omap_list(
        &mut self,
        after: Option<&[u8]>,
        prefix: &[u8],
        max: u64,
    ) -> Result<OmapPage, Errno> {
        let omap = &self.before()?.omap;
        let mut matching = omap
            .iter()
            .filter(|(key, _)| after.is_none_or(|after| &key[..] > after))
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()));
        let entries = matching.by_ref().take(max.min(2) as usize).collect();
        Ok(OmapPage { entries, more: matching.next().is_some() })
    }

    fn create(&mut self, mode: CreateMode) -> Result<(), Errno> {
        if self.after.is_some() && mode == CreateMode::Exclusive {
            return Err(Errno::EXIST);
        }
        self.after();
        Ok(())
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let content = self.after();
        let end = offset as usize + data.len();
        let size = content.data.len().max(end);
        content.data.resize(size, 0);
        content.data[offset as usize..end].copy_from_slice(data);
        Ok(())
    }

    fn write_full(&mut self, data: &[u8]) -> Result<(), Errno> {
        self.after().data = data.to_vec();
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> Result<(), Errno> {
        self.after().data.resize(size as usize, 0);
        Ok(())
    }

    fn zero(&mut self, offset: u64, length: u64) -> Result<(), Errno> {
        let data = &mut self.after().data;
        let start = (offset as usize).min(data.len());
        let end = ((offset + length) as usize).min(data.len());
        data[start..end].fill(0);
        Ok(())
    }

    fn remove(&mut self) -> Result<(), Errno> {
        self.after.take().map(|_| ()).ok_or(Errno::NOENT)
    }

    fn set_xattr(&mut self, name: &str, value: &[u8]) -> Result<(), Errno> {
        self.after().xattrs.insert(name.to_owned(), Bytes::copy_from_slice(value));
        Ok(())
    }

    fn remove_xattr(&mut self, name: &str) -> Result<(), Errno> {
        self.after().xattrs.remove(name).map(|_| ()).ok_or(Errno::NODATA)
    }

    fn omap_set(&mut self, entries: Vec<(Bytes, Bytes)>) -> Result<(), Errno> {
        self.after().omap.extend(entries);
        Ok(())
    }

    fn omap_remove(&mut self, keys: Vec<Bytes>) -> Result<(), Errno> {
        let content = self.after();
        for key in keys {
            content.omap.remove(&key);
        }
        Ok(())
    }

    fn caller(&self) -> (ClientId, ClientAddress) {
        self.caller.clone()
    }

    fn watchers(&self) -> &[(ClientId, ClientAddress)] {
        &self.watchers
    }

    fn now(&self) -> Timestamp {
        NOW
    }

    fn snapset_seq(&self) -> Option<SnapId> {
        self.after.as_ref().map(|content| content.seq)
    }
}
