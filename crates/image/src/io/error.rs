//! Why reading or writing an image failed.

use std::sync::Arc;

use marcot_store::{Errno, StoreError};

use crate::class_call::CallError;
use crate::coordination::LockError;
use crate::header::{HeaderError, UnwritableError};

/// Why an I/O request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IoError {
    #[error("{length} bytes at {offset} are not within the image's {size} bytes")]
    OutOfBounds { offset: u64, length: u64, size: u64 },
    #[error("a request of {length} bytes is too long: at most {most} at a time")]
    TooLong { length: u64, most: u64 },
    #[error("image {image} is opened read-only")]
    ReadOnly { image: Arc<str> },
    #[error(transparent)]
    Unwritable(#[from] UnwritableError),
    /// Somebody who keeps a journal has to put what is in it into the image first.
    #[error(
        "image {image}: its journal has changes that are not in the image yet; they get there \
         when a client that keeps journals (Ceph's rbd) opens it for writing"
    )]
    Journal { image: Arc<str> },
    #[error("image {image} is {what}: its bytes cannot be read from here")]
    Elsewhere { image: Arc<str>, what: &'static str },
    /// Compare-and-write found other bytes; the offset is the image's.
    #[error("the bytes at {offset} are not the expected ones")]
    Mismatch { offset: u64 },
    #[error("compare-and-write of {length} bytes at {offset} crosses a stripe unit")]
    CrossesStripeUnit { offset: u64, length: u64 },
    /// The opened snapshot, or the whole image, was removed by somebody else.
    #[error("image {image} or its snapshot was removed")]
    Removed { image: Arc<str> },
    /// The chain of parents does not hold still, or names itself.
    #[error("the parents of image {image} cannot be followed: {problem}")]
    Parents { image: Arc<str>, problem: &'static str },
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl IoError {
    pub fn errno(&self) -> Errno {
        match self {
            IoError::OutOfBounds { .. }
            | IoError::TooLong { .. }
            | IoError::CrossesStripeUnit { .. } => Errno::INVAL,
            IoError::ReadOnly { .. } | IoError::Unwritable(_) => Errno::ROFS,
            IoError::Journal { .. } => Errno::BUSY,
            IoError::Elsewhere { .. } => Errno::OPNOTSUPP,
            IoError::Mismatch { .. } => Errno::ILSEQ,
            IoError::Removed { .. } => Errno::NOENT,
            IoError::Parents { .. } => Errno::IO,
            IoError::Header(error) => error.errno(),
            IoError::Call(error) => error.errno(),
            IoError::Store(error) => error.errno,
            IoError::Lock(error) => error.errno(),
        }
    }
}
