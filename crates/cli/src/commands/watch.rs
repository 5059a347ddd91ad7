//! `rbd watch`: prints what the clients of an image tell each other, until a line is typed or
//! standard input ends.

use std::io::{Read, stdin};

use futures_channel::oneshot;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use marcot_connect::Lifetime;
use marcot_format::DecodeError;
use marcot_format::notify::NotifyMessage;
use marcot_image::Access;
use marcot_store::watch::{Acknowledgement, Notification, Watch, WatchEvent};
use marcot_store::{Errno, ObjectId, Store, StoreError, WatchHandle};

use super::CommandDef;
use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "watch",
    alias: None,
    about: "Show what the clients of an image tell each other",
    define: options::image,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    session.connection_for(Lifetime::Resident)?;
    let image = session.open_head(&spec, Access::ReadOnly)?;
    let store = &*session.client()?.store;
    session.wait(show(session, store, &spec.image, image.header_object()))
}

async fn show(
    session: &Session,
    store: &dyn Store,
    image: &str,
    header: &ObjectId,
) -> Result<(), Failure> {
    let failed = |error: StoreError| Failure::verb("watch failed", error.errno);
    let Watch { handle, mut events } = store.watch(header).await.map_err(failed)?;
    console::print("press enter to exit...\n")?;
    let mut typed = line_typed();
    loop {
        match select(events.next(), typed).await {
            Either::Left((Some(WatchEvent::Notified(note)), waiting)) => {
                typed = waiting;
                console::print(&told(session, image, handle, &note))?;
                let payload = bytes::Bytes::new();
                let ack = Acknowledgement { object: header.clone(), handle, id: note.id, payload };
                store.acknowledge(ack).await.map_err(failed)?;
            }
            Either::Left((lost, _)) => {
                let errno = match lost {
                    Some(WatchEvent::Lost(errno)) => errno,
                    _ => Errno::NOTCONN,
                };
                let handle = handle.0;
                console::complain(&format!("{image} received error: cookie={handle}, err={errno}"));
                return Err(Failure::verb("watch failed", errno));
            }
            Either::Right(_) => break,
        }
    }
    store.unwatch(header, handle).await.map_err(failed)
}

/// One line about a notification.
fn told(session: &Session, image: &str, handle: WatchHandle, note: &Notification) -> String {
    let name = operation(&note.payload).unwrap_or_else(|_| {
        session.warn("failed to decode image notification");
        UNKNOWN
    });
    format!(
        "{image} received notification: notify_id={}, cookie={}, notifier_id={}, bl.length={}, \
         notify_op={name}\n",
        note.id.0,
        handle.0,
        note.notifier.0,
        note.payload.len()
    )
}

const UNKNOWN: &str = "Unknown (4294967295)";

/// What a message is called.
fn operation(payload: &[u8]) -> Result<&'static str, DecodeError> {
    Ok(match NotifyMessage::from_payload(payload)? {
        NotifyMessage::AcquiredLock(_) => "AcquiredLock",
        NotifyMessage::ReleasedLock(_) => "ReleasedLock",
        NotifyMessage::RequestLock { .. } => "RequestLock",
        NotifyMessage::HeaderUpdate => "HeaderUpdate",
        NotifyMessage::AsyncProgress { .. } => "AsyncProgress",
        NotifyMessage::AsyncComplete { .. } => "AsyncComplete",
        NotifyMessage::Flatten(_) => "Flatten",
        NotifyMessage::Resize { .. } => "Resize",
        NotifyMessage::SnapCreate { .. } => "SnapCreate",
        NotifyMessage::SnapRemove { .. } => "SnapRemove",
        NotifyMessage::RebuildObjectMap(_) => "RebuildObjectMap",
        NotifyMessage::SnapRename { .. } => "SnapRename",
        NotifyMessage::SnapProtect { .. } => "SnapProtect",
        NotifyMessage::SnapUnprotect { .. } => "SnapUnprotect",
        NotifyMessage::Rename { .. } => "Rename",
        NotifyMessage::UpdateFeatures { .. } => "UpdateFeatures",
        NotifyMessage::Migrate(_) => "Migrate",
        NotifyMessage::Sparsify { .. } => "Sparsify",
        NotifyMessage::Quiesce(_) => "Quiesce",
        NotifyMessage::Unquiesce(_) => "Unquiesce",
        NotifyMessage::MetadataUpdate { .. } => "MetadataUpdate",
        NotifyMessage::Unknown { .. } => UNKNOWN,
    })
}

/// Resolves when a line, or the end, comes in on standard input.
fn line_typed() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    // It waits for the user: nobody waits for it.
    std::thread::spawn(move || {
        let mut byte = [0];
        while matches!(stdin().lock().read(&mut byte), Ok(1)) && byte != *b"\n" {}
        drop(sender);
    });
    receiver
}
