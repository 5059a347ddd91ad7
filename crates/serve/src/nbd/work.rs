//! A request on its way through the export.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::command::{Command, Fragments, StatusExtents};
use super::export::{Export, ExportError, ExportFuture, Extent, Range};
use super::limits::Limits;
use super::reply::Origin;

/// What every request costs beside its data.
const REQUEST_BYTES: u64 = 512;
/// How much of a cached range is read at once, and at most: more is not worth the client's wait.
const CACHE_STEP_BYTES: u64 = 1 << 20;
const CACHE_BYTES: u64 = 32 << 20;

/// What is remembered of a request while the export works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) origin: Origin,
    pub(crate) command: Command,
    pub(crate) cost: u64,
}

/// A request and its answer.
pub(crate) struct Finished {
    pub(crate) ticket: Ticket,
    pub(crate) outcome: Result<Answer, ExportError>,
}

pub(crate) enum Answer {
    Done,
    Data(Bytes, Fragments),
    Status(Vec<Extent>),
}

/// Bytes that a request holds until it is answered.
pub(crate) fn cost(command: &Command, limits: &Limits) -> u64 {
    REQUEST_BYTES
        + match command {
            Command::Read { length, .. } | Command::Write { length, .. } => u64::from(*length),
            Command::BlockStatus { .. } => 16 * limits.status_extents as u64,
            Command::Cache { .. } => CACHE_STEP_BYTES,
            Command::Disconnect
            | Command::Flush
            | Command::Trim { .. }
            | Command::WriteZeroes { .. } => 0,
        }
}

/// A request that the export works on.
pub(crate) struct InFlight {
    ticket: Ticket,
    work: Work,
}

enum Work {
    Done(ExportFuture<()>),
    Data(ExportFuture<Bytes>, Fragments),
    Status(ExportFuture<Vec<Extent>>),
}

/// Hands a request to the export.
pub(crate) fn start(
    export: &Arc<dyn Export>,
    ticket: Ticket,
    payload: Bytes,
    limits: &Limits,
) -> InFlight {
    let export = Arc::clone(export);
    let work = match ticket.command {
        Command::Read { offset, length, fragments } => {
            Work::Data(export.read(offset, length), fragments)
        }
        Command::Write { offset, persistence, .. } => {
            Work::Done(export.write(offset, payload, persistence))
        }
        Command::Flush => Work::Done(export.flush()),
        Command::Trim { range, persistence } => Work::Done(export.trim(range, persistence)),
        Command::WriteZeroes { range, options } => Work::Done(export.write_zeroes(range, options)),
        Command::Cache { range } => Work::Done(Box::pin(read_ahead(export, range))),
        Command::BlockStatus { range, extents } => {
            Work::Status(Box::pin(block_status(export, range, status_max(extents, limits))))
        }
        Command::Disconnect => Work::Done(Box::pin(std::future::ready(Ok(())))),
    };
    InFlight { ticket, work }
}

impl Future for InFlight {
    type Output = Finished;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished> {
        let outcome = match &mut self.work {
            Work::Done(future) => ready!(future.as_mut().poll(cx)).map(|()| Answer::Done),
            Work::Data(future, fragments) => {
                let fragments = *fragments;
                ready!(future.as_mut().poll(cx)).map(|data| Answer::Data(data, fragments))
            }
            Work::Status(future) => ready!(future.as_mut().poll(cx)).map(Answer::Status),
        };
        let outcome = outcome.and_then(|answer| check_length(&self.ticket, answer));
        Poll::Ready(Finished { ticket: self.ticket, outcome })
    }
}

/// A reply of the wrong length would shift everything that follows it.
fn check_length(ticket: &Ticket, answer: Answer) -> Result<Answer, ExportError> {
    match (&answer, ticket.command) {
        (Answer::Data(data, _), Command::Read { length, .. })
            if data.len() as u64 != u64::from(length) =>
        {
            let got = data.len();
            Err(ExportError::Io(format!("the export returned {got} bytes of {length}")))
        }
        _ => Ok(answer),
    }
}

async fn read_ahead(export: Arc<dyn Export>, range: Range) -> Result<(), ExportError> {
    let mut done = 0;
    let length = range.length.min(CACHE_BYTES);
    while done < length {
        let step = (length - done).min(CACHE_STEP_BYTES);
        Arc::clone(&export).read(range.offset + done, step as u32).await?;
        done += step;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct StatusMax {
    extents: usize,
    span_bytes: u64,
}

fn status_max(extents: StatusExtents, limits: &Limits) -> StatusMax {
    let extents = match extents {
        StatusExtents::One => 1,
        StatusExtents::Many => limits.status_extents,
    };
    StatusMax { extents, span_bytes: limits.status_span_bytes }
}

/// Cuts what the export says to the request and to the limits.
async fn block_status(
    export: Arc<dyn Export>,
    range: Range,
    max: StatusMax,
) -> Result<Vec<Extent>, ExportError> {
    let span = Range { offset: range.offset, length: range.length.min(max.span_bytes) };
    let mut extents = export.allocation(span).await?;
    extents.truncate(max.extents);
    let mut left = span.length;
    extents.retain_mut(|extent| {
        extent.length = extent.length.min(left);
        left -= extent.length;
        extent.length > 0
    });
    if extents.is_empty() {
        return Err(ExportError::Io("the export knows no allocation there".into()));
    }
    Ok(extents)
}
