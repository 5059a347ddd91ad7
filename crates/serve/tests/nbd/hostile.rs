//! Clients that lie, stall, vanish or send noise. The server drops them and serves the others.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use marcot_serve::nbd::Limits;
use marcot_serve::nbd::export::ExportAccess;

use crate::client::{Client, GO, SimpleReply, request};
use crate::fixture::{Fixture, SIZE};
use crate::ram::Ram;

fn assert_serves(fixture: &Fixture) {
    let mut client = Client::ready(&fixture.socket());
    client.send(&request(3, 0, 4, 0, 0));
    assert_eq!(client.simple_reply(), SimpleReply { error: 0, cookie: 4 });
}

#[test]
fn lengths_of_options_are_not_believed() {
    let fixture = Fixture::writable();
    // A body that could never fit.
    let mut client = Client::greeted(&fixture.socket());
    client.option_head(GO, u32::MAX);
    assert!(client.is_closed());
    // One that is skipped and refused.
    let mut client = Client::greeted(&fixture.socket());
    client.option(GO, &vec![0; 100_000]);
    assert_eq!(client.option_reply().0, (1 << 31) + 9);
    client.go();
    // A name longer than the body that holds it.
    let mut client = Client::greeted(&fixture.socket());
    client.option(GO, &[0xff, 0xff, 0xff, 0xff, 0, 0]);
    assert_eq!(client.option_reply().0, (1 << 31) + 3);
    client.option(GO, &[0, 0, 0, 9, 0, 0]);
    assert_eq!(client.option_reply().0, (1 << 31) + 3);
    client.go();
    assert_serves(&fixture);
}

#[test]
fn a_flood_of_options_ends_the_connection() {
    let limits = Limits { handshake_timeout: Duration::from_secs(600), ..Limits::default() };
    let fixture = Fixture::start(Ram::new(SIZE, ExportAccess::ReadWrite), limits);
    let mut client = Client::greeted(&fixture.socket());
    for _ in 0..64 {
        client.option(12345, &[]);
        assert_eq!(client.option_reply().0, (1 << 31) + 1);
    }
    assert!(client.is_closed());
    assert_serves(&fixture);
}

#[test]
fn half_open_connections_are_thrown_out_and_leave_room() {
    let limits = Limits {
        connections: 4,
        handshake_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let fixture = Fixture::start(Ram::new(SIZE, ExportAccess::ReadWrite), limits);
    let mut idle: Vec<Client> = (0..8).map(|_| Client::connect(&fixture.socket())).collect();
    assert_serves(&fixture);
    for client in &mut idle {
        client.take::<18>();
        assert!(client.is_closed());
    }
}

#[test]
fn leaving_at_any_byte_disturbs_nobody() {
    let fixture = Fixture::writable();
    let mut bytes = 3u32.to_be_bytes().to_vec();
    bytes.extend(b"IHAVEOPT\0\0\0\x07\0\0\0\x06\0\0\0\0\0\0");
    bytes.extend(request(1, 0, 1, 0, 600));
    bytes.extend(vec![9; 600]);
    bytes.extend(request(0, 0, 2, 0, 4096));
    for cut in (0..bytes.len()).filter(|cut| *cut < 80 || cut % 50 == 0 || *cut > 640) {
        let mut client = Client::connect(&fixture.socket());
        client.send(&bytes[..cut]);
    }
    assert_serves(&fixture);
}

/// The same noise in every run.
struct Noise(u64);

impl Noise {
    fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, words: usize) -> Vec<u8> {
        (0..words).flat_map(|_| self.word().to_be_bytes()).collect()
    }
}

#[test]
fn noise_after_the_handshake_ends_the_connection() {
    let fixture = Fixture::writable();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for _ in 0..200 {
        let mut client = Client::ready(&fixture.socket());
        client.send(&noise.bytes(8));
        assert!(client.is_closed());
    }
    assert_serves(&fixture);
}

#[test]
fn noise_in_options_is_refused_or_ends_the_connection() {
    let fixture = Fixture::writable();
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    for round in 0..400u32 {
        let mut client = Client::greeted(&fixture.socket());
        let words = (noise.word() % 6) as usize;
        let mut body = noise.bytes(words);
        // Small numbers are likelier to pass the first checks.
        body.iter_mut().step_by(2).for_each(|byte| *byte = 0);
        // In one piece: the server may close after the first option.
        let option = |code: u32, body: &[u8]| {
            let head = [b"IHAVEOPT", &code.to_be_bytes()[..], &(body.len() as u32).to_be_bytes()];
            [head.concat(), body.to_vec()].concat()
        };
        client.send(&[option(round % 13, &body), option(2, &[])].concat());
        // Bytes may be left over when the option began the transmission: it ends there.
        let mut answer = Vec::new();
        let ended = std::io::Read::read_to_end(&mut client.socket, &mut answer);
        let reset = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.is_ok() || ended.is_err_and(reset));
    }
    assert_serves(&fixture);
}

#[test]
fn a_client_that_takes_no_replies_is_not_read_without_end() {
    let fixture = Fixture::writable();
    let mut client = Client::ready(&fixture.socket());
    client.socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let read = request(0, 0, 1, 0, 1 << 20);
    let requests = read.repeat(100_000);
    assert!(client.socket.write_all(&requests).is_err(), "the server took every request");
    assert_serves(&fixture);
}

#[test]
fn a_stalled_client_gives_way_to_those_who_wait() {
    let limits = Limits {
        total_bytes: 32 << 20,
        stall_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let fixture = Fixture::start(Ram::new(SIZE, ExportAccess::ReadWrite), limits);
    let mut stalled = Client::ready(&fixture.socket());
    stalled.send(&request(1, 0, 1, 0, 30 << 20));
    let mut other = Client::ready(&fixture.socket());
    other.send(&request(3, 0, 1, 0, 0));
    assert_eq!(other.simple_reply().cookie, 1);
    other.send(&request(0, 0, 2, 0, 8 << 20));
    assert_eq!(other.simple_reply(), SimpleReply { error: 0, cookie: 2 });
    assert!(stalled.is_closed());
}

#[test]
fn libnbd_without_its_own_checks_gets_errors_only() {
    let fixture = Fixture::writable();
    let mut python = std::process::Command::new("timeout")
        .args(["60", "/usr/bin/python3", "-", &fixture.socket().display().to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3 with python3-libnbd is needed by this test");
    python.stdin.take().unwrap().write_all(include_bytes!("strict_off.py")).unwrap();
    assert!(python.wait().unwrap().success());
    assert_serves(&fixture);
}
