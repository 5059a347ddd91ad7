//! Cloning: a new image that shows a snapshot of another where it has no data of its own.
//!
//! Order: parent, child, the child's link to the parent with the parent's metadata, the parent's (or,
//! for clone v1, the pool's) link to the child. An error takes everything back, last step first.
//! Each is a wait for a cluster, so what one does not need of the other is asked for at once.

use std::sync::Arc;

use futures_util::future::join3;
use marcot_format::call::children::{AddChild, ChildAttach, ChildDetach, RemoveChild};
use marcot_format::call::directory::DirRemoveImage;
use marcot_format::call::header::OpFeaturesSet;
use marcot_format::call::metadata::MetadataSet;
use marcot_format::call::parent::ParentAttach;
use marcot_format::call::snapshot::GetProtectionStatus;
use marcot_format::features::{Features, OpFeatures};
use marcot_format::object_name::{self, CHILDREN};
use marcot_format::parent::ParentImageSpec;
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_format::wire::Trailing;
use marcot_store::{Errno, SnapId, WriteStep};

use super::create::{CreateError, CreateFormat, CreateOptions, lay_down};
use super::detach::{child_spec, remove_object};
use super::image_meta;
use super::layout::Layout;
use crate::class_call::{CallError, ask, exec, tell};
use crate::client::{Access, Client, ImageKey, Location, SnapKey};
use crate::config::CloneFormat;
use crate::header::{Header, HeaderError, ImageFormat};
use crate::image::{Image, OpenError, OpenOptions};
use crate::pool::children::{key, spec};
use crate::pool::init::Readiness;
use crate::pool::{directory, format_1};

/// The snapshot to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneSource {
    pub location: Location,
    pub image: ImageKey,
    pub snap: SnapKey,
}

/// Where the clone is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneTarget {
    pub location: Location,
    pub name: String,
}

/// What the clone is to be. What is left out it has from its parent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneOptions {
    /// The configuration decides unless it is given.
    pub format: Option<CloneFormat>,
    pub layout: Layout,
}

/// Why there is no clone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloneError {
    #[error("image {image} must be cloned from a snapshot")]
    NoSnapshot { image: Arc<str> },
    #[error("only snapshots that users took can be cloned")]
    NotAUserSnapshot,
    #[error("parent snapshot must be protected")]
    NotProtected,
    #[error("parent image must support layering")]
    ParentWithoutLayering,
    #[error("cloning image must support layering")]
    ChildWithoutLayering,
    #[error("image {image} is of format 1, which has no clones")]
    Format1 { image: Arc<str> },
    #[error("clone v2 required for cross-namespace clones")]
    CrossNamespace,
    #[error("parent: {0}")]
    Parent(#[source] OpenError),
    #[error(transparent)]
    Create(#[from] CreateError),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl CloneError {
    pub fn errno(&self) -> Errno {
        match self {
            CloneError::NoSnapshot { .. }
            | CloneError::NotAUserSnapshot
            | CloneError::NotProtected => Errno::INVAL,
            CloneError::ParentWithoutLayering | CloneError::ChildWithoutLayering => Errno::NOSYS,
            CloneError::CrossNamespace => Errno::XDEV,
            // As if it were not there: clones begin with the parent's id.
            CloneError::Format1 { .. } => Errno::NOENT,
            CloneError::Parent(error) => error.errno(),
            CloneError::Create(error) => error.errno(),
            CloneError::Header(error) => error.errno(),
            CloneError::Call(error) => error.errno(),
        }
    }
}

/// Clones a snapshot and answers the clone's id.
pub async fn clone(
    client: &Client,
    source: &CloneSource,
    target: &CloneTarget,
    options: &CloneOptions,
) -> Result<String, CloneError> {
    let open = OpenOptions {
        image: source.image.clone(),
        snap: source.snap.clone(),
        access: Access::ReadOnly,
    };
    // What does not depend on each other is asked for at once.
    let (opened, pool, taken) = join3(
        Image::open(client, &source.location, open),
        Readiness::read(client, target.location.pool),
        format_1::exists(client, &target.location, &target.name),
    )
    .await;
    let unknown = options.layout.features.unwrap_or(Features::NONE).without(Features::ALL);
    if !unknown.is_empty() && !matches!(opened, Err(OpenError::NoImage(_))) {
        return Err(CloneError::Create(CreateError::UnknownFeatures { bits: unknown.bits() }));
    }
    let crosses = source.location.namespace != target.location.namespace;
    if crosses
        && matches!(opened, Err(OpenError::NoSnapshot { .. }))
        && has_id(client, source).await?
        && choose_format(client, &pool.clone()?, options).await? == CloneFormat::V1
    {
        // Told before the snapshot is looked for.
        return Err(CloneError::CrossNamespace);
    }
    let parent = opened.map_err(CloneError::Parent)?;
    let place = Place { target, pool: pool?, taken: taken? };
    // Opened to be read: there is nothing to close.
    let id = clone_opened(client, &parent, &place, options).await?;
    client.store.flush().await.map_err(CallError::from)?;
    Ok(id)
}

/// What was found where the clone is to be.
struct Place<'a> {
    target: &'a CloneTarget,
    pool: Readiness,
    /// An image of format 1 has the name.
    taken: bool,
}

