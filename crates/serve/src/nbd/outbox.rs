//! Replies that wait to be sent: small pieces gathered in one buffer, payloads by reference.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

/// Payloads up to this many bytes are copied behind their header.
const COPY_BYTES: usize = 1024;
/// Pieces of one send.
const SLICES: usize = 128;
/// Space for headers.
const BUFFER_BYTES: usize = 16 << 10;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    sealed: VecDeque<Bytes>,
    open: BytesMut,
    bytes: usize,
}

impl Outbox {
    /// Bytes not sent yet.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if self.open.capacity() - self.open.len() < bytes.len() {
            self.open.reserve(bytes.len().max(BUFFER_BYTES));
        }
        self.open.extend_from_slice(bytes);
        self.bytes += bytes.len();
    }

    pub(crate) fn put_payload(&mut self, payload: Bytes) {
        if payload.len() <= COPY_BYTES {
            return self.put(&payload);
        }
        self.seal();
        self.bytes += payload.len();
        self.sealed.push_back(payload);
    }

    /// Forgets everything: nobody listens any more.
    pub(crate) fn clear(&mut self) {
        *self = Outbox::default();
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.sealed.push_back(self.open.split().freeze());
        }
    }

    /// Sends as much as the socket takes with one call; the number of bytes.
    pub(crate) fn poll_send<S>(
        &mut self,
        socket: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>>
    where
        S: AsyncWrite,
    {
        self.seal();
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.sealed.len().min(SLICES);
        for (slice, piece) in slices.iter_mut().zip(&self.sealed) {
            *slice = IoSlice::new(piece);
        }
        let pieces = slices.get(..count).unwrap_or_default();
        let sent = ready!(socket.poll_write_vectored(cx, pieces))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.drop_sent(sent);
        Poll::Ready(Ok(sent))
    }

    fn drop_sent(&mut self, sent: usize) {
        self.bytes -= sent;
        let mut left = sent;
        while let Some(piece) = self.sealed.front_mut() {
            if left < piece.len() {
                piece.advance(left);
                return;
            }
            left -= piece.len();
            self.sealed.pop_front();
        }
    }
}
