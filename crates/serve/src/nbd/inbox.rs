//! Bytes that were received and not used yet.
//!
//! One buffer takes many requests per read, and payloads are cut out of it without copying. A
//! payload that does not fit gets memory of its own, which the socket then fills directly.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::request::{BadMagic, HeaderKind, RequestHeader};

/// Size of the buffer.
const BUFFER_BYTES: usize = 256 << 10;
/// A read begins with at least this much space.
const SPACE_BYTES: usize = 32 << 10;
/// Payloads from this size on get memory of their own.
const LARGE_BYTES: usize = 128 << 10;

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    buffer: BytesMut,
    /// The payload being received on its own, and its full length.
    large: Option<(BytesMut, usize)>,
}

impl Inbox {
    /// The next request header; `None` when it is not complete.
    pub(crate) fn take_header(
        &mut self,
        kind: HeaderKind,
    ) -> Result<Option<RequestHeader>, BadMagic> {
        let header = RequestHeader::decode(kind, &self.buffer)?;
        if header.is_some() {
            self.buffer.advance(kind.bytes());
        }
        Ok(header)
    }

    /// The next `length` bytes; `None` when they are not all there. Ask with the same length
    /// until they are.
    pub(crate) fn take_payload(&mut self, length: usize) -> Option<Bytes> {
        if let Some((data, full)) = &self.large {
            debug_assert_eq!(*full, length);
            if data.len() < *full {
                return None;
            }
            return self.large.take().map(|(data, _)| data.freeze());
        }
        if self.buffer.len() >= length {
            return Some(self.buffer.split_to(length).freeze());
        }
        if length >= LARGE_BYTES {
            let mut data = BytesMut::with_capacity(length);
            data.extend_from_slice(&self.buffer);
            self.buffer.clear();
            self.large = Some((data, length));
        }
        None
    }

    /// Drops up to `left` bytes that were received; how many are still to come.
    pub(crate) fn skip(&mut self, left: u64) -> u64 {
        let here = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.buffer.advance(here);
        left - here as u64
    }

    /// Receives more with one call; 0 at the end of the stream.
    pub(crate) fn poll_receive<S>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>>
    where
        S: AsyncRead + Unpin,
    {
        if let Some((data, full)) = &mut self.large {
            let missing = *full - data.len();
            let mut space = data.limit(missing);
            return receive_into(&mut space, socket, cx);
        }
        if self.buffer.capacity() - self.buffer.len() < SPACE_BYTES {
            self.buffer.reserve(BUFFER_BYTES - self.buffer.len().min(LARGE_BYTES));
        }
        receive_into(&mut self.buffer, socket, cx)
    }
}

fn receive_into<S, B>(
    space: &mut B,
    socket: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>>
where
    S: AsyncRead + Unpin,
    B: BufMut,
{
    let receiving: Pin<&mut _> = pin!(socket.read_buf(space));
    receiving.poll(cx)
}
