//! What a request header asks for: a pure decision, before any payload is received.
//!
//! All checks of ranges, flags and lengths are here; what passes fits the export.

use super::export::{Persistence, Range, ZeroEffort, ZeroOptions, ZeroSpace};
use super::request::{HeaderKind, RequestHeader};
use super::wire::{command_code as code, command_flag as flag};

/// A checked request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Read { offset: u64, length: u32, fragments: Fragments },
    Write { offset: u64, length: u32, persistence: Persistence },
    Disconnect,
    Flush,
    Trim { range: Range, persistence: Persistence },
    Cache { range: Range },
    WriteZeroes { range: Range, options: ZeroOptions },
    BlockStatus { range: Range, extents: StatusExtents },
}

/// Whether a read may be answered in several pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fragments {
    Allowed,
    /// The client set DF.
    Refused,
}

/// How many extents a client wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusExtents {
    Many,
    One,
}

/// Why a request is refused without asking the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the export is read-only")]
    ReadOnly,
    #[error("the request goes beyond the end of the export")]
    BeyondEnd,
    #[error("the write goes beyond the end of the export")]
    WriteBeyondEnd,
    #[error("the request is longer than the advertised maximum")]
    TooLong,
    #[error("unknown command")]
    UnknownCommand,
    #[error("unknown or not negotiated flags")]
    UnknownFlags,
    #[error("the status of no bytes was asked for")]
    EmptyStatus,
    #[error("base:allocation was not negotiated")]
    NoContext,
    #[error("this command carries no payload")]
    UnexpectedPayload,
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// What a connection agreed on, as far as requests are judged by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) header: HeaderKind,
    pub(crate) size: u64,
    pub(crate) writable: bool,
    pub(crate) structured: bool,
    pub(crate) allocation_context: bool,
    pub(crate) payload_bytes_max: u32,
}

/// A request with its verdict and the number of bytes that follow its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) payload_bytes: u64,
    pub(crate) verdict: Result<Command, Refusal>,
}

/// Judges `header`.
pub(crate) fn decide(terms: &Terms, header: &RequestHeader) -> Decision {
    let announced = terms.header == HeaderKind::Extended && header.flags & flag::PAYLOAD_LEN != 0;
    let is_write = header.command == code::WRITE;
    let payload_bytes = if is_write || announced { header.length } else { 0 };
    let verdict = if announced && !is_write {
        Err(Refusal::UnexpectedPayload)
    } else {
        check_flags(terms, header).and_then(|()| check_command(terms, header))
    };
    Decision { payload_bytes, verdict }
}

/// FUA is accepted with every command, as the specification demands once it is advertised.
fn check_flags(terms: &Terms, header: &RequestHeader) -> Result<(), Refusal> {
    let allowed = flag::FUA
        | match header.command {
            code::READ if terms.structured => flag::DF,
            code::WRITE if terms.header == HeaderKind::Extended => flag::PAYLOAD_LEN,
            code::WRITE_ZEROES => flag::NO_HOLE | flag::FAST_ZERO,
            code::BLOCK_STATUS => flag::REQ_ONE,
            _ => 0,
        };
    if header.flags & !allowed == 0 { Ok(()) } else { Err(Refusal::UnknownFlags) }
}

fn check_command(terms: &Terms, header: &RequestHeader) -> Result<Command, Refusal> {
    let offset = header.offset;
    let has = |bit: u16| header.flags & bit != 0;
    let persistence = if has(flag::FUA) { Persistence::Durable } else { Persistence::Cached };
    match header.command {
        code::READ => {
            let length = payload_length(terms, header)?;
            check_range(terms, header, Refusal::BeyondEnd)?;
            let fragments = if has(flag::DF) { Fragments::Refused } else { Fragments::Allowed };
            Ok(Command::Read { offset, length, fragments })
        }
        code::WRITE => {
            check_writable(terms)?;
            let length = payload_length(terms, header)?;
            check_range(terms, header, Refusal::WriteBeyondEnd)?;
            Ok(Command::Write { offset, length, persistence })
        }
        code::DISC => Ok(Command::Disconnect),
        code::FLUSH => Ok(Command::Flush),
        code::TRIM => {
            check_writable(terms)?;
            let range = check_range(terms, header, Refusal::BeyondEnd)?;
            Ok(Command::Trim { range, persistence })
        }
        code::CACHE => {
            Ok(Command::Cache { range: check_range(terms, header, Refusal::BeyondEnd)? })
        }
        code::WRITE_ZEROES => {
            check_writable(terms)?;
            let range = check_range(terms, header, Refusal::WriteBeyondEnd)?;
            let space = if has(flag::NO_HOLE) { ZeroSpace::Keep } else { ZeroSpace::Release };
            let effort = if has(flag::FAST_ZERO) { ZeroEffort::FastOnly } else { ZeroEffort::Any };
            let options = ZeroOptions { persistence, space, effort };
            Ok(Command::WriteZeroes { range, options })
        }
        code::BLOCK_STATUS => check_status(terms, header),
        _ => Err(Refusal::UnknownCommand),
    }
}

fn check_status(terms: &Terms, header: &RequestHeader) -> Result<Command, Refusal> {
    if !terms.allocation_context {
        return Err(Refusal::NoContext);
    }
    let range = check_range(terms, header, Refusal::BeyondEnd)?;
    if range.length == 0 {
        return Err(Refusal::EmptyStatus);
    }
    let one = header.flags & flag::REQ_ONE != 0;
    let extents = if one { StatusExtents::One } else { StatusExtents::Many };
    Ok(Command::BlockStatus { range, extents })
}

