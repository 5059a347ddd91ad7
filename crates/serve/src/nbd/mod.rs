//! An NBD server: fixed newstyle negotiation, simple, structured and extended replies.
//!
//! | module | what it holds |
//! |---|---|
//! | [`export`] | the narrow trait that is served; `image_export` implements it for an RBD image |
//! | `wire` | the protocol's numbers |
//! | `option`, `handshake` | option bodies (pure decoding), the negotiation up to GO |
//! | `request`, `command` | request headers, and the pure decision what a header asks for |
//! | `reply`, `outbox` | encoding of replies, and what still has to be sent |
//! | `inbox` | what was received and not yet used |
//! | `transmission`, `turns` | one connection after the handshake, and who polls it |
//! | `limits`, `budget` | every bound on what a client can name or hold |
//! | `listener`, `unix_socket`, `server` | sockets, connections, shutdown |
//! | `serving` | one image from opening to closing it |
//!
//! Written from the public protocol specification. Each connection has one task: it parses all
//! requests of a read, polls each once where it stands (most are ready at once), keeps the
//! others, and sends all replies of the turn with one call. Replies go out in the order in which
//! requests finish. Nothing that a client names is allocated before it was checked.

mod budget;
mod command;
mod errno;
mod exports;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod handshake;
mod image_export;
mod inbox;
mod limits;
mod listener;
mod option;
mod outbox;
mod reply;
mod request;
mod server;
mod serving;
mod transmission;
mod turns;
mod unix_socket;
mod wire;
mod work;
mod zeroes;

pub mod export;

pub use export::{Export, ExportError};
pub use exports::Exports;
pub use image_export::ImageExport;
pub use limits::Limits;
pub use listener::{Exposure, ListenError, Listener};
pub use server::Server;
pub use serving::{BadRequest, ServeError, ServeMode, ServeRequest, Serving};
