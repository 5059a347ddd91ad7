//! A Unix socket whose task is woken for what there is to do.
//!
//! tokio's own stream asks the kernel for news of reading and of writing, always. A Unix socket then
//! tells of room to write whenever the client has taken a reply: one more wake-up for each request.
//! This one is registered for reading alone, as the end of a pipe is, and is written to directly;
//! only while a client is slow to take replies is there a second registration, for writing. Like
//! every socket it is polled by one thread at a time, which need not be one of the runtime's.

use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::io::{Errno, retry_on_intr, writev};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::runtime::Handle;

pub(crate) struct UnixSocket {
    /// The socket. A pipe's end is nothing but a descriptor that is read.
    incoming: pipe::Receiver,
    outgoing: Outgoing,
    runtime: Handle,
}

/// The socket once more, to be written: there from the beginning, so that no client is lost for want
/// of a descriptor.
enum Outgoing {
    Free(OwnedFd),
    /// It took no more bytes.
    Full(pipe::Sender),
    /// It could not be waited for.
    Broken,
}

impl UnixSocket {
    /// Takes the connection over. Must be called on a runtime.
    pub(crate) fn new(stream: UnixStream) -> io::Result<UnixSocket> {
        let socket = OwnedFd::from(stream.into_std()?);
        let outgoing = Outgoing::Free(socket.try_clone()?);
        let incoming = pipe::Receiver::from_owned_fd_unchecked(socket)?;
        Ok(UnixSocket { incoming, outgoing, runtime: Handle::current() })
    }

    /// The socket registered for writing.
    fn registered(&mut self) -> io::Result<&mut pipe::Sender> {
        self.outgoing = match mem::replace(&mut self.outgoing, Outgoing::Broken) {
            Outgoing::Free(socket) => {
                let _runtime = self.runtime.enter();
                Outgoing::Full(pipe::Sender::from_owned_fd_unchecked(socket)?)
            }
            outgoing => outgoing,
        };
        match &mut self.outgoing {
            Outgoing::Full(sender) => Ok(sender),
            Outgoing::Free(_) | Outgoing::Broken => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn unregister(&mut self) -> io::Result<()> {
        if let Outgoing::Full(sender) = mem::replace(&mut self.outgoing, Outgoing::Broken) {
            self.outgoing = Outgoing::Free(sender.into_nonblocking_fd()?);
        }
        Ok(())
    }
}

impl AsyncRead for UnixSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.incoming).poll_read(cx, space)
    }
}

impl AsyncWrite for UnixSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Outgoing::Free(socket) = &self.outgoing {
            match retry_on_intr(|| writev(socket, pieces)) {
                Err(Errno::AGAIN) => {}
                written => return Poll::Ready(written.map_err(io::Error::from)),
            }
        }
        let written = ready!(Pin::new(self.registered()?).poll_write_vectored(cx, pieces))?;
        let asked: usize = pieces.iter().map(|piece| piece.len()).sum();
        if written == asked {
            self.unregister()?;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = rustix::net::shutdown(&self.incoming, rustix::net::Shutdown::Write);
        Poll::Ready(ended.map_err(io::Error::from))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream as Client;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_io().build().unwrap()
    }

    /// Must be called on a runtime.
    fn connected() -> (UnixSocket, Client) {
        let (socket, client) = Client::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        (UnixSocket::new(UnixStream::from_std(socket).unwrap()).unwrap(), client)
    }

    /// How often the thread has slept.
    fn sleeps(thread: &Path) -> u64 {
        let status = std::fs::read_to_string(thread.join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    #[test]
    fn nobody_is_woken_when_a_client_takes_a_reply() {
        let (tell, told) = mpsc::channel();
        let server = thread::spawn(move || {
            runtime().block_on(async {
                let (mut socket, client) = connected();
                socket.write_all(&[1; 16]).await.unwrap();
                let this = std::fs::read_link("/proc/thread-self").unwrap();
                tell.send((client, PathBuf::from("/proc").join(this))).unwrap();
                socket.read_exact(&mut [0; 8]).await.unwrap();
            });
        });
        let (mut client, thread) = told.recv().unwrap();
        // It waits for the request, at the latest when it has slept for a while.
        let before = loop {
            let slept = sleeps(&thread);
            thread::sleep(Duration::from_millis(50));
            if sleeps(&thread) == slept {
                break slept;
            }
        };
        client.read_exact(&mut [0; 16]).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(sleeps(&thread), before, "woken for nothing");
        client.write_all(&[2; 8]).unwrap();
        server.join().unwrap();
    }

    #[test]
    fn a_slow_client_is_waited_for_and_gets_everything_in_order() {
        let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
        let runtime = runtime();
        let _runtime = runtime.enter();
        let (mut socket, mut client) = connected();
        let expected = sent.clone();
        let reading = thread::spawn(move || {
            let mut received = vec![0; expected.len()];
            for piece in received.chunks_mut(70_001) {
                client.read_exact(piece).unwrap();
                thread::yield_now();
            }
            assert!(received == expected);
            client
        });
        let socket = runtime.block_on(async {
            for piece in sent.chunks(900_001) {
                socket.write_all(piece).await.unwrap();
            }
            socket
        });
        let _client = reading.join().unwrap();
        assert!(matches!(socket.outgoing, Outgoing::Free(_)), "all was taken");
    }

    #[test]
    fn a_thread_without_a_runtime_may_find_the_client_slow() {
        let runtime = runtime();
        let (mut socket, mut client) = runtime.block_on(async { connected() });
        let written = thread::spawn(move || {
            let written = socket.write_all(&vec![7; 4 << 20]).now_or_never();
            assert!(written.is_none(), "no socket has so much room");
            socket
        });
        let mut socket = written.join().unwrap();
        assert!(matches!(socket.outgoing, Outgoing::Full(_)));
        thread::spawn(move || drop(client.read_to_end(&mut Vec::new())));
        runtime.block_on(async { socket.write_all(&[8; 1 << 20]).await }).unwrap();
    }
}
