//! What owner and client say to each other.
//!
//! First a [`greeting`] of fixed layout from both sides, which finds out whether they are of one
//! build; then [`frame`]s of limited length with postcard bodies: [`request`]s one way, [`reply`]s
//! and pushed events the other. A client is its connection: when it ends, so does the client, unless
//! the owner ended it. Both sides take the other's bytes as hostile.

pub mod frame;
pub mod greeting;
pub mod reply;
pub mod request;

/// Why bytes from the other side cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error("a message of {0} bytes is longer than the limit")]
    TooLong(u64),
    #[error("a message is shorter than its header")]
    TooShort,
    #[error("a message does not decode")]
    Malformed,
}
