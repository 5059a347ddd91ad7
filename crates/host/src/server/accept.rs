//! Taking connections in, and knowing when nobody is there.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Host, connection};
use crate::socket::SocketFile;

/// Pause after a failed accept, for want of descriptors say.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` resolves or nobody has been there for the idle time.
pub(super) async fn accept(
    host: Host,
    (listener, file): (UnixListener, SocketFile),
    stop: impl Future<Output = ()>,
) {
    let host = Arc::new(host);
    let (drain, draining) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        // In this order: who waits to be let in is served before the host finds itself idle.
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task");
                }
            }
            accepted = listener.accept(), if connections.len() < host.limits.connections => {
                match accepted {
                    Ok((stream, _)) => match same_user(&stream) {
                        Ok(true) => {
                            let serve =
                                connection::serve(Arc::clone(&host), stream, draining.clone());
                            connections.spawn(serve);
                        }
                        Ok(false) => tracing::warn!("refused a client of another user"),
                        Err(error) => tracing::debug!(%error, "a client's credentials"),
                    },
                    Err(error) => {
                        tracing::warn!(%error, "accepting a client");
                        sleep(PAUSE).await;
                    }
                }
            }
            () = sleep(host.limits.idle), if connections.is_empty() => break,
        }
    }
    // Who connected but was not greeted sees the end and looks for the next owner.
    drop((file, listener));
    let _ = drain.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    let most = host.limits.drain * 3;
    if timeout(most, all).await.is_err() {
        tracing::warn!("connections did not end in time");
    }
}

fn same_user(stream: &UnixStream) -> io::Result<bool> {
    Ok(stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw())
}
