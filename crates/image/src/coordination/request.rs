//! What a client may ask of the owner of the lock.

use marcot_format::features::Features;
use marcot_format::notify::{AsyncRequest, NotifyMessage, SnapshotName};
use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::SnapId;

use super::Quiesce;

/// A verb that the owner of the exclusive lock runs, for itself or for another client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerRequest {
    Flatten,
    Resize {
        size: u64,
        allow_shrink: bool,
    },
    SnapCreate {
        name: String,
        namespace: SnapshotNamespace,
        quiesce: Quiesce,
    },
    SnapRemove {
        name: String,
        namespace: SnapshotNamespace,
    },
    SnapRename {
        snap: SnapId,
        name: String,
    },
    SnapProtect {
        name: String,
        namespace: SnapshotNamespace,
    },
    SnapUnprotect {
        name: String,
        namespace: SnapshotNamespace,
    },
    Rename {
        name: String,
    },
    UpdateFeatures {
        features: Features,
        enabled: bool,
    },
    RebuildObjectMap,
    Sparsify {
        sparse_size: u64,
    },
    /// No value removes the key.
    MetadataUpdate {
        key: String,
        value: Option<String>,
    },
}

impl OwnerRequest {
    /// The message that asks for it.
    pub(super) fn message(self, request: AsyncRequest) -> NotifyMessage {
        let snapshot = |name, namespace| SnapshotName { name, namespace };
        match self {
            OwnerRequest::Flatten => NotifyMessage::Flatten(request),
            OwnerRequest::Resize { size, allow_shrink } => {
                NotifyMessage::Resize { size, request, allow_shrink }
            }
            OwnerRequest::SnapCreate { name, namespace, quiesce } => NotifyMessage::SnapCreate {
                snapshot: snapshot(name, namespace),
                request,
                flags: quiesce.flags(),
            },
            OwnerRequest::SnapRemove { name, namespace } => {
                NotifyMessage::SnapRemove { snapshot: snapshot(name, namespace), request }
            }
            OwnerRequest::SnapRename { snap, name } => NotifyMessage::SnapRename {
                snap_id: snap.0,
                snapshot: snapshot(name, SnapshotNamespace::User),
                request,
            },
            OwnerRequest::SnapProtect { name, namespace } => {
                NotifyMessage::SnapProtect { snapshot: snapshot(name, namespace), request }
            }
            OwnerRequest::SnapUnprotect { name, namespace } => {
                NotifyMessage::SnapUnprotect { snapshot: snapshot(name, namespace), request }
            }
            OwnerRequest::Rename { name } => NotifyMessage::Rename { name, request },
            OwnerRequest::UpdateFeatures { features, enabled } => {
                NotifyMessage::UpdateFeatures { features, enabled, request }
            }
            OwnerRequest::RebuildObjectMap => NotifyMessage::RebuildObjectMap(request),
            OwnerRequest::Sparsify { sparse_size } => {
                NotifyMessage::Sparsify { request, sparse_size }
            }
            OwnerRequest::MetadataUpdate { key, value } => {
                NotifyMessage::MetadataUpdate { key, value, request }
            }
        }
    }

