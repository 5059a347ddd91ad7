//! What the protocol promises and tools rarely ask for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use marcot_serve::nbd::export::ExportAccess;
use marcot_serve::nbd::{ExportError, Limits};

use crate::client::{Client, EXTENDED_HEADERS, STRUCTURED_REPLY, SimpleReply, request};
use crate::fixture::{Fixture, SIZE};
use crate::ram::Ram;

const READ: u16 = 0;
const WRITE: u16 = 1;
const DISCONNECT: u16 = 2;
const FLUSH: u16 = 3;
const TRIM: u16 = 4;
const CACHE: u16 = 5;
const WRITE_ZEROES: u16 = 6;

#[test]
fn errors_keep_their_meaning_and_the_connection() {
    let fixture = Fixture::writable();
    let mut client = Client::ready(&fixture.socket());
    let mut ask = |bytes: Vec<u8>, error: u32| {
        client.send(&bytes);
        assert_eq!(client.simple_reply(), SimpleReply { error, cookie: 9 });
    };
    ask(request(READ, 0, 9, SIZE, 1), 22);
    ask(request(READ, 0, 9, u64::MAX - 1, 4096), 22);
    ask(request(TRIM, 0, 9, u64::MAX, u32::MAX), 22);
    ask(request(WRITE_ZEROES, 0, 9, SIZE - 1, 2), 28);
    ask([request(WRITE, 0, 9, SIZE - 1, 2), vec![1, 2]].concat(), 28);
    ask(request(READ, 0, 9, 0, u32::MAX), 75);
    ask(request(99, 0, 9, 0, 0), 22);
    ask(request(FLUSH, 1 << 9, 9, 0, 0), 22);
    ask(request(7, 0, 9, 0, 512), 22);
    ask(request(CACHE, 0, 9, 0, SIZE as u32), 0);
    ask(request(READ, 0, 9, SIZE, 0), 0);
    for (failure, error) in [
        (ExportError::NoSpace("full".into()), 28),
        (ExportError::Io("lost".into()), 5),
        (ExportError::ShuttingDown, 108),
        (ExportError::ReadOnly, 1),
        (ExportError::NotSupported("no".into()), 95),
        (ExportError::NoMemory("no".into()), 12),
    ] {
        *fixture.export.fail_write.lock().unwrap() = Some(failure);
        ask([request(WRITE, 0, 9, 0, 2), vec![1, 2]].concat(), error);
    }
    assert_eq!(fixture.export.peek(0, 2), [0, 0]);
}

#[test]
fn an_oversized_write_is_skipped_and_refused() {
    let fixture = Fixture::writable();
    let mut client = Client::ready(&fixture.socket());
    let length = (32 << 20) + 1;
    client.send(&request(WRITE, 0, 1, 0, length));
    client.send(&vec![0xff; length as usize]);
    assert_eq!(client.simple_reply(), SimpleReply { error: 75, cookie: 1 });
    client.send(&request(FLUSH, 0, 2, 0, 0));
    assert_eq!(client.simple_reply(), SimpleReply { error: 0, cookie: 2 });
    assert_eq!(fixture.export.peek(0, 8), [0; 8]);
}

#[test]
fn a_read_only_export_refuses_every_change() {
    let fixture = Fixture::read_only();
    let mut client = Client::ready(&fixture.socket());
    for (cookie, command, payload) in [(1, WRITE, 512), (2, TRIM, 0), (3, WRITE_ZEROES, 0)] {
        client.send(&request(command, 0, cookie, 0, 512));
        client.send(&vec![7; payload]);
        assert_eq!(client.simple_reply(), SimpleReply { error: 1, cookie });
    }
    assert_eq!(fixture.export.peek(0, 512), [0; 512]);
}

#[test]
fn fua_and_flush_reach_the_export() {
    let fixture = Fixture::writable();
    let mut client = Client::ready(&fixture.socket());
    let flushes = || fixture.export.flushes.load(Ordering::SeqCst);
    client.send(&request(WRITE, 0, 1, 0, 1));
    client.send(&[5]);
    assert_eq!(client.simple_reply(), SimpleReply { error: 0, cookie: 1 });
    assert_eq!(flushes(), 0);
    client.send(&request(WRITE, 1, 2, 1, 1));
    client.send(&[6]);
    assert_eq!(client.simple_reply(), SimpleReply { error: 0, cookie: 2 });
    assert_eq!(flushes(), 1);
    client.send(&request(FLUSH, 0, 3, 0, 0));
    assert_eq!(client.simple_reply(), SimpleReply { error: 0, cookie: 3 });
    assert_eq!(flushes(), 2);
    assert_eq!(fixture.export.peek(0, 2), [5, 6]);
}

