//! Sockets that the server accepts connections on.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

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

/// A bound socket. Make it inside a tokio runtime.
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
        let fail =
            |source: io::Error| ListenError::Socket { address: path.display().to_string(), source };
        let bound = match bind_owner_only(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_abandoned(path).map_err(fail)?;
                bind_owner_only(path)
            }
            other => other,
        };
        match bound {
            Ok(listener) => Listener::from_unix(listener).map_err(fail),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                Err(ListenError::InUse(path.to_owned()))
            }
            Err(error) => Err(fail(error)),
        }
    }

    /// A TCP socket at `address`.
    pub fn bind_tcp(address: SocketAddr, exposure: Exposure) -> Result<Listener, ListenError> {
        if exposure == Exposure::Loopback && !address.ip().is_loopback() {
            return Err(ListenError::Exposed(address));
        }
        let fail = |source| ListenError::Socket { address: address.to_string(), source };
        let listener = std::net::TcpListener::bind(address).map_err(fail)?;
        Listener::from_tcp(listener).map_err(fail)
    }

    /// A Unix socket that somebody else has bound.
    pub fn from_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        Ok(Listener::Unix(UnixListener::from_std(listener)?))
    }

    /// A TCP socket that somebody else has bound.
    pub fn from_tcp(listener: std::net::TcpListener) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        Ok(Listener::Tcp(TcpListener::from_std(listener)?))
    }

    /// A listening socket of either kind, received from another process.
    pub fn from_fd(socket: OwnedFd) -> io::Result<Listener> {
        match rustix::net::sockopt::socket_domain(&socket)? {
            AddressFamily::UNIX => Listener::from_unix(socket.into()),
            AddressFamily::INET | AddressFamily::INET6 => Listener::from_tcp(socket.into()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither Unix nor TCP")),
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                // A larger buffer is a wish; the default works.
                let _ =
                    rustix::net::sockopt::set_socket_send_buffer_size(&stream, SOCKET_BUFFER_BYTES);
                Ok(Accepted::Unix(stream))
            }
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream))
            }
        }
    }
}

/// A new connection.
pub(crate) enum Accepted {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// The mode is set before the socket gets its name, so that there is no moment in which others
/// could connect.
fn bind_owner_only(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
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
