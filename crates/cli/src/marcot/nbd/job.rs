//! The job that a store's resident host runs for `marcot nbd serve`, beside the data.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use marcot_connect::ProcessEnv;
use marcot_host::jobs::{JobRequest, Jobs, RunningJob, Stop};
use marcot_image::Client;
use marcot_image::config::{Settings, option};
use marcot_serve::nbd::{Limits, Listener, ServeError, ServeRequest, Serving};
use marcot_store::{Errno, Store, StoreError};
use rustix::net::SocketAddrUnix;

use super::running::{RunningExport, RunningExports};

/// The job that only says which exports run.
pub(crate) const LIST: &str = "nbd-list";
/// How the job is called.
pub(crate) const KIND: &str = "nbd";

/// What a host of ours can run.
#[derive(Debug, Default)]
pub(crate) struct HostJobs {
    env: ProcessEnv,
    exports: RunningExports,
}

impl Jobs for HostJobs {
    fn start(
        &self,
        request: JobRequest,
        store: Arc<dyn Store>,
        stop: Stop,
    ) -> BoxFuture<'static, Result<RunningJob, StoreError>> {
        let (env, exports) = (self.env.clone(), self.exports.clone());
        Box::pin(async move {
            if request.kind == LIST {
                let started = Bytes::from(exports.encode());
                return Ok(RunningJob { started, run: Box::pin(async { Ok(Bytes::new()) }) });
            }
            if request.kind != KIND {
                let context = format!("start job {}", request.kind);
                return Err(StoreError::new(Errno::OPNOTSUPP, context));
            }
            start(store, env, request, exports, stop).await
        })
    }
}

async fn start(
    store: Arc<dyn Store>,
    env: ProcessEnv,
    mut request: JobRequest,
    exports: RunningExports,
    stop: Stop,
) -> Result<RunningJob, StoreError> {
    let refused = |errno, why: String| StoreError::new(errno, format!("serve over NBD: {why}"));
    let wanted = ServeRequest::decode(&request.body)
        .map_err(|error| refused(Errno::INVAL, error.to_string()))?;
    let mut settings = Settings::read(&*store, "client.admin").await?;
    for (name, text) in &wanted.options {
        let read = option::find(name).and_then(|option| Ok((option, option.parse(text)?)));
        let (option, value) = read.map_err(|error| refused(Errno::INVAL, error.to_string()))?;
        settings.set(option, value);
    }
    let client = Client::configured(store, Arc::new(env), settings);
    let socket = request.files.pop().filter(|_| request.files.is_empty());
    let socket = socket.ok_or_else(|| refused(Errno::INVAL, "one socket is needed".into()))?;
    let address = address(&socket);
    let listener =
        Listener::from_fd(socket).map_err(|error| refused(Errno::BADF, error.to_string()))?;
    let serving = Serving::open(&client, &wanted, Limits::default())
        .await
        .map_err(|error| refused(error.errno(), error.to_string()))?;
    let registration = exports.register(RunningExport::new(&wanted, address));
    let run = Box::pin(async move {
        let _listed = registration;
        match serving.run(listener, stop).await {
            Ok(()) => Ok(Bytes::new()),
            Err(error) => Err(failure(&error)),
        }
    });
    Ok(RunningJob { started: Bytes::new(), run })
}

/// Where clients find the socket.
fn address(socket: &OwnedFd) -> String {
    let Ok(address) = rustix::net::getsockname(socket) else { return String::new() };
    if let Ok(unix) = SocketAddrUnix::try_from(address.clone()) {
        let path = unix.path_bytes().unwrap_or_default();
        return String::from_utf8_lossy(path).into_owned();
    }
    SocketAddr::try_from(address).map_or_else(|_| String::new(), |address| address.to_string())
}

fn failure(error: &ServeError) -> StoreError {
    let errno = match error {
        ServeError::Listener(error) => error.raw_os_error().map_or(Errno::IO, Errno::from_raw),
        ServeError::Close(error) => error.errno(),
    };
    StoreError::new(errno, format!("serve over NBD: {error}"))
}
