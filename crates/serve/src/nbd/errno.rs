//! The one place that decides which error number a client sees.

use super::command::Refusal;
use super::export::ExportError;

/// An error of the NBD protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum NbdErrno {
    Perm = 1,
    Io = 5,
    NoMem = 12,
    Inval = 22,
    NoSpc = 28,
    Overflow = 75,
    NotSup = 95,
    Shutdown = 108,
}

impl NbdErrno {
    /// The number on the wire.
    pub(crate) fn number(self) -> u32 {
        self as u32
    }
}

/// What a failed call of the export is to the client.
pub(crate) fn of_export_error(error: &ExportError) -> NbdErrno {
    match error {
        ExportError::ReadOnly => NbdErrno::Perm,
        ExportError::Invalid(_) => NbdErrno::Inval,
        ExportError::NoSpace(_) => NbdErrno::NoSpc,
        ExportError::NotSupported(_) => NbdErrno::NotSup,
        ExportError::NoMemory(_) => NbdErrno::NoMem,
        ExportError::ShuttingDown => NbdErrno::Shutdown,
        ExportError::Io(_) => NbdErrno::Io,
    }
}

/// What a request that never reached the export is to the client.
pub(crate) fn of_refusal(refusal: Refusal) -> NbdErrno {
    match refusal {
        Refusal::ReadOnly => NbdErrno::Perm,
        Refusal::WriteBeyondEnd => NbdErrno::NoSpc,
        Refusal::BeyondEnd
        | Refusal::UnknownCommand
        | Refusal::UnknownFlags
        | Refusal::EmptyStatus
        | Refusal::NoContext
        | Refusal::UnexpectedPayload => NbdErrno::Inval,
        Refusal::TooLong => NbdErrno::Overflow,
        Refusal::ShuttingDown => NbdErrno::Shutdown,
    }
}
