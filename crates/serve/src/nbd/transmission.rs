//! One connection after its handshake: a state machine that one thread at a time polls (`turns`).
//!
//! A turn starts every request that is in the inbox (each is polled once on the spot, and kept
//! only when it has to wait), collects what finished meanwhile, sends all replies with one call
//! and receives with one call. It ends when the client leaves or breaks the protocol; then
//! [`Transmission::finish`] waits for what is in flight and sends the remaining replies.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, Stream};
use tokio::io::{AsyncRead, AsyncWrite};

use super::budget::Lease;
use super::command::{self, Command, Decision, Refusal, Terms};
use super::errno;
use super::export::Export;
use super::handshake::Session;
use super::inbox::Inbox;
use super::limits::Limits;
use super::outbox::Outbox;
use super::reply::{Origin, ReplyStyle};
use super::request::{BadMagic, RequestHeader};
use super::work::{self, Answer, Finished, InFlight, Ticket};

/// A turn starts no further requests while this many bytes wait to be sent.
const QUEUE_BYTES: usize = 512 << 10;
/// Turns before other tasks get their chance.
const TURNS: usize = 64;

/// Why no more requests are taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("the client disconnected")]
    Disconnected,
    #[error("the client closed the connection")]
    Closed,
    #[error("the server shuts down")]
    Drained,
    #[error("the client stalled and held memory that others waited for")]
    Stalled,
    #[error(transparent)]
    BadMagic(#[from] BadMagic),
    #[error("the connection broke: {0}")]
    Socket(#[from] io::Error),
}

/// Where in the stream of requests a connection stands.
enum Stage {
    Header,
    /// Waits for its share of memory.
    Admission(Request),
    Payload(Request),
    Skip {
        origin: Origin,
        left: u64,
        refusal: Refusal,
    },
}

struct Request {
    origin: Origin,
    command: Command,
    cost: u64,
    payload_bytes: usize,
}

pub(crate) struct Transmission<S> {
    socket: S,
    export: Arc<dyn Export>,
    terms: Terms,
    style: ReplyStyle,
    limits: Arc<Limits>,
    lease: Lease,
    inbox: Inbox,
    outbox: Outbox,
    in_flight: FuturesUnordered<InFlight>,
    stage: Stage,
    end: Option<End>,
    /// Bytes received and sent since somebody asked.
    moved_bytes: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transmission<S> {
    pub(crate) fn new(
        socket: S,
        session: Session,
        limits: &Arc<Limits>,
        lease: Lease,
    ) -> Transmission<S> {
        Transmission {
            socket,
            export: session.export,
            style: ReplyStyle::of(&session.terms),
            terms: session.terms,
            limits: Arc::clone(limits),
            lease,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            in_flight: FuturesUnordered::new(),
            stage: Stage::Header,
            end: None,
            moved_bytes: 0,
        }
    }

    /// Requests that the export works on.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Refuses what was received and not started, and receives nothing more.
    pub(crate) fn drain(&mut self) {
        while self.end.is_none() {
            match self.inbox.take_header(self.terms.header) {
                Ok(Some(header)) => self.refuse_at_end(&header),
                Ok(None) => self.end = Some(End::Drained),
                Err(error) => self.end = Some(error.into()),
            }
        }
    }

    /// Whether others wait for memory that this client keeps without doing anything with it.
    /// Counts from one call to the next.
    pub(crate) fn is_stalled(&mut self) -> bool {
        let moved = std::mem::take(&mut self.moved_bytes);
        let waits_for_client = matches!(self.stage, Stage::Payload(_)) || !self.outbox.is_empty();
        moved == 0 && waits_for_client && self.lease.is_in_the_way()
    }

    /// Gives the client up: it is sent nothing more.
    pub(crate) fn drop_stalled(&mut self) {
        self.outbox.clear();
        self.end.get_or_insert(End::Stalled);
    }

    /// Waits for what is in flight, sends what is left, and says why it ended.
    pub(crate) async fn finish(mut self) -> End {
        poll_fn(|cx| self.poll_finish(cx)).await;
        self.end.unwrap_or(End::Drained)
    }

    /// Serves until the client ends it.
    pub(crate) fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..TURNS {
            let hungry = self.take_requests(cx);
            let mut progress = self.poll_completions(cx);
            progress |= self.poll_send(cx);
            if self.end.is_some() {
                return Poll::Ready(());
            }
            if hungry {
                progress |= self.poll_receive(cx);
            }
            if !progress {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.poll_completions(cx) | self.poll_send(cx) {}
        if self.in_flight.is_empty() && self.outbox.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Starts what the inbox holds; whether it stopped for want of bytes.
    fn take_requests(&mut self, cx: &mut Context<'_>) -> bool {
        while self.end.is_none() && self.outbox.bytes() < QUEUE_BYTES {
            let stage = std::mem::replace(&mut self.stage, Stage::Header);
            match self.step(stage, cx) {
                Step::On => {}
                Step::Hungry => return true,
                Step::Blocked => return false,
            }
        }
        false
    }

    fn step(&mut self, stage: Stage, cx: &mut Context<'_>) -> Step {
        match stage {
            Stage::Header => match self.inbox.take_header(self.terms.header) {
                Ok(Some(header)) => self.judge(&header),
                Ok(None) => return Step::Hungry,
                Err(error) => self.end = Some(error.into()),
            },
            Stage::Admission(request) => {
                let free = self.in_flight.len() < self.limits.requests_in_flight;
                let queued = self.outbox.bytes() as u64;
                if !free || !self.lease.try_take(request.cost, queued, cx) {
                    self.stage = Stage::Admission(request);
                    return Step::Blocked;
                }
                self.stage = Stage::Payload(request);
            }
            Stage::Payload(request) => {
                let payload = match request.payload_bytes {
                    0 => Some(Bytes::new()),
                    length => self.inbox.take_payload(length),
                };
                let Some(payload) = payload else {
                    self.stage = Stage::Payload(request);
                    return Step::Hungry;
                };
                self.start(&request, payload, cx);
            }
            Stage::Skip { origin, left, refusal } => {
                let left = self.inbox.skip(left);
                if left > 0 {
                    self.stage = Stage::Skip { origin, left, refusal };
                    return Step::Hungry;
                }
                self.refuse(origin, refusal);
            }
        }
        Step::On
    }

    fn judge(&mut self, header: &RequestHeader) {
        let origin = Origin { cookie: header.cookie, offset: header.offset };
        let Decision { payload_bytes, verdict } = command::decide(&self.terms, header);
        self.stage = match verdict {
            Ok(Command::Disconnect) => {
                self.end = Some(End::Disconnected);
                Stage::Header
            }
            Ok(command) => Stage::Admission(Request {
                origin,
                command,
                cost: work::cost(&command, &self.limits),
                // What passed is at most the maximum payload.
                payload_bytes: payload_bytes as usize,
            }),
            Err(refusal) => Stage::Skip { origin, left: payload_bytes, refusal },
        };
    }

    fn start(&mut self, request: &Request, payload: Bytes, cx: &mut Context<'_>) {
        let ticket =
            Ticket { origin: request.origin, command: request.command, cost: request.cost };
        let mut started = work::start(&self.export, ticket, payload, &self.limits);
        match Pin::new(&mut started).poll(cx) {
            Poll::Ready(finished) => self.reply(finished),
            Poll::Pending => self.in_flight.push(started),
        }
    }

    fn reply(&mut self, finished: Finished) {
        let Finished { ticket, outcome } = finished;
        self.lease.give_back(ticket.cost);
        let out = &mut self.outbox;
        match outcome {
            Ok(Answer::Done) => self.style.put_success(out, ticket.origin),
            Ok(Answer::Data(data, fragments)) => {
                self.style.put_data(out, ticket.origin, data, fragments);
            }
            Ok(Answer::Status(extents)) => self.style.put_status(out, ticket.origin, &extents),
            Err(error) => {
                let number = errno::of_export_error(&error);
                tracing::warn!(%error, command = ?ticket.command, "request failed");
                self.style.put_error(out, ticket.origin, number, &error.to_string());
            }
        }
    }

    fn refuse(&mut self, origin: Origin, refusal: Refusal) {
        let number = errno::of_refusal(refusal);
        self.style.put_error(&mut self.outbox, origin, number, &refusal.to_string());
    }

    fn refuse_at_end(&mut self, header: &RequestHeader) {
        let origin = Origin { cookie: header.cookie, offset: header.offset };
        let payload_bytes = command::decide(&self.terms, header).payload_bytes;
        if self.inbox.skip(payload_bytes) > 0 {
            self.end = Some(End::Drained);
        }
        self.refuse(origin, Refusal::ShuttingDown);
    }

    fn poll_completions(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        while !self.in_flight.is_empty() {
            match Pin::new(&mut self.in_flight).poll_next(cx) {
                Poll::Ready(Some(finished)) => self.reply(finished),
                Poll::Ready(None) | Poll::Pending => break,
            }
            any = true;
        }
        any
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> bool {
        if self.outbox.is_empty() {
            return false;
        }
        match self.outbox.poll_send(Pin::new(&mut self.socket), cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(sent)) => {
                self.moved_bytes += sent as u64;
                self.lease.shrink(self.outbox.bytes() as u64);
                true
            }
            Poll::Ready(Err(error)) => {
                self.outbox.clear();
                self.end.get_or_insert(error.into());
                true
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> bool {
        match self.inbox.poll_receive(&mut self.socket, cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => self.end = Some(End::Closed),
            Poll::Ready(Ok(received)) => self.moved_bytes += received as u64,
            Poll::Ready(Err(error)) => self.end = Some(error.into()),
        }
        true
    }
}

enum Step {
    On,
    /// Needs more bytes.
    Hungry,
    /// Needs memory or a place.
    Blocked,
}
