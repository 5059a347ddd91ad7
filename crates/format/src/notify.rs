//! What clients of one image tell each other through its header object. docs/formats/notify.md.
//!
//! Messages 6 to 17 and 20 are requests to the owner of the exclusive lock; it answers in its
//! acknowledgement with a [`NotifyResponse`], and again with [`NotifyMessage::AsyncComplete`] when
//! long work is done.

use crate::features::Features;
use crate::snapshot::SnapshotNamespace;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// A client of an image (`ClientId`): its instance and the handle of its header watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageClient {
    pub instance: u64,
    pub handle: u64,
}

/// A request that goes on after its acknowledgement (`AsyncRequestId`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AsyncRequest {
    pub client: ImageClient,
    pub request: u64,
}

/// A snapshot by name, within its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotName {
    pub name: String,
    pub namespace: SnapshotNamespace,
}

/// A notification on a header object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyMessage {
    AcquiredLock(ImageClient),
    ReleasedLock(ImageClient),
    /// Asks the owner to let go of the lock.
    RequestLock {
        client: ImageClient,
        force: bool,
    },
    /// The header has changed: read it again.
    HeaderUpdate,
    AsyncProgress {
        request: AsyncRequest,
        offset: u64,
        total: u64,
    },
    /// `result` is 0 or a negative errno.
    AsyncComplete {
        request: AsyncRequest,
        result: i32,
    },
    Flatten(AsyncRequest),
    Resize {
        size: u64,
        request: AsyncRequest,
        allow_shrink: bool,
    },
    SnapCreate {
        snapshot: SnapshotName,
        request: AsyncRequest,
        flags: u64,
    },
    SnapRemove {
        snapshot: SnapshotName,
        request: AsyncRequest,
    },
    RebuildObjectMap(AsyncRequest),
    /// The name is the new one.
    SnapRename {
        snap_id: u64,
        snapshot: SnapshotName,
        request: AsyncRequest,
    },
    SnapProtect {
        snapshot: SnapshotName,
        request: AsyncRequest,
    },
    SnapUnprotect {
        snapshot: SnapshotName,
        request: AsyncRequest,
    },
    Rename {
        name: String,
        request: AsyncRequest,
    },
    UpdateFeatures {
        features: Features,
        enabled: bool,
        request: AsyncRequest,
    },
    Migrate(AsyncRequest),
    Sparsify {
        request: AsyncRequest,
        sparse_size: u64,
    },
    Quiesce(AsyncRequest),
    Unquiesce(AsyncRequest),
    /// None removes the key.
    MetadataUpdate {
        key: String,
        value: Option<String>,
        request: AsyncRequest,
    },
    /// Something newer.
    Unknown {
        number: u32,
    },
}

/// What the owner of the lock answers to a request (`ResponseMessage`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotifyResponse {
    /// 0 or a negative errno.
    pub result: i32,
}

impl NotifyMessage {
    /// Reads what a notification carries. Clients of old carry nothing when they mean that the
    /// header changed.
    pub fn from_payload(payload: &[u8]) -> Result<NotifyMessage, DecodeError> {
        match payload {
            [] => Ok(NotifyMessage::HeaderUpdate),
            payload => NotifyMessage::from_bytes(payload),
        }
    }

    /// The stored number of the message.
    pub fn number(&self) -> u32 {
        match self {
            NotifyMessage::AcquiredLock(_) => 0,
            NotifyMessage::ReleasedLock(_) => 1,
            NotifyMessage::RequestLock { .. } => 2,
            NotifyMessage::HeaderUpdate => 3,
            NotifyMessage::AsyncProgress { .. } => 4,
            NotifyMessage::AsyncComplete { .. } => 5,
            NotifyMessage::Flatten(_) => 6,
            NotifyMessage::Resize { .. } => 7,
            NotifyMessage::SnapCreate { .. } => 8,
            NotifyMessage::SnapRemove { .. } => 9,
            NotifyMessage::RebuildObjectMap(_) => 10,
            NotifyMessage::SnapRename { .. } => 11,
            NotifyMessage::SnapProtect { .. } => 12,
            NotifyMessage::SnapUnprotect { .. } => 13,
            NotifyMessage::Rename { .. } => 14,
            NotifyMessage::UpdateFeatures { .. } => 15,
            NotifyMessage::Migrate(_) => 16,
            NotifyMessage::Sparsify { .. } => 17,
            NotifyMessage::Quiesce(_) => 18,
            NotifyMessage::Unquiesce(_) => 19,
            NotifyMessage::MetadataUpdate { .. } => 20,
            NotifyMessage::Unknown { number } => *number,
        }
    }

