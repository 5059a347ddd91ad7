//! `marcot nbd serve`: binds the socket, and has the export run beside the data.
//!
//! On an embedded store the resident host serves; this process keeps the socket, starts the export
//! again at the next host should the first one die, and ends it when told to end. On Ceph this
//! process serves itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, Command, value_parser};
use marcot_connect::Lifetime;
use marcot_host::RemoteStore;
use marcot_host::jobs::JobRequest;
use marcot_image::{Access, Client};
use marcot_serve::nbd::{
    Exposure, Limits, ListenError, Listener, ServeMode, ServeRequest, Serving,
};
use marcot_store::{Errno, StoreError};
use tokio::signal::unix::{SignalKind, signal};

use super::job::KIND;
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "nbd serve",
    alias: None,
    about: "Serve an image or a snapshot over NBD until interrupted",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::image_or_snapshot(command).args([
        Arg::new("socket")
            .long("socket")
            .value_name("path")
            .value_parser(value_parser!(PathBuf))
            .help("Unix socket to listen on; only its owner can connect"),
        Arg::new("listen")
            .long("listen")
            .value_name("address:port")
            .value_parser(value_parser!(SocketAddr))
            .help("TCP address to listen on; loopback only, as nothing is encrypted"),
        options::switch("insecure-listen", "let --listen take any address"),
        options::switch("read-only", "refuse writes (a snapshot always does)"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Allowed))?;
    let address = Address::read(arguments)?;
    let read_only = arguments.flag("read-only") || spec.snap.is_some();
    let mode = if read_only { ServeMode::ReadOnly } else { ServeMode::ReadWrite };
    session.connection_for(Lifetime::Resident)?;
    let request = describe(session, &spec, mode)?;
    let listener = address.bind()?;
    let announcement = format!("serving {} at {}\n", request.export_name, address.uri(&request));
    let served = serve(session, &request, &listener, &announcement);
    address.clean_up();
    served
}

/// Where to listen.
enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr, Exposure),
}

impl Address {
    fn read(arguments: &Arguments) -> Result<Address, UsageError> {
        let any = arguments.flag("insecure-listen");
        let exposure = if any { Exposure::Anyone } else { Exposure::Loopback };
        match (arguments.value::<PathBuf>("socket"), arguments.value("listen")) {
            (Some(path), None) => Ok(Address::Unix(path)),
            (None, Some(address)) => Ok(Address::Tcp(address, exposure)),
            _ => Err(UsageError::unfitting("say --socket PATH or --listen ADDRESS:PORT")),
        }
    }

    fn bind(&self) -> Result<Listener, Failure> {
        let bound = match self {
            Address::Unix(path) => Listener::bind_unix(path),
            Address::Tcp(address, exposure) => Listener::bind_tcp(*address, *exposure),
        };
        bound.map_err(|error| {
            let errno = match &error {
                ListenError::Exposed(_) => Errno::PERM,
                ListenError::InUse(_) => Errno::from_raw(98),
                ListenError::Socket { source, .. } => {
                    source.raw_os_error().map_or(Errno::IO, Errno::from_raw)
                }
            };
            let hint = match &error {
                ListenError::Exposed(_) => "; --insecure-listen lets it pass",
                ListenError::InUse(_) | ListenError::Socket { .. } => "",
            };
            Failure::line(format!("{error}{hint}"), errno)
        })
    }

    /// How clients name the export.
    fn uri(&self, request: &ServeRequest) -> String {
        let name = &request.export_name;
        match self {
            Address::Unix(path) => format!("nbd+unix:///{name}?socket={}", path.display()),
            Address::Tcp(address, _) => format!("nbd://{address}/{name}"),
        }
    }

    fn clean_up(&self) {
        if let Address::Unix(path) = self {
            // A file that cannot be removed is replaced by the next server.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Finds the image now, so that wrong names are told in the usual words.
fn describe(session: &Session, spec: &ImageSpec, mode: ServeMode) -> Result<ServeRequest, Failure> {
    let at = session.location(&spec.at)?;
    let image = session.open_at(&at, spec, Access::ReadOnly)?;
    let mut export_name = format!("{}/", session.pool_name(&spec.at)?);
    if !at.namespace.is_empty() {
        export_name += &format!("{}/", at.namespace);
    }
    export_name += &spec.image;
    if let Some(snap) = &spec.snap {
        export_name += &format!("@{snap}");
    }
    let request = ServeRequest {
        pool: at.pool,
        namespace: at.namespace.to_string(),
        image_id: image.header().id.to_string(),
        snap: image.snap(),
        mode,
        export_name,
        options: session.given_options(),
    };
    session.close_image(&image)?;
    Ok(request)
}

fn serve(
    session: &Session,
    request: &ServeRequest,
    listener: &Listener,
    announcement: &str,
) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::line(format!("cannot serve: {error}"), Errno::IO);
    let remote = session.connection()?.remote.clone();
    // Where this process serves itself, librados' threads do the work: one more, which only receives
    // requests and sends replies, is woken half as often as several that wake each other.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let client = session.client()?;
    runtime.map_err(cannot)?.block_on(async {
        let mut stop = Interrupts::catch().map_err(cannot)?;
        match remote {
            Some(remote) => at_host(&remote, request, listener, announcement, &mut stop).await,
            None => here(client, request, listener, announcement, &mut stop).await,
        }
    })
}

/// SIGINT and SIGTERM, from now on.
struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupts {
    fn catch() -> std::io::Result<Interrupts> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Interrupts { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn at_host(
    remote: &Arc<RemoteStore>,
    request: &ServeRequest,
    listener: &Listener,
    announcement: &str,
    stop: &mut Interrupts,
) -> Result<(), Failure> {
    let failed = |error: StoreError| Failure::verb(error.context, error.errno);
    let mut announcement = Some(announcement);
    loop {
        let socket = listener
            .duplicate()
            .map_err(|error| Failure::line(format!("cannot serve: {error}"), Errno::IO))?;
        let body = request.encode().into();
        let started =
            remote.start_job(JobRequest { kind: KIND.to_owned(), body, files: vec![socket] });
        let mut job = started.await.map_err(failed)?;
        if let Some(text) = announcement.take() {
            console::print(text)?;
        }
        let (ended, stopped) = tokio::select! {
            ended = job.ended() => (ended, false),
            () = stop.next() => {
                remote.stop_job(&job);
                (job.ended().await, true)
            }
        };
        match ended {
            Ok(_) => return Ok(()),
            // The host died: the next one goes on with it, unless the export was to end anyway.
            Err(error) if error.errno == Errno::NOTCONN && stopped => return Ok(()),
            Err(error) if error.errno == Errno::NOTCONN => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

async fn here(
    client: &Client,
    request: &ServeRequest,
    listener: &Listener,
    announcement: &str,
    stop: &mut Interrupts,
) -> Result<(), Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::line(format!("cannot serve: {error}"), Errno::IO);
    let serving = Serving::open(client, request, Limits::default())
        .await
        .map_err(|error| Failure::refused("cannot serve", &error))?;
    let socket =
        listener.duplicate().and_then(Listener::from_fd).map_err(|error| failed(&error))?;
    console::print(announcement)?;
    serving.run(socket, stop.next()).await.map_err(|error| failed(&error))
}
