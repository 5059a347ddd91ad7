//! The receiving side of a connection: delivers replies and events, and finds the next owner.
//!
//! One thread a store. It never waits for a caller. Silence is counted in time-outs of the socket,
//! not by a clock.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;
use marcot_store::{ClientId, Errno, StoreError};

use super::Patience;
use super::dial::Greeted;
use super::find::{FindError, FindOwner};
use super::link::Shared;
use super::table::{Pending, Purpose};
use crate::protocol::frame::{Decoder, Unnumbered};
use crate::protocol::reply::Message;
use crate::protocol::request::Request;

/// How often a silent socket is looked at, at least.
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// A fraction of the patience, so that a request sent late in a tick is not cut short by much.
fn tick(patience: &Patience) -> Duration {
    (patience.silence / 8).clamp(Duration::from_millis(1), LONGEST_TICK)
}

/// Everything the thread works with.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) finder: Arc<dyn FindOwner>,
    pub(super) client: ClientId,
    pub(super) patience: Patience,
}

impl Reader {
    /// Prepares the stream of an owner just found.
    pub(super) fn prepare(greeted: &Greeted, patience: &Patience) -> io::Result<()> {
        greeted.set_waits(tick(patience), patience.silence)
    }

    /// Runs until the store is dropped or no owner can be found.
    pub(super) fn run(self, mut stream: Arc<UnixStream>, mut decoder: Decoder, mut pid: u32) {
        loop {
            let error = self.deliver(&stream, decoder, pid);
            tracing::debug!(%error, pid, "the store's owner is gone");
            let _ = stream.shutdown(Shutdown::Both);
            if self.is_closed() {
                return self.shared.table().break_off(closed());
            }
            self.shared.link().stream = None;
            self.shared.table().end_jobs(&owner_died(pid));
            if !self.shared.wait_for_need() {
                return self.shared.table().break_off(closed());
            }
            match self.finder.find(Some(self.client)) {
                Ok(greeted) => {
                    pid = greeted.pid;
                    (stream, decoder) = match self.go_on_with(greeted) {
                        Ok(next) => next,
                        Err(error) => return self.give_up(&FindError::Dial(error.into())),
                    };
                }
                Err(error) => return self.give_up(&error),
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::SeqCst)
    }

    /// Delivers what comes until the connection ends.
    fn deliver(&self, mut stream: &UnixStream, mut decoder: Decoder, pid: u32) -> io::Error {
        let mut buffer = vec![0; 256 << 10];
        let mut silent = Duration::ZERO;
        loop {
            loop {
                match decoder.next_frame() {
                    Ok(None) => break,
                    Ok(Some(frame)) => match frame.decode() {
                        Ok(message) => self.take(frame.number, message),
                        Err(error) => return io::Error::other(error),
                    },
                    Err(error) => return io::Error::other(error),
                }
            }
            match stream.read(&mut buffer) {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => {
                    silent = Duration::ZERO;
                    decoder.feed(&buffer[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    silent = self.note_silence(silent, pid);
                }
                Err(error) => return error,
            }
        }
    }

    /// Fails what waits once the owner has been silent for too long.
    fn note_silence(&self, silent: Duration, pid: u32) -> Duration {
        let mut table = self.shared.table();
        if table.pending.is_empty() {
            return Duration::ZERO;
        }
        let silent = silent + tick(&self.patience);
        if silent >= self.patience.silence {
            table.fail_pending(&owner_silent(pid, silent));
            return Duration::ZERO;
        }
        silent
    }

    fn take(&self, number: u64, message: Message) {
        let mut table = self.shared.table();
        match message {
            Message::Reply(result) => table.settle(number, result),
            Message::Event { handle, event } => table.event(handle, event),
            Message::JobEnded(result) => table.job_ended(number, result),
            Message::Alive => {}
        }
    }

    /// Sends what the owner before did not answer, watches first. The sending is done by a thread
    /// of its own, because this one must go on reading meanwhile.
    fn go_on_with(&self, greeted: Greeted) -> io::Result<(Arc<UnixStream>, Decoder)> {
        Reader::prepare(&greeted, &self.patience)?;
        let stream = Arc::new(greeted.stream);
        let sending = Arc::clone(&stream);
        let shared = Arc::clone(&self.shared);
        let spawned = thread::Builder::new().name("marcot-resend".to_owned());
        spawned.spawn(move || send_again(&shared, sending))?;
        Ok((stream, greeted.decoder))
    }

    fn give_up(&self, error: &FindError) {
        tracing::warn!(%error, "the store's owner is gone and there is no other");
        self.shared.table().break_off(StoreError::new(error.errno(), error.to_string()));
    }
}

fn send_again(shared: &Shared, stream: Arc<UnixStream>) {
    let mut link = shared.link();
    if shared.closed.load(Ordering::SeqCst) {
        let _ = stream.shutdown(Shutdown::Both);
        return;
    }
    link.stream = Some(stream);
    let first_new = link.next;
    let unanswered: Vec<_> = {
        let mut table = shared.table();
        let unanswered: Vec<_> = table
            .pending
            .values()
            .filter(|pending| !matches!(pending.purpose, Purpose::Rewatch(_)))
            .map(|pending| (pending.frame.clone(), Arc::clone(&pending.files)))
            .collect();
        // Those of an owner that died meanwhile: its successor is asked afresh.
        table.pending.retain(|_, pending| !matches!(pending.purpose, Purpose::Rewatch(_)));
        let watches: Vec<_> = table
            .watches
            .iter()
            .map(|(handle, watched)| (*handle, watched.object.clone()))
            .collect();
        for (number, (handle, object)) in (first_new..).zip(watches) {
            let request = Request::Rewatch { object, handle };
            let Ok(encoded) = Unnumbered::encode(&request) else { continue };
            let frame = encoded.number(number, table.answered_below(number));
            let (answer, _) = oneshot::channel();
            let purpose = Purpose::Rewatch(handle);
            table.pending.insert(number, Pending { frame, files: Arc::new([]), purpose, answer });
            link.next = number + 1;
        }
        let rewatches = table
            .pending
            .range(first_new..)
            .map(|(_, pending)| (pending.frame.clone(), Arc::clone(&pending.files)));
        rewatches.chain(unanswered).collect()
    };
    for (frame, files) in &unanswered {
        link.send(frame, files);
    }
}

fn owner_died(pid: u32) -> StoreError {
    StoreError::new(Errno::NOTCONN, format!("process {pid}, which ran this job, has ended"))
}

fn owner_silent(pid: u32, silent: Duration) -> StoreError {
    let seconds = silent.as_secs();
    StoreError::new(
        Errno::TIMEDOUT,
        format!(
            "process {pid}, which serves this store, has said nothing for {seconds} s; it may be \
             stopped (go on: kill -CONT {pid}) or hang (end it: kill {pid}); whether the request \
             took effect is not known"
        ),
    )
}

fn closed() -> StoreError {
    StoreError::new(Errno::NOTCONN, "the connection to the store was closed")
}