    fn encode_body(&self, out: &mut Encoder) {
        match self {
            NotifyMessage::AcquiredLock(client) | NotifyMessage::ReleasedLock(client) => {
                out.put(client)
            }
            NotifyMessage::RequestLock { client, force } => out.put(client).put(force),
            NotifyMessage::HeaderUpdate | NotifyMessage::Unknown { .. } => out,
            NotifyMessage::AsyncProgress { request, offset, total } => {
                out.put(request).put(offset).put(total)
            }
            NotifyMessage::AsyncComplete { request, result } => out.put(request).put(result),
            NotifyMessage::Flatten(request)
            | NotifyMessage::RebuildObjectMap(request)
            | NotifyMessage::Migrate(request)
            | NotifyMessage::Quiesce(request)
            | NotifyMessage::Unquiesce(request) => out.put(request),
            NotifyMessage::Resize { size, request, allow_shrink } => {
                out.put(size).put(request).put(allow_shrink)
            }
            NotifyMessage::SnapCreate { snapshot, request, flags } => {
                out.put(snapshot).put(request).put(flags)
            }
            NotifyMessage::SnapRemove { snapshot, request }
            | NotifyMessage::SnapProtect { snapshot, request }
            | NotifyMessage::SnapUnprotect { snapshot, request } => out.put(snapshot).put(request),
            NotifyMessage::SnapRename { snap_id, snapshot, request } => {
                out.put(snap_id).put(snapshot).put(request)
            }
            NotifyMessage::Rename { name, request } => out.put(name).put(request),
            NotifyMessage::UpdateFeatures { features, enabled, request } => {
                out.put(features).put(enabled).put(request)
            }
            NotifyMessage::Sparsify { request, sparse_size } => out.put(request).put(sparse_size),
            NotifyMessage::MetadataUpdate { key, value, request } => {
                out.put(key).put(value).put(request)
            }
        };
    }

    fn decode_body(number: u32, input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if (8..=13).contains(&number) && number != 10 {
            return NotifyMessage::decode_snapshot_request(number, input);
        }
        Ok(match number {
            0 => NotifyMessage::AcquiredLock(input.field("client")?),
            1 => NotifyMessage::ReleasedLock(input.field("client")?),
            2 => NotifyMessage::RequestLock {
                client: input.field("client")?,
                force: input.field("force")?,
            },
            3 => NotifyMessage::HeaderUpdate,
            4 => NotifyMessage::AsyncProgress {
                request: input.field("request")?,
                offset: input.field("offset")?,
                total: input.field("total")?,
            },
            5 => NotifyMessage::AsyncComplete {
                request: input.field("request")?,
                result: input.field("result")?,
            },
            6 => NotifyMessage::Flatten(input.field("request")?),
            7 => NotifyMessage::Resize {
                size: input.field("size")?,
                request: input.field("request")?,
                allow_shrink: input.field("allow_shrink")?,
            },
            10 => NotifyMessage::RebuildObjectMap(input.field("request")?),
            14 => NotifyMessage::Rename {
                name: input.field("name")?,
                request: input.field("request")?,
            },
            15 => NotifyMessage::UpdateFeatures {
                features: input.field("features")?,
                enabled: input.field("enabled")?,
                request: input.field("request")?,
            },
            16 => NotifyMessage::Migrate(input.field("request")?),
            17 => NotifyMessage::Sparsify {
                request: input.field("request")?,
                sparse_size: input.field("sparse_size")?,
            },
            18 => NotifyMessage::Quiesce(input.field("request")?),
            19 => NotifyMessage::Unquiesce(input.field("request")?),
            20 => NotifyMessage::MetadataUpdate {
                key: input.field("key")?,
                value: input.field("value")?,
                request: input.field("request")?,
            },
            number => NotifyMessage::Unknown { number },
        })
    }

    fn decode_snapshot_request(
        number: u32,
        input: &mut Decoder<'_>,
    ) -> Result<NotifyMessage, DecodeError> {
        let snap_id = if number == 11 { input.field("snap_id")? } else { 0 };
        let snapshot = input.field("snapshot")?;
        let request = input.field("request")?;
        Ok(match number {
            8 => NotifyMessage::SnapCreate { snapshot, request, flags: input.field("flags")? },
            9 => NotifyMessage::SnapRemove { snapshot, request },
            11 => NotifyMessage::SnapRename { snap_id, snapshot, request },
            12 => NotifyMessage::SnapProtect { snapshot, request },
            13 => NotifyMessage::SnapUnprotect { snapshot, request },
            other => return Err(input.bad_value(other)),
        })
    }
}

impl Encode for ImageClient {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.instance).put(&self.handle);
    }
}

impl Decode for ImageClient {
    const RECORD: &'static str = "client id";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(ImageClient { instance: u64::decode(input)?, handle: u64::decode(input)? })
    }
}

impl Encode for AsyncRequest {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.client).put(&self.request);
    }
}

impl Decode for AsyncRequest {
    const RECORD: &'static str = "async request id";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(AsyncRequest { client: ImageClient::decode(input)?, request: u64::decode(input)? })
    }
}

impl Encode for SnapshotName {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.name).put(&self.namespace);
    }
}

impl Decode for SnapshotName {
    const RECORD: &'static str = "snapshot name";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(SnapshotName {
            name: String::decode(input)?,
            namespace: SnapshotNamespace::decode(input)?,
        })
    }
}

impl Encode for NotifyMessage {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(7, 1, |out| {
            out.put(&self.number());
            self.encode_body(out);
        });
    }
}

impl Decode for NotifyMessage {
    const RECORD: &'static str = "image notification";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 7, |input, _| {
            let number = input.field("operation")?;
            NotifyMessage::decode_body(number, input)
        })
    }
}

impl Encode for NotifyResponse {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.result);
        });
    }
}

impl Decode for NotifyResponse {
    const RECORD: &'static str = "notify response";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(NotifyResponse { result: input.field("result")? })
        })
    }
}

#[cfg(test)]
mod tests;
