//! Parents by name: a link says pool id, image id and snapshot id, people say names.

use std::fmt;

use marcot_format::parent::ParentImageSpec;
use marcot_image::pool::directory;
use marcot_image::{
    Access, CallError, Client, Image, ImageKey, Location, OpenError, OpenOptions, SnapKey,
};
use marcot_store::{Errno, PoolId, SnapId};

use crate::exit::Refusal;

/// The names of a parent snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParentName {
    pub(crate) pool: String,
    pub(crate) namespace: String,
    pub(crate) image: String,
    pub(crate) id: String,
    pub(crate) snapshot: String,
    pub(crate) in_trash: bool,
}

/// Why a parent could not be named.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineageError {
    #[error("the parent has gone: no {0}")]
    Unknown(String),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Refusal for LineageError {
    fn errno(&self) -> Errno {
        match self {
            LineageError::Unknown(_) => Errno::NOENT,
            LineageError::Call(error) => error.errno(),
            LineageError::Open(error) => error.errno(),
        }
    }
}

impl ParentName {
    /// Looks the names up.
    pub(crate) async fn find(
        client: &Client,
        spec: &ParentImageSpec,
    ) -> Result<ParentName, LineageError> {
        let unknown = |what: &str| LineageError::Unknown(format!("{what} of {spec:?}"));
        let pools = client.store.list_pools().await.map_err(CallError::from)?;
        let pool = pools.into_iter().find(|pool| pool.id == PoolId(spec.pool_id));
        let at = Location::new(PoolId(spec.pool_id), spec.pool_namespace.as_str());
        let options = OpenOptions {
            image: ImageKey::Id(spec.image_id.clone()),
            snap: SnapKey::Head,
            access: Access::ReadOnly,
        };
        let parent = Image::open(client, &at, options).await?;
        let header = parent.header();
        let in_trash = directory::name_of(client, &at, &spec.image_id).await.is_err();
        let snapshot = header.snapshot(SnapId(spec.snap_id)).ok_or_else(|| unknown("snapshot"))?;
        Ok(ParentName {
            pool: pool.map(|pool| pool.name).ok_or_else(|| unknown("pool"))?,
            namespace: spec.pool_namespace.clone(),
            image: header.name.to_string(),
            id: spec.image_id.clone(),
            snapshot: snapshot.name.clone(),
            in_trash,
        })
    }
}

/// `pool/[namespace/]image@snapshot`
impl fmt::Display for ParentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.pool)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        write!(f, "{}@{}", self.image, self.snapshot)
    }
}