fn check_writable(terms: &Terms) -> Result<(), Refusal> {
    if terms.writable { Ok(()) } else { Err(Refusal::ReadOnly) }
}

/// The length of a request whose data travels, which the maximum payload bounds.
fn payload_length(terms: &Terms, header: &RequestHeader) -> Result<u32, Refusal> {
    match u32::try_from(header.length) {
        Ok(length) if length <= terms.payload_bytes_max => Ok(length),
        _ => Err(Refusal::TooLong),
    }
}

/// `beyond` is for a range that starts in numbers but ends outside; a sum that overflows is
/// always [`Refusal::BeyondEnd`].
fn check_range(terms: &Terms, header: &RequestHeader, beyond: Refusal) -> Result<Range, Refusal> {
    let end = header.offset.checked_add(header.length).ok_or(Refusal::BeyondEnd)?;
    if end > terms.size {
        return Err(beyond);
    }
    Ok(Range { offset: header.offset, length: header.length })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TERMS: Terms = Terms {
        header: HeaderKind::Compact,
        size: 1 << 20,
        writable: true,
        structured: true,
        allocation_context: true,
        payload_bytes_max: 1 << 16,
    };

    fn request(command: u16, flags: u16, offset: u64, length: u64) -> RequestHeader {
        RequestHeader { flags, command, cookie: 7, offset, length }
    }

    fn verdict(terms: &Terms, header: RequestHeader) -> Result<Command, Refusal> {
        decide(terms, &header).verdict
    }

    #[test]
    fn ranges_end_at_the_size() {
        let last = request(code::WRITE, 0, (1 << 20) - 1, 1);
        assert!(verdict(&TERMS, last).is_ok());
        let after = request(code::WRITE, 0, (1 << 20) - 1, 2);
        assert_eq!(verdict(&TERMS, after), Err(Refusal::WriteBeyondEnd));
        let read = request(code::READ, 0, (1 << 20) - 1, 2);
        assert_eq!(verdict(&TERMS, read), Err(Refusal::BeyondEnd));
        let overflow = request(code::WRITE, 0, u64::MAX, 2);
        assert_eq!(verdict(&TERMS, overflow), Err(Refusal::BeyondEnd));
    }

    #[test]
    fn a_refused_write_still_announces_its_payload() {
        let terms = Terms { writable: false, ..TERMS };
        let decision = decide(&terms, &request(code::WRITE, 0, 0, 4096));
        assert_eq!(decision, Decision { payload_bytes: 4096, verdict: Err(Refusal::ReadOnly) });
        let long = decide(&TERMS, &request(code::WRITE, 0, 0, 1 << 17));
        assert_eq!(long, Decision { payload_bytes: 1 << 17, verdict: Err(Refusal::TooLong) });
    }

    #[test]
    fn read_only_refuses_every_change() {
        let terms = Terms { writable: false, ..TERMS };
        for command in [code::WRITE, code::TRIM, code::WRITE_ZEROES] {
            let header = request(command, 0, 0, 512);
            assert_eq!(verdict(&terms, header), Err(Refusal::ReadOnly));
        }
        assert!(verdict(&terms, request(code::FLUSH, 0, 0, 0)).is_ok());
    }

    #[test]
    fn payload_len_belongs_to_extended_writes_only() {
        let extended = Terms { header: HeaderKind::Extended, ..TERMS };
        let read = decide(&extended, &request(code::READ, flag::PAYLOAD_LEN, 0, 512));
        let expected = Decision { payload_bytes: 512, verdict: Err(Refusal::UnexpectedPayload) };
        assert_eq!(read, expected);
        let write = request(code::WRITE, flag::PAYLOAD_LEN, 0, 512);
        assert!(verdict(&extended, write).is_ok());
        assert_eq!(verdict(&TERMS, write), Err(Refusal::UnknownFlags));
    }

    #[test]
    fn flags_of_other_commands_are_refused_and_fua_is_not() {
        let df = request(code::WRITE, flag::DF, 0, 512);
        assert_eq!(verdict(&TERMS, df), Err(Refusal::UnknownFlags));
        let simple = Terms { structured: false, ..TERMS };
        let read = request(code::READ, flag::DF, 0, 512);
        assert_eq!(verdict(&simple, read), Err(Refusal::UnknownFlags));
        assert!(verdict(&TERMS, request(code::READ, flag::FUA, 0, 512)).is_ok());
    }

    proptest! {
        #[test]
        fn what_passes_fits_the_export(
            flags: u16, command in 0u16..9, offset: u64, length: u64, extended: bool,
        ) {
            let header = if extended { HeaderKind::Extended } else { HeaderKind::Compact };
            let terms = Terms { header, ..TERMS };
            let decision = decide(&terms, &request(command, flags, offset, length));
            let fits = |range: Range| {
                range.offset.checked_add(range.length).is_some_and(|end| end <= terms.size)
            };
            match decision.verdict {
                Ok(Command::Read { offset, length, .. })
                | Ok(Command::Write { offset, length, .. }) => {
                    prop_assert!(length <= terms.payload_bytes_max);
                    let range = Range { offset, length: length.into() };
                    prop_assert!(fits(range));
                }
                Ok(Command::Trim { range, .. })
                | Ok(Command::Cache { range })
                | Ok(Command::WriteZeroes { range, .. })
                | Ok(Command::BlockStatus { range, .. }) => prop_assert!(fits(range)),
                Ok(Command::Disconnect) | Ok(Command::Flush) | Err(_) => {}
            }
        }
    }
}