/// A Ram whose writes wait for permits.
fn gated() -> (Ram, Arc<tokio::sync::Semaphore>) {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let mut export = Ram::new(SIZE, ExportAccess::ReadWrite);
    export.gate = Some(Arc::clone(&gate));
    (export, gate)
}

#[test]
fn a_slow_write_does_not_hold_up_others() {
    let (export, gate) = gated();
    let fixture = Fixture::start(export, Limits::default());
    let mut client = Client::ready(&fixture.socket());
    client.send(&[request(WRITE, 0, 1, 0, 1), vec![5]].concat());
    client.send(&request(FLUSH, 0, 2, 0, 0));
    assert_eq!(client.simple_reply().cookie, 2);
    gate.add_permits(1);
    assert_eq!(client.simple_reply().cookie, 1);
}

#[test]
fn disconnecting_finishes_what_is_in_flight() {
    let (export, gate) = gated();
    let fixture = Fixture::start(export, Limits::default());
    let mut client = Client::ready(&fixture.socket());
    client.send(&[request(WRITE, 0, 1, 0, 1), vec![5]].concat());
    client.send(&request(DISCONNECT, 0, 2, 0, 0));
    gate.add_permits(1);
    assert_eq!(client.simple_reply(), SimpleReply { error: 0, cookie: 1 });
    assert!(client.is_closed());
    assert_eq!(fixture.export.peek(0, 1), [5]);
}

#[test]
fn shutting_down_answers_what_is_in_flight_and_ends() {
    let (export, gate) = gated();
    let mut fixture = Fixture::start(export, Limits::default());
    let mut client = Client::ready(&fixture.socket());
    client.send(&[request(WRITE, 0, 1, 0, 1), vec![5]].concat());
    client.send(&request(FLUSH, 0, 2, 0, 0));
    assert_eq!(client.simple_reply().cookie, 2);
    let half_open = Client::connect(&fixture.socket());
    fixture.begin_shutdown();
    gate.add_permits(1);
    assert_eq!(client.simple_reply(), SimpleReply { error: 0, cookie: 1 });
    assert!(client.is_closed());
    fixture.wait_for_shutdown();
    drop(half_open);
    assert_eq!(fixture.export.peek(0, 1), [5]);
}

