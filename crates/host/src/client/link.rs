//! The sending side of a connection, and what it shares with the reader.

use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_channel::oneshot;
use marcot_store::{Errno, StoreError};
use rustix::io::retry_on_intr;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::table::{Outcome, Pending, Purpose, Table};
use crate::protocol::frame::Unnumbered;
use crate::protocol::request::Request;

/// Files that one request may carry.
pub(crate) const MAX_FILES: usize = 8;

/// Where requests go out, in the order of their numbers.
#[derive(Debug)]
pub(super) struct Link {
    /// `None` while there is no owner: requests then only queue up.
    pub(super) stream: Option<Arc<UnixStream>>,
    pub(super) next: u64,
}

/// What callers and the reader thread share.
#[derive(Debug)]
pub(super) struct Shared {
    link: Mutex<Link>,
    table: Mutex<Table>,
    /// Told when a request comes or the store is dropped.
    need: Condvar,
    /// The store has been dropped: nobody waits any more.
    pub(super) closed: AtomicBool,
}

/// What is to be sent.
pub(super) struct Submission {
    pub(super) request: Request,
    pub(super) purpose: Purpose,
    pub(super) files: Vec<OwnedFd>,
}

pub(super) type Waiting = oneshot::Receiver<Result<Outcome, StoreError>>;

impl Shared {
    pub(super) fn new(stream: Arc<UnixStream>) -> Shared {
        Shared {
            link: Mutex::new(Link { stream: Some(stream), next: 1 }),
            table: Mutex::default(),
            need: Condvar::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// No code that may panic runs under the locks; should it, the tables are still whole.
    pub(super) fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers and sends a request now; the answer comes later.
    pub(super) fn submit(&self, submission: Submission) -> (u64, Waiting) {
        let (answer, waiting) = oneshot::channel();
        let Submission { request, purpose, files } = submission;
        let number = match Unnumbered::encode(&request) {
            Ok(encoded) if files.len() <= MAX_FILES => {
                self.queue_and_send(encoded, purpose, files.into(), answer)
            }
            _ => {
                let error = StoreError::new(Errno::TOOBIG, "send a request to the store's owner");
                let _ = answer.send(Err(error));
                0
            }
        };
        (number, waiting)
    }

    fn queue_and_send(
        &self,
        encoded: Unnumbered,
        purpose: Purpose,
        files: Arc<[OwnedFd]>,
        answer: oneshot::Sender<Result<Outcome, StoreError>>,
    ) -> u64 {
        let mut link = self.link();
        let number = link.next;
        link.next += 1;
        let frame = {
            let mut table = self.table();
            if let Some(error) = &table.broken {
                let _ = answer.send(Err(error.clone()));
                return number;
            }
            let frame = encoded.number(number, table.answered_below(number));
            let pending =
                Pending { frame: frame.clone(), files: Arc::clone(&files), purpose, answer };
            table.pending.insert(number, pending);
            self.need.notify_one();
            frame
        };
        link.send(&frame, &files);
        number
    }

    /// Without an owner: waits until one is needed, so that a client with nothing to do starts no
    /// host. `false` when the store has been dropped.
    pub(super) fn wait_for_need(&self) -> bool {
        let mut table = self.table();
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return false;
            }
            if !table.pending.is_empty() || !table.watches.is_empty() {
                return true;
            }
            table = self.need.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the connection for good, as the last user of the store goes.
    pub(super) fn close(&self) {
        {
            let _table = self.table();
            self.closed.store(true, Ordering::SeqCst);
            self.need.notify_one();
        }
        if let Some(stream) = self.link().stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Link {
    /// Sends a frame if there is an owner. A failure ends the connection: the reader notices,
    /// finds the next owner and sends again.
    pub(super) fn send(&mut self, frame: &Bytes, files: &[OwnedFd]) {
        let Some(stream) = &self.stream else {
            return;
        };
        if let Err(error) = send_all(stream, frame, files) {
            tracing::debug!(%error, "sending to the store's owner");
            let _ = stream.shutdown(Shutdown::Both);
            self.stream = None;
        }
    }
}

fn send_all(mut stream: &UnixStream, frame: &[u8], files: &[OwnedFd]) -> io::Result<()> {
    if files.is_empty() {
        return stream.write_all(frame);
    }
    let borrowed: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sent = retry_on_intr(|| {
        sendmsg(stream, &[IoSlice::new(frame)], &mut ancillary, SendFlags::NOSIGNAL)
    })?;
    stream.write_all(&frame[sent..])
}
