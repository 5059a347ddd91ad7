//! Jobs beside the data, with the caller's listening socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use marcot_host::jobs::{JobRequest, Jobs, RunningJob, Stop};
use marcot_store::{Errno, Store, StoreError};
use tokio::io::AsyncWriteExt;

use crate::served::{Setup, served};

/// Greets everyone who connects to the listening socket that it was given.
pub(crate) struct Greeters;

impl Jobs for Greeters {
    fn start(
        &self,
        request: JobRequest,
        store: Arc<dyn Store>,
        stop: Stop,
    ) -> BoxFuture<'static, Result<RunningJob, StoreError>> {
        Box::pin(async move {
            let [file] = <[_; 1]>::try_from(request.files)
                .map_err(|_| StoreError::new(Errno::INVAL, "start without one file"))?;
            let listener = TcpListener::from(file);
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let started = Bytes::from(format!("{} for {}", request.kind, store.client_id()));
            let run = Box::pin(greet_all(listener, request.body, stop));
            Ok(RunningJob { started, run })
        })
    }
}

async fn greet_all(
    listener: tokio::net::TcpListener,
    words: Bytes,
    mut stop: Stop,
) -> Result<Bytes, StoreError> {
    loop {
        tokio::select! {
            () = &mut stop => return Ok("stopped".into()),
            accepted = listener.accept() => {
                accepted.unwrap().0.write_all(&words).await.unwrap();
            }
        }
    }
}

pub(crate) fn greeting_of(address: std::net::SocketAddr) -> String {
    let mut words = String::new();
    TcpStream::connect(address).unwrap().read_to_string(&mut words).unwrap();
    words
}

fn setup() -> Setup {
    Setup { jobs: Arc::new(Greeters), ..Setup::default() }
}

pub(crate) fn job(listener: &TcpListener) -> JobRequest {
    let files = vec![listener.try_clone().unwrap().into()];
    JobRequest { kind: "greeters".into(), body: "hello".into(), files }
}

#[test]
fn a_job_works_on_the_callers_socket_until_stopped() {
    let host = served(setup());
    let client = host.client();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    pollster::block_on(async {
        let mut running = client.start_job(job(&listener)).await.unwrap();
        assert!(running.started.starts_with(b"greeters for client."));
        assert_eq!(greeting_of(address), "hello");
        client.stop_job(&running);
        assert_eq!(running.ended().await.unwrap(), "stopped");
    });
}

#[test]
fn a_job_ends_with_its_caller_and_leaves_the_socket_open() {
    let host = served(setup());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for _ in 0..2 {
        let client = host.client();
        pollster::block_on(async {
            let _running = client.start_job(job(&listener)).await.unwrap();
            assert_eq!(greeting_of(address), "hello");
        });
    }
    // The jobs have gone, or will greet no more than this one.
    drop(host);
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.write_all(b"x").unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    let mut byte = [0];
    accepted.set_nonblocking(false).unwrap();
    accepted.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn a_job_without_what_it_needs_is_refused() {
    let host = served(setup());
    let client = host.client();
    let bare = JobRequest { kind: "greeters".into(), body: Bytes::new(), files: Vec::new() };
    let error = pollster::block_on(client.start_job(bare)).unwrap_err();
    assert_eq!(error.errno, Errno::INVAL);
}
