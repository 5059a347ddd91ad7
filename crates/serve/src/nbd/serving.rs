//! Serving one image from opening to closing it: what runs in the store's resident host.

use std::io;
use std::sync::Arc;

use marcot_image::{
    Access, Client, CloseError, Image, ImageKey, Location, OpenError, OpenOptions, SnapKey,
};
use marcot_store::{PoolId, SnapId};
use serde::{Deserialize, Serialize};

use super::exports::Exports;
use super::image_export::ImageExport;
use super::limits::Limits;
use super::listener::Listener;
use super::server::Server;

/// What to serve: plain data, because another process may do it. Ids, so that a rename does not
/// end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServeRequest {
    pub pool: PoolId,
    pub namespace: String,
    pub image_id: String,
    /// [`SnapId::HEAD`] for the image itself.
    pub snap: SnapId,
    pub mode: ServeMode,
    /// The name that clients ask for.
    pub export_name: String,
    /// Options of RBD that the user gave for this export: name, value.
    pub options: Vec<(String, String)>,
}

/// Bytes that are no request.
#[derive(Debug, thiserror::Error)]
#[error("not a request to serve an image: {0}")]
pub struct BadRequest(#[from] postcard::Error);

impl ServeRequest {
    /// For another process of the same build.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("plain data always has an encoding")
    }

    pub fn decode(bytes: &[u8]) -> Result<ServeRequest, BadRequest> {
        Ok(postcard::from_bytes(bytes)?)
    }
}

/// Whether clients may write to an image; to a snapshot they never may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServeMode {
    ReadOnly,
    ReadWrite,
}

/// Why an image was not served to a good end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the socket cannot be used: {0}")]
    Listener(#[from] io::Error),
    #[error(transparent)]
    Close(#[from] CloseError),
}

/// An opened image with its server.
#[derive(Debug)]
pub struct Serving {
    image: Arc<Image>,
    server: Server,
}

impl Serving {
    /// Opens the image.
    pub async fn open(
        client: &Client,
        request: &ServeRequest,
        limits: Limits,
    ) -> Result<Serving, OpenError> {
        let options = OpenOptions {
            image: ImageKey::Id(request.image_id.clone()),
            snap: match request.snap {
                SnapId::HEAD => SnapKey::Head,
                snap => SnapKey::Id(snap),
            },
            access: match request.mode {
                ServeMode::ReadOnly => Access::ReadOnly,
                ServeMode::ReadWrite => Access::ReadWrite,
            },
        };
        let at = Location::new(request.pool, request.namespace.as_str());
        let image = Image::open(client, &at, options).await?;
        let export = Arc::new(ImageExport::new(Arc::clone(&image)));
        let server = Server::new(Exports::single(request.export_name.as_str(), export), limits);
        Ok(Serving { image, server })
    }

    /// Serves until `stop` resolves and the clients are gone, then closes the image.
    pub async fn run(
        self,
        listener: Listener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let served = self.server.serve(listener, stop).await;
        // Closing comes first: it makes durable what clients wrote.
        self.image.close().await?;
        Ok(served?)
    }
}
