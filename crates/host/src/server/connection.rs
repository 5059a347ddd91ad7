//! One connection: one client of the engine.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, poll};
use marcot_store::session::{ProcessMark, Session, Sessions as _, Stamp};
use marcot_store::watch::Watch;
use marcot_store::{Errno, StoreError};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use super::Host;
use super::VolatileSessions;
use super::dispatch::{Done, cost, dispatch};
use super::outbox::{Outbox, write_all};
use super::receive::Receiver;
use crate::jobs::JobRequest;
use crate::protocol::frame::{self, Frame};
use crate::protocol::greeting::{self, Peer};
use crate::protocol::reply::{Message, Reply, Welcome};
use crate::protocol::request::{Hello, Request};

/// Credit is counted in units of so many bytes.
const CREDIT_UNIT: u64 = 1024;

/// Serves a client until it goes or the host drains.
pub(super) async fn serve(host: Arc<Host>, stream: UnixStream, drain: watch::Receiver<bool>) {
    let stream = Arc::new(stream);
    let mut receiver = Receiver::new(Arc::clone(&stream));
    let greeted = timeout(host.limits.greeting, greet(&host, &stream, &mut receiver)).await;
    let session = match greeted {
        Ok(Ok(Some(session))) => session,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => return tracing::debug!(%error, "greeting a client"),
        Err(_) => return tracing::debug!("a client did not greet in time"),
    };
    let client = session.store().client_id();
    let (outbox, writer) = Outbox::start(stream);
    let mut connection = Connection {
        credit: Arc::new(Semaphore::new(credit_units(u64::from(host.limits.bytes_under_way)))),
        host: Arc::clone(&host),
        session,
        outbox,
        requests: JoinSet::new(),
        working: JoinSet::new(),
        events: JoinSet::new(),
        jobs: HashMap::new(),
        drain,
    };
    let end = connection.run(&mut receiver).await;
    if let End::Broken(error) = &end {
        tracing::debug!(%client, %error, "a client's connection");
    }
    // A client of a host that drains goes on with the next owner.
    if !matches!(end, End::Drained) {
        connection.forget_requests();
        host.sessions.end(client);
    }
    connection.finish().await;
    drop(connection);
    let cut = writer.abort_handle();
    if timeout(host.limits.drain, writer).await.is_err() {
        tracing::debug!(%client, "a client takes no more answers");
        cut.abort();
    }
}

/// Agrees with the client on who it is; `None` when it has been told why not.
async fn greet(
    host: &Host,
    stream: &UnixStream,
    receiver: &mut Receiver,
) -> io::Result<Option<Arc<dyn Session>>> {
    write_all(stream, &greeting::greeting()).await?;
    if greeting::judge(&receiver.exactly().await?) != Peer::SameBuild {
        return Ok(None);
    }
    let frame = receiver.frame().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let hello: Hello = frame.decode().map_err(io::Error::other)?;
    let session = match hello.resume {
        None => start(host, hello.process),
        Some(client) => host.sessions.resume(client),
    };
    let welcome = match &session {
        Ok(session) => Welcome::Client {
            client: session.store().client_id(),
            address: session.store().client_address(),
            capabilities: session.store().capabilities(),
            pid: std::process::id(),
        },
        Err(error) => Welcome::Refused(error.clone()),
    };
    let welcome = frame::encode(0, &welcome).map_err(io::Error::other)?;
    write_all(stream, &welcome).await?;
    Ok(session.ok())
}

/// A new session. A full store has no room to note one, and must still be read, and emptied: its
/// clients live with this owner only.
fn start(host: &Host, process: ProcessMark) -> Result<Arc<dyn Session>, StoreError> {
    match host.sessions.start(process) {
        Err(error) if error.errno == Errno::NOSPC => {
            tracing::warn!(%error, "no room for a session: the client ends with this owner");
            let sessions = Arc::clone(&host.sessions);
            VolatileSessions(move || sessions.client()).start(process)
        }
        started => started,
    }
}

/// How a connection ended.
enum End {
    /// The client closed it, or died.
    Gone,
    Drained,
    Broken(io::Error),
}

struct Connection {
    host: Arc<Host>,
    session: Arc<dyn Session>,
    outbox: Outbox,
    credit: Arc<Semaphore>,
    /// Requests that wait for something; a watch yields what is to be forwarded.
    requests: JoinSet<Option<Watch>>,
    /// Jobs at work.
    working: JoinSet<()>,
    /// Forwarders of events; they end with their watch or with the connection.
    events: JoinSet<()>,
    /// Running jobs, by the request that started them. Dropping the sender stops the job.
    jobs: HashMap<u64, oneshot::Sender<()>>,
    /// Turns true when the host is to end.
    drain: watch::Receiver<bool>,
}

impl Connection {
    async fn run(&mut self, receiver: &mut Receiver) -> End {
        let mut drain = self.drain.clone();
        let mut heartbeat = interval(self.host.limits.heartbeat);
        loop {
            tokio::select! {
                biased;
                () = draining(&mut drain) => return End::Drained,
                _ = heartbeat.tick() => self.say_alive(),
                Some(ended) = self.requests.join_next() => self.settled(ended),
                Some(_) = self.working.join_next() => {}
                Some(_) = self.events.join_next() => {}
                frame = receiver.frame() => match frame {
                    Ok(Some(frame)) => {
                        if let Err(error) = self.take(frame, receiver).await {
                            return End::Broken(error);
                        }
                    }
                    Ok(None) => return End::Gone,
                    Err(error) => return End::Broken(error),
                },
            }
        }
    }

    fn say_alive(&self) {
        if !self.requests.is_empty() {
            self.outbox.push(0, &Message::Alive, None);
        }
    }

