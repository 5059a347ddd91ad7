//! Bytes that were received and not used yet.
//!
//! One buffer takes many requests per read, and payloads are cut out of it without copying. A
//! payload that does not fit gets memory of its own, which the socket then fills directly. Large
//! payloads rarely come alone: after one, only a header is received, so that what follows it goes
//! where it belongs at once.

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
/// Received after a large payload: either kind of header.
const NEXT_BYTES: usize = 32;

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    buffer: BytesMut,
    /// The payload being received on its own, and its full length.
    large: Option<(BytesMut, usize)>,
    /// Whether nothing was received since a large payload.
    after_large: bool,
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
            self.after_large = true;
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
        let most = if self.after_large { NEXT_BYTES } else { usize::MAX };
        let received = receive_into(&mut (&mut self.buffer).limit(most), socket, cx);
        self.after_large &= received.is_pending();
        received
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncWriteExt, DuplexStream};

    use super::*;

    fn receive(inbox: &mut Inbox, socket: &mut DuplexStream) -> usize {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match inbox.poll_receive(socket, &mut cx) {
            Poll::Ready(received) => received.unwrap(),
            Poll::Pending => panic!("nothing is there"),
        }
    }

    #[test]
    fn a_header_alone_is_received_after_a_large_payload() {
        let (mut socket, mut client) = tokio::io::duplex(1 << 20);
        let mut sent = vec![1; LARGE_BYTES];
        sent.extend(vec![2; 2 * NEXT_BYTES]);
        client.write_all(&sent).now_or_never().expect("there is room").unwrap();
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take_payload(LARGE_BYTES), None);
        assert_eq!(receive(&mut inbox, &mut socket), LARGE_BYTES);
        assert_eq!(inbox.take_payload(LARGE_BYTES).as_deref(), sent.get(..LARGE_BYTES));
        assert_eq!(receive(&mut inbox, &mut socket), NEXT_BYTES);
        assert_eq!(receive(&mut inbox, &mut socket), NEXT_BYTES, "all there is");
        client.write_all(&[3; 2 * NEXT_BYTES]).now_or_never().expect("there is room").unwrap();
        assert_eq!(receive(&mut inbox, &mut socket), 2 * NEXT_BYTES);
        let whole = inbox.take_payload(4 * NEXT_BYTES).expect("all was received");
        assert_eq!(whole, [[2; 2 * NEXT_BYTES], [3; 2 * NEXT_BYTES]].concat());
    }
}
