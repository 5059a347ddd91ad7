//! Connections: accepting, limiting, serving, draining.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, timeout};

use super::budget::{Budget, Lease};
use super::exports::Exports;
use super::handshake::{self, HandshakeError};
use super::limits::Limits;
use super::listener::{Accepted, Acceptor, Listener};
use super::transmission::{End, Transmission};
use super::turns::Turns;

/// After an error of accept itself (no more file descriptors, most likely).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An NBD server: some exports, served on one or more sockets.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    exports: Exports,
    limits: Arc<Limits>,
    budget: Arc<Budget>,
    places: Arc<Semaphore>,
    connections: AtomicUsize,
}

impl Server {
    pub fn new(exports: Exports, limits: Limits) -> Server {
        Server {
            shared: Arc::new(Shared {
                exports,
                budget: Budget::new(limits.total_bytes),
                places: Arc::new(Semaphore::new(limits.connections)),
                connections: AtomicUsize::new(0),
                limits: Arc::new(limits),
            }),
        }
    }

    /// Connections at this moment, those in their handshake included.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Accepts and serves until `shutdown` resolves; then drains: requests in flight are
    /// finished and answered, later ones refused with ESHUTDOWN. Returns when all clients are
    /// gone, after [`Limits::drain_timeout`] at the latest. Fails only when the listener cannot be
    /// used at all. Runs on tokio, with I/O and time.
    pub async fn serve(
        &self,
        listener: Listener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let acceptor = listener.start()?;
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = self.accept(&acceptor) => accepted,
            };
            while tasks.try_join_next().is_some() {}
            if let Some((accepted, place)) = accepted {
                let shared = Arc::clone(&self.shared);
                let stopping = stopping.clone();
                tasks.spawn(async move {
                    let _counted = Counted::new(&shared);
                    match accepted {
                        Accepted::Unix(socket) => connection(&shared, socket, stopping).await,
                        Accepted::Tcp(socket) => connection(&shared, socket, stopping).await,
                    }
                    drop(place);
                });
            }
        }
        drop(acceptor);
        // Nobody listens only when there is no connection left to tell.
        let _ = stop.send(true);
        let patience = self.shared.limits.drain_timeout;
        if timeout(patience, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!(left = tasks.len(), "clients did not leave in time");
            tasks.shutdown().await;
        }
        Ok(())
    }

    async fn accept(
        &self,
        acceptor: &Acceptor,
    ) -> Option<(Accepted, tokio::sync::OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.shared.places).acquire_owned().await.ok()?;
        match acceptor.accept().await {
            Ok(accepted) => Some((accepted, place)),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

/// Counts a connection for as long as it lives, even when its task panics.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Counted {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn connection<S>(shared: &Shared, mut socket: S, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &shared.limits;
    let negotiation = handshake::negotiate(&mut socket, &shared.exports, limits);
    let session = tokio::select! {
        session = timeout(limits.handshake_timeout, negotiation) => session,
        _ = stopping.wait_for(|stop| *stop) => return,
    };
    let session = match session {
        Ok(Ok(Some(session))) => session,
        Ok(Ok(None)) => return,
        Ok(Err(HandshakeError::Socket(error))) => {
            return tracing::debug!(%error, "client left during the handshake");
        }
        Ok(Err(error)) => return tracing::warn!(%error, "handshake failed"),
        Err(_) => return tracing::warn!("client was too slow with its handshake"),
    };
    let lease = Lease::new(&shared.budget, limits.connection_bytes);
    let turns = Turns::new(Transmission::new(socket, session, limits, lease));
    serve_requests(&turns, limits.stall_timeout, stopping).await;
    match timeout(limits.drain_timeout, turns.end().finish()).await {
        Ok(End::Disconnected | End::Closed | End::Drained) => {}
        Ok(end @ (End::BadMagic(_) | End::Socket(_) | End::Stalled)) => {
            tracing::warn!(reason = %end, "connection dropped");
        }
        Err(_) => tracing::warn!("client did not take its last replies in time"),
    }
}

/// Serves until the client ends it, the server does, or the client is in the way of others.
async fn serve_requests<S>(
    turns: &Turns<S>,
    stall_timeout: Duration,
    mut stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut look = tokio::time::interval(stall_timeout);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = turns.run() => return,
            _ = stopping.wait_for(|stop| *stop) => return turns.with(Transmission::drain),
            _ = look.tick() => {
                if turns.with(Transmission::is_stalled) {
                    return turns.with(Transmission::drop_stalled);
                }
            }
        }
    }
}