    async fn take(&mut self, frame: Frame, receiver: &mut Receiver) -> io::Result<()> {
        let Frame { number, answered_below, .. } = frame;
        let request: Request = frame.decode().map_err(io::Error::other)?;
        if number == 0 {
            return Err(io::Error::other("a request without a number"));
        }
        match request {
            Request::StartJob { kind, body, files } => {
                let files = receiver
                    .take_files(files)
                    .ok_or_else(|| io::Error::other("a job without its files"))?;
                self.start_job(number, JobRequest { kind, body, files });
            }
            Request::StopJob(job) => {
                self.jobs.remove(&job);
                self.outbox.push(number, &Message::Reply(Ok(Reply::Done)), None);
            }
            request => {
                let credit = self.wait_for_credit(cost(&request, frame.body.len())).await?;
                let stamp = Stamp { number, answered_below };
                self.start(stamp, request, credit).await;
            }
        }
        Ok(())
    }

    /// Waits until what is under way leaves room, and says meanwhile that the owner lives.
    async fn wait_for_credit(&mut self, bytes: u64) -> io::Result<OwnedSemaphorePermit> {
        let most = credit_units(u64::from(self.host.limits.bytes_under_way));
        let units = u32::try_from(credit_units(bytes).min(most)).unwrap_or(u32::MAX);
        let mut heartbeat = interval(self.host.limits.heartbeat);
        heartbeat.reset();
        let credit = Arc::clone(&self.credit).acquire_many_owned(units);
        tokio::pin!(credit);
        loop {
            tokio::select! {
                granted = &mut credit => return granted.map_err(io::Error::other),
                Some(ended) = self.requests.join_next() => self.settled(ended),
                _ = heartbeat.tick() => self.say_alive(),
            }
        }
    }

    /// Hands a request to the engine now; what is not ready goes on as a task.
    async fn start(&mut self, stamp: Stamp, request: Request, credit: OwnedSemaphorePermit) {
        let mut call = dispatch(Arc::clone(&self.session), stamp, request);
        match poll!(&mut call) {
            std::task::Poll::Ready(done) => {
                let watch = reply(&self.outbox, stamp.number, done, credit);
                self.settled(Ok(watch));
            }
            std::task::Poll::Pending => {
                let outbox = self.outbox.clone();
                self.requests
                    .spawn(async move { reply(&outbox, stamp.number, call.await, credit) });
            }
        }
    }

    /// Forwards the events of a watch that has been answered.
    fn settled(&mut self, ended: Result<Option<Watch>, tokio::task::JoinError>) {
        match ended {
            Ok(None) => {}
            Ok(Some(watch)) => {
                self.events.spawn(forward(watch, self.outbox.clone()));
            }
            Err(error) => tracing::error!(%error, "a request's task"),
        }
    }

    fn start_job(&mut self, number: u64, request: JobRequest) {
        let (stop, stopped) = oneshot::channel::<()>();
        self.jobs.insert(number, stop);
        let outbox = self.outbox.clone();
        let jobs = Arc::clone(&self.host.jobs);
        let store = self.host.sessions.client();
        let until = Box::pin(async move {
            let _ = stopped.await;
        });
        let drain = self.drain.clone();
        self.working.spawn(async move {
            match jobs.start(request, store, until).await {
                Err(error) => outbox.push(number, &Message::Reply(Err(error)), None),
                Ok(job) => {
                    let started = Message::Reply(Ok(Reply::JobStarted(job.started)));
                    outbox.push(number, &started, None);
                    let ended = run_guarded(job.run).await;
                    // Cut short by a drain, it is for the next owner to do.
                    if !*drain.borrow() {
                        outbox.push(number, &Message::JobEnded(ended), None);
                    }
                }
            }
        });
    }

    /// Nobody waits for answers any more. What was submitted completes all the same.
    fn forget_requests(&mut self) {
        self.requests.abort_all();
    }

    /// Lets what is under way end, within the time for it.
    async fn finish(&mut self) {
        self.jobs.clear();
        let (requests, working) = (&mut self.requests, &mut self.working);
        let all = async {
            while requests.join_next().await.is_some() {}
            while working.join_next().await.is_some() {}
        };
        if timeout(self.host.limits.drain, all).await.is_err() {
            tracing::warn!(client = %self.session.store().client_id(), "requests did not end in time");
            self.working.abort_all();
        }
        self.events.abort_all();
        while self.events.join_next().await.is_some() {}
    }
}

/// Resolves when the host is to end, or has.
async fn draining(drain: &mut watch::Receiver<bool>) {
    // An error says that the host is gone already.
    let _ = drain.wait_for(|draining| *draining).await;
}

/// Runs a job as a task of its own, so that a panic in it ends nothing else.
async fn run_guarded(
    run: futures_util::future::BoxFuture<'static, Result<Bytes, StoreError>>,
) -> Result<Bytes, StoreError> {
    tokio::spawn(run).await.unwrap_or_else(|error| {
        Err(StoreError::new(Errno::IO, format!("run a job of the store's owner: {error}")))
    })
}

/// Sends the reply and gives back the watch whose events follow it.
fn reply(outbox: &Outbox, number: u64, done: Done, credit: OwnedSemaphorePermit) -> Option<Watch> {
    outbox.push(number, &Message::Reply(done.reply), Some(credit));
    done.watch
}

async fn forward(mut watch: Watch, outbox: Outbox) {
    while let Some(event) = watch.events.next().await {
        outbox.push(0, &Message::Event { handle: watch.handle, event }, None);
    }
}

fn credit_units(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(CREDIT_UNIT)).unwrap_or(usize::MAX)
}
