//! Which object a command of `rados` is about, and how it is reached.

use bytes::Bytes;
use clap::Command;
use marcot_store::{
    Errno, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapId, StoreError, WriteOp, WriteStep,
};

use super::style;
use crate::args::{Arguments, options};
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

/// `--pool`, `--namespace`, and the word that names the object.
pub(super) fn object(command: Command) -> Command {
    place(command).arg(options::word("obj-name", "name of the object"))
}

/// `--pool`, `--namespace`, and `--format`, which all commands take.
pub(super) fn place(command: Command) -> Command {
    style::define(command)
        .args([options::pool(), options::text("namespace", "namespace of the object").short('N')])
}

/// A namespace of a pool.
pub(super) struct Place<'a> {
    session: &'a Session,
    pool: PoolId,
    pool_name: String,
    namespace: String,
}

impl<'a> Place<'a> {
    pub(super) fn open(arguments: &Arguments, session: &'a Session) -> Result<Place<'a>, Failure> {
        let pool_name = arguments.text("pool").ok_or_else(|| refused("pool was not specified"))?;
        let Some(pool) = session.pools()?.into_iter().find(|pool| pool.name == pool_name) else {
            return Err(refused(&format!("error opening pool {pool_name}: {}", Errno::NOENT)));
        };
        let namespace = arguments.text("namespace").unwrap_or_default();
        Ok(Place { session, pool: pool.id, pool_name, namespace })
    }

    pub(super) fn id(&self, name: &str) -> ObjectId {
        ObjectId::new(self.pool, self.namespace.as_str(), name)
    }

    /// `POOL/OBJECT`, as messages have it.
    pub(super) fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.pool_name)
    }

    /// `POOL>OBJECT` or `POOL>NAMESPACE/OBJECT`, as one message has it.
    pub(super) fn shown_apart(&self, name: &str) -> String {
        let space = if self.namespace.is_empty() { "" } else { "/" };
        format!("{}>{}{space}{name}", self.pool_name, self.namespace)
    }

    /// One step of reading at the head.
    pub(super) fn read(
        &self,
        name: &str,
        step: ReadStep,
    ) -> Result<Result<ReadResult, StoreError>, Failure> {
        let store = &self.session.client()?.store;
        let read = store.read(&self.id(name), SnapId::HEAD, ReadOp::single(step));
        let first = |results: Vec<ReadResult>| results.into_iter().next();
        let found = self.session.wait(read).map(first);
        Ok(found.map(|result| result.unwrap_or(ReadResult::Done)))
    }

    /// One step of writing, durable.
    pub(super) fn write(
        &self,
        name: &str,
        step: WriteStep,
    ) -> Result<Result<(), StoreError>, Failure> {
        let store = &self.session.client()?.store;
        let write = store.write(&self.id(name), WriteOp::new(vec![step]));
        Ok(self.session.wait(write).map(|_| ()))
    }

    /// The whole omap, ascending by key.
    pub(super) fn omap(
        &self,
        name: &str,
    ) -> Result<Result<Vec<(Bytes, Bytes)>, StoreError>, Failure> {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let step = ReadStep::OmapList { after, prefix: Bytes::new(), max: PAGE };
            let page = match self.read(name, step)? {
                Ok(ReadResult::Omap(page)) => page,
                Ok(_) => return Ok(Ok(entries)),
                Err(error) => return Ok(Err(error)),
            };
            entries.extend(page.entries);
            after = entries.last().map(|(key, _): &(Bytes, Bytes)| key.clone());
            if !page.more {
                return Ok(Ok(entries));
            }
        }
    }
}

/// Data moved at a time, in bytes.
pub(super) const PIECE: usize = 4 << 20;

/// Why a file could not be used.
pub(super) fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::IO, Errno::from_raw)
}

/// Pairs of an omap asked for at a time.
const PAGE: u64 = 512;

/// The next word, which must be there.
pub(super) fn required(arguments: &Arguments, what: &str) -> Result<String, Failure> {
    arguments.next_word().ok_or_else(|| refused(&format!("rados: {what} was not specified")))
}

/// A sentence of `rados`, which ends with 1 whatever went wrong.
pub(super) fn refused(line: &str) -> Failure {
    console::complain(line);
    Failure::Told(1)
}
