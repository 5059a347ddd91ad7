//! Sending messages to the other clients of an image.

use std::sync::atomic::Ordering;
use std::time::Duration;

use marcot_format::notify::{AsyncRequest, ImageClient, NotifyMessage, NotifyResponse};
use marcot_format::{Decode, Encode};
use marcot_store::watch::NotifyOutcome;
use marcot_store::{Errno, ObjectId, Result};

use crate::class_call::CallError;
use crate::client::Client;
use crate::image::Image;

/// How long a notifier waits for the watchers.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Image {
    /// Tells every client, this one too, to read the header again, and waits until they have
    /// taken note: no write that they begin later uses the old header.
    pub(crate) async fn notify_header_update(&self) -> Result<()> {
        self.note_header_change();
        self.notify(&NotifyMessage::HeaderUpdate).await.map(drop)
    }

    pub(super) async fn notify(&self, message: &NotifyMessage) -> Result<NotifyOutcome> {
        self.store().notify(self.header_object(), message.to_bytes().into(), TIMEOUT).await
    }

    /// Sends a message that nobody waits for.
    pub(super) fn announce(&self, message: NotifyMessage) {
        let Some(image) = self.handle() else { return };
        self.client().env.spawn(Box::pin(async move {
            if let Err(error) = image.notify(&message).await {
                tracing::debug!(%error, "a notification was not delivered");
            }
        }));
    }

    /// This handle, as the others see it. The handle is 0 without a watch.
    pub(super) fn image_client(&self) -> ImageClient {
        ImageClient {
            instance: self.store().client_id().0,
            handle: self.coordination().watch_handle().map_or(0, |handle| handle.0),
        }
    }

    pub(super) fn next_request(&self) -> AsyncRequest {
        let request = self.coordination().last_request.fetch_add(1, Ordering::Relaxed) + 1;
        AsyncRequest { client: self.image_client(), request }
    }
}

/// Tells every client of the image with that header to read it again.
pub(crate) async fn announce_header_update(
    client: &Client,
    header: &ObjectId,
) -> std::result::Result<(), CallError> {
    let payload = NotifyMessage::HeaderUpdate.to_bytes().into();
    match client.store.notify(header, payload, TIMEOUT).await {
        // Who does not answer finds out later.
        Err(error) if error.errno != Errno::TIMEDOUT => Err(error.into()),
        _ => Ok(()),
    }
}

/// What the owner of the lock answered: `None` when no owner did.
pub(super) fn owner_answer(outcome: &NotifyOutcome) -> Option<Result<(), Errno>> {
    let answer = outcome.acks.iter().find(|(_, _, payload)| !payload.is_empty());
    let response = NotifyResponse::from_bytes(&answer?.2).ok()?;
    Some(result_of(response.result))
}

/// Reads a result as it is sent: 0 or a negative errno.
pub(super) fn result_of(number: i32) -> Result<(), Errno> {
    match number {
        0.. => Ok(()),
        negative => Err(Errno::from_raw(negative.saturating_neg())),
    }
}

/// Writes a result as it is sent.
pub(super) fn number_of(result: Result<(), Errno>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(errno) => -errno.raw(),
    }
}
