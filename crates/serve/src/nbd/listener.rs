//! Sockets that the server accepts connections on.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::TcpStream;

use super::unix_socket::UnixSocket;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;
/// Asked for on Unix sockets; the kernel gives what it allows.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// Who may reach a TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Only this machine; other addresses are refused.
    Loopback,
    /// Whoever the address reaches. NBD without TLS has neither secrecy nor authentication.
    Anyone,
}

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("{0} is not a loopback address, and NBD without TLS protects nothing")]
    Exposed(SocketAddr),
    #[error("{0} is in use by another server")]
    InUse(PathBuf),
    #[error("cannot listen on {address}: {source}")]
    Socket { address: String, source: io::Error },
}

/// A bound socket that listens. It may be made anywhere and handed to another process; only
/// [`super::Server::serve`] needs a runtime.
#[derive(Debug)]
pub enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// A Unix socket at `path` that only its owner can open (0600 from the first moment on).
    ///
    /// A socket that a dead server left behind is replaced; anything else at `path` is not.
    pub fn bind_unix(path: &Path) -> Result<Listener, ListenError> {
        let bound = match bind_owner_only(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_abandoned(path).and_then(|()| bind_owner_only(path))
            }
            other => other,
        };
        bound.map(Listener::Unix).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(path.to_owned()),
            _ => ListenError::Socket { address: path.display().to_string(), source },
        })
    }

    /// A TCP socket at `address`.
    pub fn bind_tcp(address: SocketAddr, exposure: Exposure) -> Result<Listener, ListenError> {
        if exposure == Exposure::Loopback && !address.ip().is_loopback() {
            return Err(ListenError::Exposed(address));
        }
        let fail = |source| ListenError::Socket { address: address.to_string(), source };
        TcpListener::bind(address).map(Listener::Tcp).map_err(fail)
    }

    /// A listening socket of either kind, received from another process.
    pub fn from_fd(socket: OwnedFd) -> io::Result<Listener> {
        match rustix::net::sockopt::socket_domain(&socket)? {
            AddressFamily::UNIX => Ok(Listener::Unix(socket.into())),
            AddressFamily::INET | AddressFamily::INET6 => Ok(Listener::Tcp(socket.into())),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither Unix nor TCP")),
        }
    }

    /// Another descriptor of the same socket, to be handed to another process.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        match self {
            Listener::Unix(listener) => listener.try_clone().map(OwnedFd::from),
            Listener::Tcp(listener) => listener.try_clone().map(OwnedFd::from),
        }
    }

    pub(crate) fn start(self) -> io::Result<Acceptor> {
        match self {
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::UnixListener::from_std(listener).map(Acceptor::Unix)
            }
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(listener).map(Acceptor::Tcp)
            }
        }
    }
}

/// A listener on a runtime.
pub(crate) enum Acceptor {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

impl Acceptor {
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Acceptor::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                // A larger buffer is a wish; the default works.
                let _ = set_socket_send_buffer_size(&stream, SOCKET_BUFFER_BYTES);
                UnixSocket::new(stream).map(Accepted::Unix)
            }
            Acceptor::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream))
            }
        }
    }
}

/// A new connection.
pub(crate) enum Accepted {
    Unix(UnixSocket),
    Tcp(TcpStream),
}

/// The mode is set before the socket gets its name, so that there is no moment in which others
/// could connect.
fn bind_owner_only(path: &Path) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Removes the socket at `path` when nobody listens on it.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path)?.file_type().is_socket();
    let answer = std::os::unix::net::UnixStream::connect(path);
    match answer {
        Err(error) if is_socket && error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        _ => Ok(()),
    }
}
