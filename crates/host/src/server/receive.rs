//! Receiving frames and the files that come with them.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::client::MAX_FILES;
use crate::protocol::frame::{Decoder, Frame};

/// Files that may lie about until their request is complete.
const MAX_WAITING_FILES: usize = 2 * MAX_FILES;
const BUFFER: usize = 256 << 10;

/// The receiving half of a connection.
pub(super) struct Receiver {
    stream: Arc<UnixStream>,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// In the order of arrival; requests say how many are theirs.
    files: VecDeque<OwnedFd>,
}

impl Receiver {
    pub(super) fn new(stream: Arc<UnixStream>) -> Receiver {
        Receiver {
            stream,
            decoder: Decoder::default(),
            buffer: vec![0; BUFFER],
            files: VecDeque::new(),
        }
    }

    /// The next frame; `None` at the end of the connection. Loses nothing when dropped half-way.
    pub(super) async fn frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            if self.receive().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The bytes of a greeting.
    pub(super) async fn exactly<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        let mut filled = 0;
        while filled < N {
            self.stream.readable().await?;
            match self.stream.try_read(&mut bytes[filled..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }

    /// Takes the files of a request.
    pub(super) fn take_files(&mut self, count: u8) -> Option<Vec<OwnedFd>> {
        let count = usize::from(count);
        (count <= self.files.len()).then(|| self.files.drain(..count).collect())
    }

    async fn receive(&mut self) -> io::Result<usize> {
        let Receiver { stream, decoder, buffer, files } = self;
        let received =
            stream.async_io(Interest::READABLE, || receive_now(stream, buffer, files)).await?;
        if files.len() > MAX_WAITING_FILES {
            return Err(io::Error::other("more files than any request takes"));
        }
        decoder.feed(&buffer[..received]);
        Ok(received)
    }
}

fn receive_now(
    stream: &UnixStream,
    buffer: &mut [u8],
    files: &mut VecDeque<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = recvmsg(stream, &mut [IoSliceMut::new(buffer)], &mut ancillary, flags)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(sent) = message {
            files.extend(sent);
        }
    }
    Ok(received.bytes)
}
