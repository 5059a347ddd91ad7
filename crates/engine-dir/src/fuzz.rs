//! The store file's decoders on any bytes: what fuzzers call, and a test with seeded ones.
//!
//! Checksums keep random bytes out, so each decoder is also given bytes whose checksum is right.

use bytes::Bytes;

use crate::device::{Device as _, MemoryDevice};
use crate::layout::{
    Frame, LogPointer, Record, Seal, SuperRow, Superblock, decode_object, decode_object_key,
    decode_object_with_checksums, encode_frame,
};
use crate::log::scan;
use crate::units::{BLOCK, Run};

/// All of them, on what follows the first byte, which picks one.
pub fn store_file(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 5 {
        0 => superblock(bytes),
        1 => record(bytes),
        2 => log(bytes),
        3 => drop(SuperRow::decode(bytes)),
        _ => {
            let _ = decode_object_key(bytes);
            let _ = decode_object(bytes);
            let _ = decode_object_with_checksums(bytes);
        }
    }
}

/// As it is, and as a block with the checksum that belongs to it.
fn superblock(bytes: &[u8]) {
    let _ = Superblock::decode(bytes);
    let mut block = bytes.to_vec();
    block.resize(BLOCK - 4, 0);
    let checksum = crc32c::crc32c(&block);
    block.extend_from_slice(&checksum.to_le_bytes());
    if let Ok(read) = Superblock::decode(&block) {
        let again = Superblock::decode(&read.encode());
        assert!(again.is_ok_and(|again| again == read), "{bytes:02x?}");
    }
}

/// A record's body, and a frame around it.
fn record(body: &[u8]) {
    let seal = Seal::default();
    let (frame, checksum) = encode_frame(seal, 7, (2, 1), body);
    let frame = Frame::decode(seal, &Bytes::from(frame), 7, 2);
    assert!(frame.is_ok_and(|frame| frame.checksum == checksum && frame.body == body));
    if let Ok(read) = Record::decode(body) {
        let again = Record::decode(&read.encode());
        assert!(again.is_ok_and(|again| again == read), "{body:02x?}");
    }
}

/// A segment of the log as it is, and one that begins with a frame around some of it.
fn log(bytes: &[u8]) {
    let (body, rest) = bytes.split_at(bytes.len().min(64));
    let (framed, _) = encode_frame(Seal::default(), 0, (1, 0), body);
    for segment in [bytes.to_vec(), [&framed, rest].concat()] {
        let device = MemoryDevice::new();
        if device.write_at(0, &segment).is_err() {
            return;
        }
        let start = LogPointer { segment: Run::new(0, 4), ..LogPointer::default() };
        let _ = scan(&device, start, 0);
    }
}

#[cfg(test)]
mod tests {
    use marcot_testkit::Random;

    use super::*;

    #[test]
    fn no_bytes_bring_a_decoder_down() {
        let mut random = Random::new(11);
        for _ in 0..20_000 {
            let length = random.below(200) as usize;
            // Small numbers and repetitions get further than noise.
            let small = random.below(2) == 0;
            let byte = |random: &mut Random| {
                let byte = random.next_u64() as u8;
                if small { byte % 8 } else { byte }
            };
            let bytes: Vec<u8> = (0..length).map(|_| byte(&mut random)).collect();
            store_file(&bytes);
        }
    }
}
