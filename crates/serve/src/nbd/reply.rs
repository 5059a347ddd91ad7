//! Replies as bytes, in the style that a connection agreed on.

use bytes::Bytes;

use super::command::{Fragments, Terms};
use super::errno::NbdErrno;
use super::export::{Extent, ExtentState};
use super::outbox::Outbox;
use super::request::HeaderKind;
use super::wire::{self, chunk};
use super::zeroes;

/// Which request a reply belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) cookie: u64,
    pub(crate) offset: u64,
}

/// The style of the replies of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyStyle {
    Simple,
    Structured,
    Extended,
}

impl ReplyStyle {
    pub(crate) fn of(terms: &Terms) -> ReplyStyle {
        match (terms.header, terms.structured) {
            (HeaderKind::Extended, _) => ReplyStyle::Extended,
            (HeaderKind::Compact, true) => ReplyStyle::Structured,
            (HeaderKind::Compact, false) => ReplyStyle::Simple,
        }
    }

    /// Success of a command that returns no data.
    pub(crate) fn put_success(self, out: &mut Outbox, origin: Origin) {
        match self {
            // Short, and allowed whenever no payload is due.
            ReplyStyle::Simple | ReplyStyle::Structured => put_simple(out, origin, 0),
            ReplyStyle::Extended => {
                self.put_chunk(out, origin, Chunk { kind: chunk::NONE, length: 0, done: true });
            }
        }
    }

    pub(crate) fn put_error(self, out: &mut Outbox, origin: Origin, error: NbdErrno, text: &str) {
        if self == ReplyStyle::Simple {
            return put_simple(out, origin, error.number());
        }
        let mut message = text.as_bytes();
        if message.len() > wire_text_max() {
            message = message.get(..cut_at_character(text)).unwrap_or_default();
        }
        let length = 6 + message.len() as u64;
        self.put_chunk(out, origin, Chunk { kind: chunk::ERROR, length, done: true });
        out.put(&error.number().to_be_bytes());
        out.put(&(message.len() as u16).to_be_bytes());
        out.put(message);
    }

    /// What was read at `origin.offset`. Blocks of zeroes become holes where the style has them.
    pub(crate) fn put_data(
        self,
        out: &mut Outbox,
        origin: Origin,
        data: Bytes,
        fragments: Fragments,
    ) {
        if self == ReplyStyle::Simple {
            put_simple(out, origin, 0);
            return out.put_payload(data);
        }
        if data.is_empty() {
            return self.put_chunk(out, origin, Chunk { kind: chunk::NONE, length: 0, done: true });
        }
        if fragments == Fragments::Refused || !may_hold_zero_block(&data) {
            return self.put_piece(out, origin, 0, data, true);
        }
        let runs = zeroes::runs(&data);
        let last = runs.len();
        for (number, run) in runs.into_iter().enumerate() {
            let done = number + 1 == last;
            if run.zero {
                self.put_hole(out, origin, run.range, done);
            } else {
                let piece = data.slice(run.range.clone());
                self.put_piece(out, origin, run.range.start, piece, done);
            }
        }
    }

    fn put_piece(self, out: &mut Outbox, origin: Origin, at: usize, data: Bytes, done: bool) {
        let length = 8 + data.len() as u64;
        self.put_chunk(out, origin, Chunk { kind: chunk::OFFSET_DATA, length, done });
        out.put(&(origin.offset + at as u64).to_be_bytes());
        out.put_payload(data);
    }

    fn put_hole(self, out: &mut Outbox, origin: Origin, range: std::ops::Range<usize>, done: bool) {
        self.put_chunk(out, origin, Chunk { kind: chunk::OFFSET_HOLE, length: 12, done });
        out.put(&(origin.offset + range.start as u64).to_be_bytes());
        out.put(&(range.len() as u32).to_be_bytes());
    }

    /// Block status of base:allocation.
    pub(crate) fn put_status(self, out: &mut Outbox, origin: Origin, extents: &[Extent]) {
        let count = extents.len() as u64;
        let flags = |extent: &Extent| match extent.state {
            ExtentState::Data => 0,
            ExtentState::Hole => wire::STATE_HOLE | wire::STATE_ZERO,
        };
        let context = wire::ALLOCATION_CONTEXT_ID.to_be_bytes();
        if self == ReplyStyle::Extended {
            let head = Chunk { kind: chunk::BLOCK_STATUS_EXT, length: 8 + 16 * count, done: true };
            self.put_chunk(out, origin, head);
            out.put(&context);
            out.put(&(count as u32).to_be_bytes());
            for extent in extents {
                out.put(&extent.length.to_be_bytes());
                out.put(&u64::from(flags(extent)).to_be_bytes());
            }
            return;
        }
        let head = Chunk { kind: chunk::BLOCK_STATUS, length: 4 + 8 * count, done: true };
        self.put_chunk(out, origin, head);
        out.put(&context);
        for extent in extents {
            // The request's own length was 32 bits wide, and no extent is longer than it.
            out.put(&(extent.length as u32).to_be_bytes());
            out.put(&flags(extent).to_be_bytes());
        }
    }

    fn put_chunk(self, out: &mut Outbox, origin: Origin, head: Chunk) {
        let flags = if head.done { chunk::FLAG_DONE } else { 0 };
        let mut bytes = [0; 32];
        let (compact, offset) = bytes.split_at_mut(16);
        let magic = match self {
            ReplyStyle::Extended => wire::EXTENDED_REPLY_MAGIC,
            ReplyStyle::Simple | ReplyStyle::Structured => wire::STRUCTURED_REPLY_MAGIC,
        };
        compact[..4].copy_from_slice(&magic.to_be_bytes());
        compact[4..6].copy_from_slice(&flags.to_be_bytes());
        compact[6..8].copy_from_slice(&head.kind.to_be_bytes());
        compact[8..].copy_from_slice(&origin.cookie.to_be_bytes());
        if self == ReplyStyle::Extended {
            offset[..8].copy_from_slice(&origin.offset.to_be_bytes());
            offset[8..].copy_from_slice(&head.length.to_be_bytes());
            out.put(&bytes);
        } else {
            offset[..4].copy_from_slice(&(head.length as u32).to_be_bytes());
            out.put(&bytes[..20]);
        }
    }
}

struct Chunk {
    kind: u16,
    length: u64,
    done: bool,
}

fn put_simple(out: &mut Outbox, origin: Origin, error: u32) {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&wire::SIMPLE_REPLY_MAGIC.to_be_bytes());
    bytes[4..8].copy_from_slice(&error.to_be_bytes());
    bytes[8..].copy_from_slice(&origin.cookie.to_be_bytes());
    out.put(&bytes);
}

/// Spares the common small read of data the list of runs.
fn may_hold_zero_block(data: &[u8]) -> bool {
    data.len() > 4096 || zeroes::is_zero(data)
}

fn wire_text_max() -> usize {
    super::limits::STRING_BYTES
}

fn cut_at_character(text: &str) -> usize {
    (0..=wire_text_max()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