    /// What a message asks for; `None` when it is no request that this release can serve.
    pub(super) fn of(message: NotifyMessage) -> Option<(AsyncRequest, OwnerRequest)> {
        Some(match message {
            NotifyMessage::Flatten(request) => (request, OwnerRequest::Flatten),
            NotifyMessage::Resize { size, request, allow_shrink } => {
                (request, OwnerRequest::Resize { size, allow_shrink })
            }
            NotifyMessage::SnapCreate { snapshot, request, flags } => {
                let SnapshotName { name, namespace } = snapshot;
                let quiesce = Quiesce::of_flags(flags);
                (request, OwnerRequest::SnapCreate { name, namespace, quiesce })
            }
            NotifyMessage::SnapRemove { snapshot, request } => {
                let SnapshotName { name, namespace } = snapshot;
                (request, OwnerRequest::SnapRemove { name, namespace })
            }
            NotifyMessage::SnapRename { snap_id, snapshot, request } => {
                (request, OwnerRequest::SnapRename { snap: SnapId(snap_id), name: snapshot.name })
            }
            NotifyMessage::SnapProtect { snapshot, request } => {
                let SnapshotName { name, namespace } = snapshot;
                (request, OwnerRequest::SnapProtect { name, namespace })
            }
            NotifyMessage::SnapUnprotect { snapshot, request } => {
                let SnapshotName { name, namespace } = snapshot;
                (request, OwnerRequest::SnapUnprotect { name, namespace })
            }
            NotifyMessage::Rename { name, request } => (request, OwnerRequest::Rename { name }),
            NotifyMessage::UpdateFeatures { features, enabled, request } => {
                (request, OwnerRequest::UpdateFeatures { features, enabled })
            }
            NotifyMessage::RebuildObjectMap(request) => (request, OwnerRequest::RebuildObjectMap),
            NotifyMessage::Sparsify { request, sparse_size } => {
                (request, OwnerRequest::Sparsify { sparse_size })
            }
            NotifyMessage::MetadataUpdate { key, value, request } => {
                (request, OwnerRequest::MetadataUpdate { key, value })
            }
            _ => return None,
        })
    }
}

/// The id of a message that asks the owner for something, whether or not it is served.
pub(super) fn request_id(message: &NotifyMessage) -> Option<AsyncRequest> {
    match message {
        NotifyMessage::Flatten(request)
        | NotifyMessage::RebuildObjectMap(request)
        | NotifyMessage::Migrate(request)
        | NotifyMessage::Resize { request, .. }
        | NotifyMessage::SnapCreate { request, .. }
        | NotifyMessage::SnapRemove { request, .. }
        | NotifyMessage::SnapRename { request, .. }
        | NotifyMessage::SnapProtect { request, .. }
        | NotifyMessage::SnapUnprotect { request, .. }
        | NotifyMessage::Rename { request, .. }
        | NotifyMessage::UpdateFeatures { request, .. }
        | NotifyMessage::Sparsify { request, .. }
        | NotifyMessage::MetadataUpdate { request, .. } => Some(*request),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_served() {
        let namespace = SnapshotNamespace::User;
        let request = AsyncRequest::default();
        let name = || "s".to_owned();
        let snap_create = |quiesce| OwnerRequest::SnapCreate {
            name: name(),
            namespace: SnapshotNamespace::User,
            quiesce,
        };
        for asked in [
            OwnerRequest::Flatten,
            OwnerRequest::Resize { size: 7, allow_shrink: true },
            snap_create(Quiesce::Required),
            snap_create(Quiesce::IgnoreErrors),
            snap_create(Quiesce::Skip),
            OwnerRequest::SnapRemove { name: name(), namespace: namespace.clone() },
            OwnerRequest::SnapRename { snap: SnapId(4), name: name() },
            OwnerRequest::SnapProtect { name: name(), namespace: namespace.clone() },
            OwnerRequest::SnapUnprotect { name: name(), namespace },
            OwnerRequest::Rename { name: name() },
            OwnerRequest::UpdateFeatures { features: Features::FAST_DIFF, enabled: true },
            OwnerRequest::RebuildObjectMap,
            OwnerRequest::Sparsify { sparse_size: 4096 },
            OwnerRequest::MetadataUpdate { key: name(), value: Some(name()) },
            OwnerRequest::MetadataUpdate { key: name(), value: None },
        ] {
            let message = asked.clone().message(request);
            assert_eq!(request_id(&message), Some(request));
            assert_eq!(OwnerRequest::of(message), Some((request, asked)));
        }
        assert_eq!(request_id(&NotifyMessage::HeaderUpdate), None);
    }
}