#[test]
fn more_data_than_the_share_of_a_connection_still_arrives() {
    let limits = Limits { connection_bytes: 1 << 20, total_bytes: 4 << 20, ..Limits::default() };
    let fixture = Fixture::start(Ram::new(SIZE, ExportAccess::ReadWrite), limits);
    let clients: Vec<_> = (0..4u64)
        .map(|number| {
            let path = fixture.socket();
            std::thread::spawn(move || {
                let mut client = Client::ready(&path);
                for round in 0..16u64 {
                    let offset = (number * 16 + round) * (256 << 10);
                    client.send(&request(WRITE, 0, round, offset, 256 << 10));
                    client.send(&vec![number as u8 + 1; 256 << 10]);
                }
                for _ in 0..16 {
                    assert_eq!(client.simple_reply().error, 0);
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    for number in 0..4u64 {
        let bytes = fixture.export.peek(number * (4 << 20), 4 << 20);
        assert!(bytes.iter().all(|byte| *byte == number as u8 + 1));
    }
}

#[test]
fn holes_are_not_sent_and_df_is_obeyed() {
    let fixture = Fixture::writable();
    let mut client = Client::greeted(&fixture.socket());
    client.option(STRUCTURED_REPLY, &[]);
    assert_eq!(client.option_reply().0, 1);
    client.go();
    client.send(&[request(WRITE, 0, 1, 4096, 4096), vec![5; 4096]].concat());
    assert_eq!(client.simple_reply().error, 0);
    client.send(&request(READ, 0, 2, 0, 3 * 4096));
    let mut pieces = Vec::new();
    loop {
        let head = client.take::<20>();
        let offset = u64::from_be_bytes(client.take());
        let length = u32::from_be_bytes(head[16..].try_into().unwrap());
        let kind = u16::from_be_bytes([head[6], head[7]]);
        if kind == 2 {
            pieces.push((kind, offset, u32::from_be_bytes(client.take())));
        } else {
            let data = client.take::<4096>();
            assert!(data == [5; 4096]);
            pieces.push((kind, offset, length - 8));
        }
        if head[5] == 1 {
            break;
        }
    }
    assert_eq!(pieces, [(2, 0, 4096), (1, 4096, 4096), (2, 8192, 4096)]);
    client.send(&request(READ, 1 << 2, 3, 0, 3 * 4096));
    let head = client.take::<20>();
    assert_eq!(head[4..8], [0, 1, 0, 1]);
    assert_eq!(head[16..], (3 * 4096 + 8u32).to_be_bytes());
}

#[test]
fn extended_headers_carry_long_lengths() {
    let fixture = Fixture::writable();
    let mut client = Client::greeted(&fixture.socket());
    client.option(EXTENDED_HEADERS, &[]);
    assert_eq!(client.option_reply().0, 1);
    client.option(STRUCTURED_REPLY, &[]);
    assert_eq!(client.option_reply().0, (1 << 31) + 10);
    let mut contexts = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 15];
    contexts.extend(b"base:allocation");
    client.option(10, &contexts);
    assert_eq!(client.option_reply().0, 4);
    assert_eq!(client.option_reply().0, 1);
    client.go();
    let extended = |command: u16, flags: u16, length: u64| {
        let mut bytes = 0x21e4_1c71u32.to_be_bytes().to_vec();
        bytes.extend(flags.to_be_bytes());
        bytes.extend(command.to_be_bytes());
        bytes.extend(77u64.to_be_bytes());
        bytes.extend(0u64.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes
    };
    client.send(&[extended(WRITE, 1 << 5, 3), vec![1, 2, 3]].concat());
    let reply = client.take::<32>();
    assert_eq!(reply[..8], [0x6e, 0x8a, 0x27, 0x8c, 0, 1, 0, 0]);
    assert_eq!(reply[8..16], 77u64.to_be_bytes());
    client.send(&extended(7, 0, SIZE));
    let reply = client.take::<32>();
    assert_eq!(reply[4..8], [0, 1, 0, 6]);
    let body = client.take::<40>();
    assert_eq!(body[..8], [0, 0, 0, 1, 0, 0, 0, 2]);
    assert_eq!(body[8..16], 4096u64.to_be_bytes());
    assert_eq!(body[24..32], (SIZE - 4096).to_be_bytes());
    // A length that only 64 bits hold is refused, not cut.
    client.send(&extended(READ, 0, (1 << 32) + 1));
    let reply = client.take::<32>();
    assert_eq!(reply[6..8], [0x80, 1]);
}

#[test]
fn a_write_on_one_connection_is_seen_and_flushed_by_another() {
    let fixture = Fixture::writable();
    let mut one = Client::ready(&fixture.socket());
    let mut two = Client::ready(&fixture.socket());
    one.send(&[request(WRITE, 0, 1, 0, 4), vec![9; 4]].concat());
    assert_eq!(one.simple_reply().error, 0);
    two.send(&request(READ, 0, 1, 0, 4));
    assert_eq!(two.simple_reply().error, 0);
    assert_eq!(two.take::<4>(), [9; 4]);
    two.send(&request(FLUSH, 0, 2, 0, 0));
    assert_eq!(two.simple_reply().error, 0);
    assert_eq!(fixture.export.flushes.load(Ordering::SeqCst), 1);
    assert_eq!(fixture.server.connections(), 2);
}

#[test]
fn sockets_are_bound_with_care() {
    use marcot_serve::nbd::{Exposure, ListenError, Listener};
    let fixture = Fixture::writable();
    let in_use = Listener::bind_unix(&fixture.socket());
    assert!(matches!(in_use, Err(ListenError::InUse(_))), "{in_use:?}");
    // What a dead server left behind is replaced, a file is not.
    let left = fixture.folder.path().join("left");
    drop(Listener::bind_unix(&left).unwrap());
    drop(Listener::bind_unix(&left).unwrap());
    let file = fixture.folder.path().join("file");
    std::fs::write(&file, "keep").unwrap();
    assert!(Listener::bind_unix(&file).is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "keep");
    let open = Listener::bind_tcp("0.0.0.0:0".parse().unwrap(), Exposure::Loopback);
    assert!(matches!(open, Err(ListenError::Exposed(_))), "{open:?}");
    assert!(Listener::bind_tcp("0.0.0.0:0".parse().unwrap(), Exposure::Anyone).is_ok());
    let loopback = Listener::bind_tcp("127.0.0.1:0".parse().unwrap(), Exposure::Loopback);
    let copy = loopback.unwrap().duplicate().unwrap();
    assert!(matches!(Listener::from_fd(copy), Ok(Listener::Tcp(_))));
}
