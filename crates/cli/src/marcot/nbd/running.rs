//! The exports that a host serves now, for `marcot nbd ls`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use marcot_serve::nbd::{ServeMode, ServeRequest};

/// One export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunningExport {
    pub(crate) name: String,
    /// `rw` or `ro`.
    pub(crate) access: String,
    /// Where it listens.
    pub(crate) address: String,
}

impl RunningExport {
    pub(crate) fn new(request: &ServeRequest, address: String) -> RunningExport {
        let access = match request.mode {
            ServeMode::ReadOnly => "ro",
            ServeMode::ReadWrite => "rw",
        };
        RunningExport { name: request.export_name.clone(), access: access.to_owned(), address }
    }
}

/// All exports of a host. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunningExports(Arc<Mutex<Registered>>);

#[derive(Debug, Default)]
struct Registered {
    last: u64,
    exports: BTreeMap<u64, RunningExport>,
}

/// Takes its export off the list when it is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    all: RunningExports,
    number: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.all.lock().exports.remove(&self.number);
    }
}

impl RunningExports {
    fn lock(&self) -> MutexGuard<'_, Registered> {
        // Nothing under this lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn register(&self, export: RunningExport) -> Registration {
        let mut registered = self.lock();
        registered.last += 1;
        let number = registered.last;
        registered.exports.insert(number, export);
        Registration { all: self.clone(), number }
    }

    /// As one host tells another process of the same build: a line each, tabs between.
    pub(crate) fn encode(&self) -> String {
        let line = |export: &RunningExport| {
            format!("{}\t{}\t{}\n", export.name, export.access, export.address)
        };
        self.lock().exports.values().map(line).collect()
    }
}

/// What [`RunningExports::encode`] wrote; lines of another form are left out.
pub(crate) fn decode(text: &str) -> Vec<RunningExport> {
    let line = |line: &str| {
        let mut parts = line.rsplitn(3, '\t').map(str::to_owned);
        let (address, access, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(RunningExport { name, access, address })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_listed_while_they_run() {
        let export = |name: &str| RunningExport {
            name: name.to_owned(),
            access: "rw".to_owned(),
            address: "/tmp/a.sock".to_owned(),
        };
        let running = RunningExports::default();
        let first = running.register(export("rbd/a"));
        let _second = running.register(export("rbd/b"));
        assert_eq!(decode(&running.encode()), [export("rbd/a"), export("rbd/b")]);
        drop(first);
        assert_eq!(decode(&running.encode()), [export("rbd/b")]);
    }
}
