//! What a pool knows of mirrored images: `rbd_mirroring`. Nothing is mirrored from here.

use marcot_format::call::mirror::MirrorImageGet;
use marcot_format::mirror::MirrorImage;
use marcot_format::object_name::MIRRORING;

use crate::class_call::{CallError, ask};
use crate::client::Client;
use crate::header::Header;

/// How an image is mirrored; `None` when it is not.
pub async fn of_image(client: &Client, image: &Header) -> Result<Option<MirrorImage>, CallError> {
    let call = MirrorImageGet { image_id: image.id.to_string() };
    match ask(&*client.store, &image.location.object(MIRRORING), &call).await {
        Ok(image) => Ok(Some(image)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
