//! Connecting to an owner and agreeing on who is who.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use marcot_store::{Capabilities, ClientAddress, ClientId, StoreError};
use rustix::net::sockopt::socket_peercred;

use super::Patience;
use crate::protocol::frame::{self, Decoder, Frame};
use crate::protocol::greeting::{self, Peer};
use crate::protocol::reply::Welcome;
use crate::protocol::request::Hello;
use crate::socket;

/// A connection that is ready for requests.
#[derive(Debug)]
pub struct Greeted {
    pub stream: UnixStream,
    pub client: ClientId,
    pub address: ClientAddress,
    pub capabilities: Capabilities,
    /// The owner's process.
    pub pid: u32,
    /// Bytes that came after the welcome.
    pub(super) decoder: Decoder,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nobody listens.
    #[error("no process serves this store")]
    Nobody,
    /// It was just going: try again.
    #[error("the process that served this store has ended")]
    Leaving,
    #[error(
        "process {pid} serves this store and does not answer; it may be stopped (go on: kill -CONT \
         {pid}) or hang (end it: kill {pid})"
    )]
    Silent { pid: u32 },
    #[error(
        "process {pid} serves this store and is another build of marcot; it ends by itself when \
         nothing uses it, or end it: kill {pid}"
    )]
    OtherBuild { pid: u32 },
    #[error("process {pid} listens on this store's socket and is not marcot")]
    Stranger { pid: u32 },
    #[error("the socket of this store belongs to another user (uid {uid})")]
    OtherUser { uid: u32 },
    /// The owner does not know the session that was to go on, or takes no more clients.
    #[error("refused by process {pid}, which serves this store: {error}")]
    Refused { pid: u32, error: StoreError },
    #[error("connecting to the process that serves this store: {0}")]
    Io(#[from] io::Error),
}

/// Connects to the owner that listens in `directory`, if there is one.
pub fn dial(directory: &Path, hello: &Hello, patience: &Patience) -> Result<Greeted, DialError> {
    let stream = socket::connect(directory)?.ok_or(DialError::Nobody)?;
    let peer = socket_peercred(&stream).map_err(io::Error::from)?;
    if peer.uid != rustix::process::geteuid() {
        return Err(DialError::OtherUser { uid: peer.uid.as_raw() });
    }
    let pid = u32::try_from(peer.pid.as_raw_nonzero().get()).unwrap_or(0);
    stream.set_read_timeout(Some(patience.greeting))?;
    stream.set_write_timeout(Some(patience.greeting))?;
    greet(stream, hello, pid).map_err(|error| match error {
        DialError::Io(error) => told_apart(error, pid),
        other => other,
    })
}

/// What an I/O error during the greeting says about the owner.
fn told_apart(error: io::Error, pid: u32) -> DialError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => DialError::Silent { pid },
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => DialError::Leaving,
        _ => DialError::Io(error),
    }
}

fn greet(mut stream: UnixStream, hello: &Hello, pid: u32) -> Result<Greeted, DialError> {
    stream.write_all(&greeting::greeting())?;
    let mut theirs = [0; greeting::LENGTH];
    stream.read_exact(&mut theirs)?;
    match greeting::judge(&theirs) {
        Peer::SameBuild => {}
        Peer::OtherBuild => return Err(DialError::OtherBuild { pid }),
        Peer::Stranger => return Err(DialError::Stranger { pid }),
    }
    let hello = frame::encode(0, hello).map_err(|_| DialError::Stranger { pid })?;
    stream.write_all(&hello)?;
    let mut decoder = Decoder::default();
    let welcome = first_frame(&mut stream, &mut decoder, pid)?;
    match welcome.decode().map_err(|_| DialError::Stranger { pid })? {
        Welcome::Client { client, address, capabilities, pid } => {
            Ok(Greeted { stream, client, address, capabilities, pid, decoder })
        }
        Welcome::Refused(error) => Err(DialError::Refused { pid, error }),
    }
}

fn first_frame(
    stream: &mut UnixStream,
    decoder: &mut Decoder,
    pid: u32,
) -> Result<Frame, DialError> {
    let mut buffer = [0; 4096];
    loop {
        let next = decoder.next_frame().map_err(|_| DialError::Stranger { pid })?;
        if let Some(frame) = next {
            return Ok(frame);
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            count => decoder.feed(&buffer[..count]),
        }
    }
}

impl Greeted {
    /// Sets how long the stream waits from now on.
    pub(super) fn set_waits(&self, read: Duration, write: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(read))?;
        self.stream.set_write_timeout(Some(write))
    }
}