async fn clone_opened(
    client: &Client,
    parent: &Image,
    Place { target, pool, taken }: &Place<'_>,
    options: &CloneOptions,
) -> Result<String, CloneError> {
    let header = parent.header();
    if header.format == ImageFormat::V1 {
        return Err(CloneError::Format1 { image: Arc::clone(&header.name) });
    }
    let format = choose_format(client, pool, options).await?;
    check(&header, parent.snap(), format, target, options)?;
    if *taken {
        return Err(CloneError::Create(CreateError::Exists { name: target.name.clone() }));
    }
    let create = CreateOptions {
        format: CreateFormat::V2,
        size: parent.view().size,
        layout: options.layout.like(&header),
    };
    let linked = link_steps(client, parent, format);
    let (at, name) = (&target.location, &target.name);
    let made = lay_down(client, at, name, (&create, pool), linked).await?;
    let id = made.id.to_string();
    let child = Child { client, target, id: &id, parent, format };
    if let Err(error) = child.link().await {
        child.undo().await;
        return Err(error);
    }
    Ok(id)
}

/// Not so for an image of format 1, which is as good as not there.
async fn has_id(client: &Client, source: &CloneSource) -> Result<bool, CallError> {
    let ImageKey::Name(name) = &source.image else { return Ok(true) };
    match directory::id_of(client, &source.location, name).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Clone v2 when every client that may come can read it.
async fn choose_format(
    client: &Client,
    pool: &Readiness,
    options: &CloneOptions,
) -> Result<CloneFormat, CallError> {
    match options.format.unwrap_or(pool.config.default_clone_format) {
        CloneFormat::Auto => {
            let oldest = client.store.min_compat_client().await?;
            // Releases are named in alphabetical order. A cluster that was never told takes all.
            let newer = *oldest >= *"mimic" && oldest != "unknown";
            Ok(if newer { CloneFormat::V2 } else { CloneFormat::V1 })
        }
        other => Ok(other),
    }
}

fn check(
    parent: &Header,
    snap: SnapId,
    format: CloneFormat,
    target: &CloneTarget,
    options: &CloneOptions,
) -> Result<(), CloneError> {
    let Some(snapshot) = parent.snapshot(snap) else {
        return Err(CloneError::NoSnapshot { image: Arc::clone(&parent.name) });
    };
    if !matches!(snapshot.namespace, SnapshotNamespace::User) {
        return Err(CloneError::NotAUserSnapshot);
    }
    if format == CloneFormat::V1 && parent.location.namespace != target.location.namespace {
        return Err(CloneError::CrossNamespace);
    }
    if !parent.features.contains(Features::LAYERING) {
        return Err(CloneError::ParentWithoutLayering);
    }
    if format == CloneFormat::V1 && snapshot.protection != ProtectionStatus::Protected {
        return Err(CloneError::NotProtected);
    }
    if options.layout.features.is_some_and(|features| !features.contains(Features::LAYERING)) {
        return Err(CloneError::ChildWithoutLayering);
    }
    Ok(())
}

/// What the child's header says beside its layout: its parent, and the parent's metadata.
async fn link_steps(
    client: &Client,
    parent: &Image,
    format: CloneFormat,
) -> Result<Vec<WriteStep>, CallError> {
    let (parent_spec, overlap) = (parent_spec(parent), parent.view().size);
    let reattach = Trailing(Some(false));
    let mut steps = vec![exec(&ParentAttach { parent: parent_spec, overlap, reattach })];
    if format == CloneFormat::V2 {
        let bit = OpFeatures::CLONE_CHILD;
        steps.push(exec(&OpFeaturesSet { op_features: bit, mask: bit }));
    }
    let pairs = image_meta::list_of(&*client.store, parent.header_object()).await?;
    if !pairs.is_empty() {
        steps.push(exec(&MetadataSet { pairs }));
    }
    Ok(steps)
}

fn parent_spec(parent: &Image) -> ParentImageSpec {
    spec(parent.location(), &parent.header().id, parent.snap().0)
}

struct Child<'a> {
    client: &'a Client,
    target: &'a CloneTarget,
    id: &'a str,
    parent: &'a Image,
    format: CloneFormat,
}

