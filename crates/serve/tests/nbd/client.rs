//! A client that sends whatever it is told to, byte by byte if need be.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub const GO: u32 = 7;
pub const STRUCTURED_REPLY: u32 = 8;
pub const EXTENDED_HEADERS: u32 = 11;

pub struct Client {
    pub socket: UnixStream,
}

/// A reply to a request without data.
#[derive(Debug, PartialEq, Eq)]
pub struct SimpleReply {
    pub error: u32,
    pub cookie: u64,
}

impl Client {
    /// Connected, nothing sent yet.
    pub fn connect(path: &Path) -> Client {
        let socket = UnixStream::connect(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { socket }
    }

    /// Past the greeting, with fixed newstyle and no zeroes.
    pub fn greeted(path: &Path) -> Client {
        let mut client = Client::connect(path);
        let mut greeting = [0; 18];
        client.socket.read_exact(&mut greeting).unwrap();
        assert_eq!(&greeting[..16], b"NBDMAGICIHAVEOPT");
        client.send(&3u32.to_be_bytes());
        client
    }

    /// In transmission with simple replies.
    pub fn ready(path: &Path) -> Client {
        let mut client = Client::greeted(path);
        client.go();
        client
    }

    pub fn go(&mut self) {
        self.option(GO, &[0; 6]);
        while self.option_reply().0 != 1 {}
    }

    pub fn option(&mut self, code: u32, body: &[u8]) {
        self.option_head(code, body.len() as u32);
        self.send(body);
    }

    pub fn option_head(&mut self, code: u32, length: u32) {
        let mut bytes = b"IHAVEOPT".to_vec();
        bytes.extend(code.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        self.send(&bytes);
    }

    /// Type and body of the next option reply.
    pub fn option_reply(&mut self) -> (u32, Vec<u8>) {
        let head = self.take::<20>();
        assert_eq!(head[..8], 0x0003_e889_0455_65a9u64.to_be_bytes());
        let kind = u32::from_be_bytes(head[12..16].try_into().unwrap());
        let mut body = vec![0; u32::from_be_bytes(head[16..].try_into().unwrap()) as usize];
        self.socket.read_exact(&mut body).unwrap();
        (kind, body)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.socket.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub fn simple_reply(&mut self) -> SimpleReply {
        let reply = self.take::<16>();
        assert_eq!(reply[..4], 0x6744_6698u32.to_be_bytes());
        SimpleReply {
            error: u32::from_be_bytes(reply[4..8].try_into().unwrap()),
            cookie: u64::from_be_bytes(reply[8..].try_into().unwrap()),
        }
    }

    /// Whether the server has closed the connection (and sends nothing more).
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// A request of the compact kind.
pub fn request(command: u16, flags: u16, cookie: u64, offset: u64, length: u32) -> Vec<u8> {
    let mut bytes = 0x2560_9513u32.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend(command.to_be_bytes());
    bytes.extend(cookie.to_be_bytes());
    bytes.extend(offset.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes
}
