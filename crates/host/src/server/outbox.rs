//! What is on its way to a client.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use marcot_store::{Errno, StoreError};
use tokio::net::UnixStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::protocol::frame;
use crate::protocol::reply::Message;

/// Small frames are written together, up to so many bytes.
const BATCH: usize = 64 << 10;

/// A frame and the credit that it holds until it is written.
struct Outgoing {
    frame: Bytes,
    _credit: Option<OwnedSemaphorePermit>,
}

/// Where answers and events go. Bounded by the credit of the requests that caused them.
#[derive(Clone)]
pub(super) struct Outbox(UnboundedSender<Outgoing>);

impl Outbox {
    /// Starts the task that writes to `stream`; it ends when all outboxes are gone.
    pub(super) fn start(stream: Arc<UnixStream>) -> (Outbox, tokio::task::JoinHandle<()>) {
        let (sender, receiver) = unbounded_channel();
        let writer = tokio::spawn(async move {
            if let Err(error) = write_out(&stream, receiver).await {
                tracing::debug!(%error, "writing to a client");
            }
        });
        (Outbox(sender), writer)
    }

    /// Sends a message. Nothing happens when the client has gone.
    pub(super) fn push(
        &self,
        number: u64,
        message: &Message,
        credit: Option<OwnedSemaphorePermit>,
    ) {
        let frame = frame::encode(number, message).or_else(|error| {
            let too_big = StoreError::new(Errno::TOOBIG, format!("send an answer: {error}"));
            frame::encode(number, &Message::Reply(Err(too_big)))
        });
        if let Ok(frame) = frame {
            let _ = self.0.send(Outgoing { frame, _credit: credit });
        }
    }
}

async fn write_out(
    stream: &UnixStream,
    mut receiver: UnboundedReceiver<Outgoing>,
) -> io::Result<()> {
    let mut batch = Vec::new();
    while let Some(first) = receiver.recv().await {
        let mut credits = vec![first._credit];
        let mut whole = first.frame;
        // What else is there already goes along.
        while whole.len() + batch.len() < BATCH {
            let Ok(next) = receiver.try_recv() else { break };
            batch.extend_from_slice(&whole);
            whole = next.frame;
            credits.push(next._credit);
        }
        if batch.is_empty() {
            write_all(stream, &whole).await?;
        } else {
            batch.extend_from_slice(&whole);
            write_all(stream, &batch).await?;
            batch.clear();
        }
    }
    Ok(())
}

/// Writes everything, waiting for room.
pub(super) async fn write_all(stream: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
