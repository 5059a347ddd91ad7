//! The life of a resident host.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use marcot_store::session::Sessions;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::Host;
use super::accept::accept;
use crate::process::is_alive;
use crate::socket::{self, SocketFile};
use crate::spawn::{LOG_LIMIT, LOG_NAME};

/// How often a host looks after its log.
const LOG_ROUND: Duration = Duration::from_secs(60);

/// Why a host could not serve.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("listening on the store's socket: {0}")]
    Listen(io::Error),
    #[error("starting the host's runtime: {0}")]
    Runtime(io::Error),
}

/// Serves a store whose lock the caller holds, until SIGTERM, SIGINT or idleness. When it returns,
/// every request it took has ended; the socket has gone before, so that nobody waits for it.
pub fn resident(directory: &Path, host: Host) -> Result<(), HostError> {
    let (listener, file) = socket::bind(directory).map_err(HostError::Listen)?;
    listener.set_nonblocking(true).map_err(HostError::Listen)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(HostError::Runtime)?;
    let drain = host.limits.drain;
    let served = runtime.block_on(serve(directory, host, listener, file));
    runtime.shutdown_timeout(drain);
    served
}

async fn serve(
    directory: &Path,
    host: Host,
    listener: std::os::unix::net::UnixListener,
    file: SocketFile,
) -> Result<(), HostError> {
    let listener = UnixListener::from_std(listener).map_err(HostError::Listen)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(HostError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(HostError::Runtime)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("told to end"),
            _ = interrupt.recv() => tracing::info!("interrupted"),
        }
    };
    let forget = tokio::spawn(forget_the_dead(Arc::clone(&host.sessions), host.limits.dormant));
    let log = tokio::spawn(cut_log(directory.join(LOG_NAME)));
    accept(host, (listener, file), stop).await;
    forget.abort();
    log.abort();
    Ok(())
}

/// Ends the sessions of clients that an earlier owner served and whose process is gone. Those that
/// live come back by themselves, or end their session by ending.
async fn forget_the_dead(sessions: Arc<dyn Sessions>, pause: Duration) {
    loop {
        let dormant = sessions.dormant();
        if dormant.is_empty() {
            return;
        }
        for (client, _) in dormant.into_iter().filter(|(_, process)| !is_alive(*process)) {
            tracing::info!(%client, "forgetting a client whose process is gone");
            sessions.end(client);
        }
        sleep(pause).await;
    }
}

/// Keeps the log this host writes its standard error to below its limit, however long it lives.
async fn cut_log(path: std::path::PathBuf) {
    loop {
        sleep(LOG_ROUND).await;
        let stderr = io::stderr();
        let (Ok(ours), Ok(log)) = (rustix::fs::fstat(stderr.as_fd()), fs::metadata(&path)) else {
            continue;
        };
        let same = ours.st_ino == std::os::unix::fs::MetadataExt::ino(&log)
            && ours.st_dev == std::os::unix::fs::MetadataExt::dev(&log);
        if same && log.len() > LOG_LIMIT {
            // The descriptor appends: the next line begins at the start.
            let _ = rustix::fs::ftruncate(stderr.as_fd(), 0);
        }
    }
}
