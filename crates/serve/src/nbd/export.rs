//! What the server serves: a block device in eight calls.
//!
//! Offsets and lengths are bytes, were checked against [`Export::size`] before, and lengths of
//! data never exceed [`BlockSizes::maximum`]. Calls run concurrently; the future of a call owns
//! its export, so that a connection can keep it for as long as it takes. Dropping a future must
//! not leave a request half done.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// The answer of an export, later.
pub type ExportFuture<T> = BoxFuture<'static, Result<T, ExportError>>;

/// A block device that clients may connect to.
pub trait Export: Send + Sync {
    /// Size in bytes. Asked once per connection.
    fn size(&self) -> u64;

    /// Whether clients may write.
    fn access(&self) -> ExportAccess;

    /// Which requests suit it best.
    fn block_sizes(&self) -> BlockSizes {
        BlockSizes::default()
    }

    /// The bytes of a range; exactly `length` of them.
    fn read(self: Arc<Self>, offset: u64, length: u32) -> ExportFuture<Bytes>;

    /// Writes `data`. It may be part of a much larger buffer: copy what is to be kept for long.
    fn write(
        self: Arc<Self>,
        offset: u64,
        data: Bytes,
        persistence: Persistence,
    ) -> ExportFuture<()>;

    /// Says that the content of a range is no longer needed.
    fn trim(self: Arc<Self>, range: Range, persistence: Persistence) -> ExportFuture<()>;

    /// Makes a range read as zeroes.
    fn write_zeroes(self: Arc<Self>, range: Range, options: ZeroOptions) -> ExportFuture<()>;

    /// Makes durable what was acknowledged before, on whichever connection.
    fn flush(self: Arc<Self>) -> ExportFuture<()>;

    /// What is allocated, from `range.offset` on without gaps. It may cover less than the range,
    /// but at least one extent; neighbours differ in state.
    fn allocation(self: Arc<Self>, range: Range) -> ExportFuture<Vec<Extent>>;
}

/// Bytes `offset..offset + length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub offset: u64,
    pub length: u64,
}

/// Whether clients may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportAccess {
    ReadOnly,
    ReadWrite,
}

/// When a write has to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// At the next flush.
    Cached,
    /// Before it is acknowledged (NBD's FUA).
    Durable,
}

/// How a range becomes zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroOptions {
    pub persistence: Persistence,
    pub space: ZeroSpace,
    pub effort: ZeroEffort,
}

/// What becomes of the space below zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroSpace {
    /// It may be given back.
    Release,
    /// The client would like to keep it allocated (NO_HOLE).
    Keep,
}

/// What zeroing may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroEffort {
    /// Whatever it takes.
    Any,
    /// [`ExportError::NotSupported`] at once when it would cost as much as writing (FAST_ZERO).
    FastOnly,
}

/// A run of one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub length: u64,
    pub state: ExtentState,
}

/// Whether a range holds data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtentState {
    Data,
    /// Not allocated, reads as zeroes.
    Hole,
}

/// Block sizes in bytes, as NBD_INFO_BLOCK_SIZE tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSizes {
    pub minimum: u32,
    pub preferred: u32,
    /// Longest read or write.
    pub maximum: u32,
}

impl Default for BlockSizes {
    fn default() -> BlockSizes {
        BlockSizes { minimum: 1, preferred: 4096, maximum: 32 << 20 }
    }
}

/// Why an export did not do what it was asked; `errno.rs` turns it into NBD's number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    #[error("the export is read-only")]
    ReadOnly,
    #[error("the request does not fit the export: {0}")]
    Invalid(String),
    #[error("no space left: {0}")]
    NoSpace(String),
    #[error("not supported: {0}")]
    NotSupported(String),
    #[error("out of memory: {0}")]
    NoMemory(String),
    #[error("the export is shutting down")]
    ShuttingDown,
    #[error("{0}")]
    Io(String),
}
