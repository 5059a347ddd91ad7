//! Errors of the contract: an errno, as RADOS has it, and the object it is about.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An errno of Linux, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Errno(i32);

macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Errno {
            $(#[doc = $text] pub const $name: Errno = Errno($number);)*

            /// The C library's words for it.
            pub fn text(self) -> &'static str {
                match self.0 {
                    $($number => $text,)*
                    _ => "Unknown error",
                }
            }
        }
    };
}

errnos! {
    PERM = 1, "Operation not permitted";
    NOENT = 2, "No such file or directory";
    IO = 5, "Input/output error";
    NXIO = 6, "No such device or address";
    TOOBIG = 7, "Argument list too long";
    NOEXEC = 8, "Exec format error";
    BADF = 9, "Bad file descriptor";
    AGAIN = 11, "Resource temporarily unavailable";
    NOMEM = 12, "Cannot allocate memory";
    ACCES = 13, "Permission denied";
    BUSY = 16, "Device or resource busy";
    EXIST = 17, "File exists";
    XDEV = 18, "Invalid cross-device link";
    NODEV = 19, "No such device";
    NOTDIR = 20, "Not a directory";
    ISDIR = 21, "Is a directory";
    INVAL = 22, "Invalid argument";
    NOTTY = 25, "Inappropriate ioctl for device";
    FBIG = 27, "File too large";
    NOSPC = 28, "No space left on device";
    ROFS = 30, "Read-only file system";
    MLINK = 31, "Too many links";
    PIPE = 32, "Broken pipe";
    DOM = 33, "Numerical argument out of domain";
    RANGE = 34, "Numerical result out of range";
    NAMETOOLONG = 36, "File name too long";
    NOSYS = 38, "Function not implemented";
    NOTEMPTY = 39, "Directory not empty";
    NODATA = 61, "No data available";
    BADMSG = 74, "Bad message";
    OVERFLOW = 75, "Value too large for defined data type";
    ILSEQ = 84, "Invalid or incomplete multibyte or wide character";
    OPNOTSUPP = 95, "Operation not supported";
    NOTCONN = 107, "Transport endpoint is not connected";
    SHUTDOWN = 108, "Cannot send after transport endpoint shutdown";
    TIMEDOUT = 110, "Connection timed out";
    STALE = 116, "Stale file handle";
    DQUOT = 122, "Disk quota exceeded";
    CANCELED = 125, "Operation canceled";
}

impl Errno {
    /// The client was blocklisted: Ceph uses `ESHUTDOWN` for it.
    pub const BLOCKLISTED: Errno = Errno::SHUTDOWN;

    /// Wraps a positive errno; zero and negative numbers become `EIO`.
    pub fn from_raw(number: i32) -> Errno {
        if number > 0 { Errno(number) } else { Errno::IO }
    }

    /// The positive number.
    pub fn raw(self) -> i32 {
        self.0
    }
}

/// `(2) No such file or directory`, as Ceph's tools print it.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            "Unknown error" => write!(f, "({}) Unknown error {}", self.0, self.0),
            text => write!(f, "({}) {text}", self.0),
        }
    }
}

impl std::error::Error for Errno {}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{context}: {errno}")]
pub struct StoreError {
    pub errno: Errno,
    /// What was tried on what, in words for a person: `read rbd_header.1 in pool 2`.
    pub context: String,
    /// For a failed [`crate::WriteStep::CompareExtent`]: the first byte that differs, counted from
    /// the start of the object. The errno is then `EILSEQ`.
    pub mismatch_offset: Option<u64>,
}

impl StoreError {
    pub fn new(errno: Errno, context: impl Into<String>) -> StoreError {
        StoreError { errno, context: context.into(), mismatch_offset: None }
    }

    /// `CompareExtent` found other bytes.
    pub fn mismatch(offset: u64, context: impl Into<String>) -> StoreError {
        StoreError { errno: Errno::ILSEQ, context: context.into(), mismatch_offset: Some(offset) }
    }
}
