//! Faults that a simulated volume injects: the n-th call of a kind fails, once or for ever.

use std::io;

use rustix::io::Errno;

/// The kinds of call that are counted and can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    Read,
    Write,
    Sync,
    SetLen,
    Punch,
    CreateMeta,
}

/// How long a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    Once,
    Forever,
}

/// One planned failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub call: Call,
    /// Which call of that kind fails, counted from zero since the volume was made.
    pub nth: u64,
    /// A positive errno: `EIO`, `ENOSPC` …
    pub errno: i32,
    pub repeat: Repeat,
}

impl Fault {
    /// `EIO` at the `nth` call of `call`, once.
    pub fn io_error(call: Call, nth: u64) -> Fault {
        Fault { call, nth, errno: Errno::IO.raw_os_error(), repeat: Repeat::Once }
    }

    /// `ENOSPC` from the `nth` call of `call` on.
    pub fn no_space(call: Call, nth: u64) -> Fault {
        Fault { call, nth, errno: Errno::NOSPC.raw_os_error(), repeat: Repeat::Forever }
    }

    fn strikes(&self, call: Call, number: u64) -> bool {
        self.call == call
            && match self.repeat {
                Repeat::Once => number == self.nth,
                Repeat::Forever => number >= self.nth,
            }
    }
}

/// Counts calls and decides which of them fail.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: Vec<Fault>,
    counts: std::collections::BTreeMap<Call, u64>,
}

impl Faults {
    pub(super) fn plan(&mut self, fault: Fault) {
        self.planned.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.planned.clear();
    }

    pub(super) fn count(&self, call: Call) -> u64 {
        self.counts.get(&call).copied().unwrap_or(0)
    }

    /// Counts one call; an error when a planned fault strikes it.
    pub(super) fn meet(&mut self, call: Call) -> io::Result<()> {
        let number = self.counts.entry(call).or_insert(0);
        let this = *number;
        *number += 1;
        match self.planned.iter().find(|fault| fault.strikes(call, this)) {
            Some(fault) => Err(io::Error::from_raw_os_error(fault.errno)),
            None => Ok(()),
        }
    }
}