impl Child<'_> {
    async fn link(&self) -> Result<(), CloneError> {
        match self.format {
            CloneFormat::V2 => self.link_v2().await,
            CloneFormat::V1 | CloneFormat::Auto => self.link_v1().await,
        }
    }

    /// Whoever unprotects first marks the snapshot, then looks for children: seeing it still
    /// protected after the child is listed means that the child was seen.
    async fn link_v1(&self) -> Result<(), CloneError> {
        let store = &*self.client.store;
        let call =
            AddChild { parent: key(&parent_spec(self.parent)), child_id: self.id.to_owned() };
        let children = self.target.location.object(CHILDREN);
        tell(store, &children, &call).await?;
        let protection = GetProtectionStatus { snap_id: self.parent.snap().0 };
        match ask(store, self.parent.header_object(), &protection).await {
            Ok(ProtectionStatus::Protected) => Ok(()),
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Err(CloneError::NotProtected),
        }
    }

    async fn link_v2(&self) -> Result<(), CloneError> {
        let child = child_spec(&self.target.location, self.id);
        let call = ChildAttach { snap_id: self.parent.snap().0, child };
        Ok(tell(&*self.client.store, self.parent.header_object(), &call).await?)
    }

    fn header(&self) -> marcot_store::ObjectId {
        self.target.location.object(object_name::header(self.id))
    }
}

impl Child<'_> {
    /// Takes back what [`Child::link`] and `create` did. Errors are not reported: the one that
    /// made us turn back is.
    async fn undo(&self) {
        let at = &self.target.location;
        let _ = match self.format {
            CloneFormat::V2 => {
                let child = child_spec(at, self.id);
                let call = ChildDetach { snap_id: self.parent.snap().0, child };
                tell(&*self.client.store, self.parent.header_object(), &call).await
            }
            CloneFormat::V1 | CloneFormat::Auto => {
                let parent = key(&parent_spec(self.parent));
                let call = RemoveChild { parent, child_id: self.id.to_owned() };
                tell(&*self.client.store, &at.object(CHILDREN), &call).await
            }
        };
        for object in [
            self.header(),
            at.object(object_name::object_map(self.id)),
            at.object(object_name::id(&self.target.name)),
        ] {
            let _ = remove_object(self.client, &object).await;
        }
        let (name, image_id) = (self.target.name.clone(), self.id.to_owned());
        let call = DirRemoveImage { name, image_id };
        let _ = tell(&*self.client.store, &at.object(object_name::DIRECTORY), &call).await;
        let _ = self.client.store.flush().await;
    }
}
