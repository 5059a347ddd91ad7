//! Peers that hang, lie or are not Marcot.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use marcot_host::client::{DialError, FindError, Patience, RemoteStore};
use marcot_host::protocol::frame;
use marcot_host::protocol::greeting::{LENGTH, greeting};
use marcot_host::protocol::reply::Welcome;
use marcot_host::socket;
use marcot_store::{Capabilities, ClientAddress, ClientId, Cluster, Errno};

use crate::served::{OnlyDial, Setup, first_object, served};

fn impatient() -> Patience {
    Patience {
        greeting: Duration::from_millis(200),
        silence: Duration::from_millis(200),
        owner: Duration::from_secs(1),
    }
}

/// Connects to a host that does as `behave` says with its only connection.
fn against(
    behave: impl FnOnce(UnixStream) + Send + 'static,
    test: impl FnOnce(Result<Arc<RemoteStore>, FindError>),
) {
    let directory = tempfile::tempdir().unwrap();
    let (listener, _file) = socket::bind(directory.path()).unwrap();
    let host = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        behave(stream);
    });
    let finder = OnlyDial { directory: directory.path().to_owned(), patience: impatient() };
    test(RemoteStore::connect(Arc::new(finder), impatient()));
    host.join().unwrap();
}

/// Waits until the other side has gone.
fn linger(mut stream: UnixStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

fn one_frame(stream: &mut UnixStream) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    stream.read_exact(&mut vec![0; u32::from_le_bytes(length) as usize]).unwrap();
}

/// Welcomes a client as process 4711.
fn welcomed(mut stream: UnixStream) -> UnixStream {
    stream.write_all(&greeting()).unwrap();
    stream.read_exact(&mut [0; LENGTH]).unwrap();
    one_frame(&mut stream);
    let welcome = Welcome::Client {
        client: ClientId(1),
        address: ClientAddress("127.0.0.1:0/1".into()),
        capabilities: Capabilities::default(),
        pid: 4711,
    };
    stream.write_all(&frame::encode(0, &welcome).unwrap()).unwrap();
    stream
}

#[test]
fn a_host_that_says_nothing_is_named() {
    against(linger, |connected| {
        let error = connected.unwrap_err();
        let pid = std::process::id();
        assert!(matches!(error, FindError::Dial(DialError::Silent { pid: p }) if p == pid));
        assert!(error.to_string().contains(&format!("kill -CONT {pid}")), "{error}");
    });
}

#[test]
fn a_host_of_another_build_is_named() {
    let mut other = greeting();
    other[LENGTH - 1] ^= 1;
    let behave = move |mut stream: UnixStream| {
        stream.write_all(&other).unwrap();
        linger(stream);
    };
    against(behave, |connected| {
        let error = connected.unwrap_err();
        assert!(matches!(error, FindError::Dial(DialError::OtherBuild { .. })), "{error}");
    });
}

#[test]
fn requests_to_a_host_that_falls_silent_time_out() {
    let behave = |stream: UnixStream| linger(welcomed(stream));
    against(behave, |connected| {
        let store = connected.unwrap();
        let error = pollster::block_on(store.list_pools()).unwrap_err();
        assert_eq!(error.errno, Errno::TIMEDOUT);
        assert!(error.context.contains("process 4711"), "{error}");
    });
}

#[test]
fn a_host_that_goes_for_good_fails_what_waits_and_what_comes() {
    let behave = |stream: UnixStream| {
        let mut stream = welcomed(stream);
        one_frame(&mut stream);
    };
    against(behave, |connected| {
        let store = connected.unwrap();
        for _ in 0..2 {
            let error = pollster::block_on(store.list_pools()).unwrap_err();
            assert_eq!(error.errno, Errno::NOTCONN, "{error}");
        }
    });
}

#[test]
fn clients_that_send_rubbish_are_cut_off_and_others_are_not() {
    let host = served(Setup::default());
    let good = host.client();
    pollster::block_on(first_object(&*good));
    let hello = greeting();
    let too_long = u32::MAX.to_le_bytes();
    let rubbish: [&[&[u8]]; 5] = [
        &[b"GET / HTTP/1.1\r\n\r\n______________"],
        &[&hello, &too_long],
        &[&hello, &[3, 0, 0, 0, 0, 0, 0]],
        &[&hello, &[20, 0, 0, 0], &[0xff; 20]],
        &[&hello[..7]],
    ];
    for pieces in rubbish {
        let mut stream = socket::connect(host.directory.path()).unwrap().unwrap();
        for piece in pieces {
            // The host may have closed already.
            let _ = stream.write_all(piece);
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() <= LENGTH, "answered rubbish: {answer:?}");
    }
    assert_eq!(pollster::block_on(good.list_pools()).unwrap().len(), 1);
}
