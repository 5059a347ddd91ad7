//! A disk as a guest has it: an NBD client that connects again when the server dies.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const GO: u32 = 7;
const READ: u16 = 0;
const WRITE: u16 = 1;

pub(crate) struct Disk {
    socket: PathBuf,
    stream: UnixStream,
}

impl Disk {
    pub(crate) fn connect(socket: &Path) -> Disk {
        Disk { socket: socket.to_owned(), stream: greet(socket).expect("a server") }
    }

    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        self.again_and_again(|stream| {
            send(stream, WRITE, offset, data.len())?;
            stream.write_all(data)?;
            answer(stream)
        });
    }

    pub(crate) fn read(&mut self, offset: u64, length: usize) -> Vec<u8> {
        self.again_and_again(|stream| {
            send(stream, READ, offset, length)?;
            answer(stream)?;
            let mut data = vec![0; length];
            stream.read_exact(&mut data)?;
            Ok(data)
        })
    }

    /// What was not answered is asked again of the next server.
    fn again_and_again<T>(&mut self, request: impl Fn(&mut UnixStream) -> io::Result<T>) -> T {
        loop {
            match request(&mut self.stream) {
                Ok(answer) => return answer,
                Err(error) if error.kind() == io::ErrorKind::Other => panic!("{error}"),
                Err(_) => self.connect_again(),
            }
        }
    }

    fn connect_again(&mut self) {
        loop {
            match greet(&self.socket) {
                Ok(stream) => break self.stream = stream,
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

fn greet(socket: &Path) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    let mut greeting = [0; 18];
    stream.read_exact(&mut greeting)?;
    assert_eq!(&greeting[..16], b"NBDMAGICIHAVEOPT");
    let mut option = 3u32.to_be_bytes().to_vec();
    option.extend(b"IHAVEOPT");
    option.extend(GO.to_be_bytes());
    option.extend(6u32.to_be_bytes());
    option.extend([0; 6]);
    stream.write_all(&option)?;
    loop {
        let mut head = [0; 20];
        stream.read_exact(&mut head)?;
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("four"));
        io::copy(&mut (&mut stream).take(number(16).into()), &mut io::sink())?;
        // The last reply says that it was accepted.
        if number(12) == 1 {
            return Ok(stream);
        }
    }
}

fn send(stream: &mut UnixStream, command: u16, offset: u64, length: usize) -> io::Result<()> {
    let mut request = 0x2560_9513u32.to_be_bytes().to_vec();
    request.extend(0u16.to_be_bytes());
    request.extend(command.to_be_bytes());
    request.extend(7u64.to_be_bytes());
    request.extend(offset.to_be_bytes());
    request.extend(u32::try_from(length).expect("a small request").to_be_bytes());
    stream.write_all(&request)
}

fn answer(stream: &mut UnixStream) -> io::Result<()> {
    let mut reply = [0; 16];
    stream.read_exact(&mut reply)?;
    let error = u32::from_be_bytes(reply[4..8].try_into().expect("four"));
    match error {
        0 => Ok(()),
        error => Err(io::Error::other(format!("the server answered {error}"))),
    }
}
