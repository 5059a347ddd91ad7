//! The parsers of what clients send, on any bytes: what fuzzers call, and a test with seeded ones.

use super::command::{Command, Terms, decide};
use super::option::{decode_contexts, decode_export_name, decode_info};
use super::request::{HeaderKind, RequestHeader};
use super::wire;

/// All of them, on what follows the first byte, which picks one.
pub fn nbd(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 5 {
        0 => request(HeaderKind::Compact, wire::REQUEST_MAGIC, bytes),
        1 => request(HeaderKind::Extended, wire::EXTENDED_REQUEST_MAGIC, bytes),
        2 => drop(decode_export_name(bytes)),
        3 => drop(decode_info(bytes)),
        _ => drop(decode_contexts(bytes, 16)),
    }
}

/// As it is, and behind the number that requests begin with; whatever passes lies in the export.
fn request(header: HeaderKind, magic: u32, bytes: &[u8]) {
    let _ = RequestHeader::decode(header, bytes);
    let numbered = [&magic.to_be_bytes(), bytes].concat();
    let Ok(Some(request)) = RequestHeader::decode(header, &numbered) else { return };
    let terms = Terms {
        header,
        size: 1 << 20,
        writable: request.cookie % 2 == 0,
        structured: request.cookie % 3 != 0,
        allocation_context: request.cookie % 5 != 0,
        payload_bytes_max: 1 << 16,
    };
    let (offset, length) = match decide(&terms, &request).verdict {
        Ok(Command::Read { offset, length, .. } | Command::Write { offset, length, .. }) => {
            assert!(length <= terms.payload_bytes_max, "{request:?}");
            (offset, u64::from(length))
        }
        Ok(
            Command::Trim { range, .. }
            | Command::Cache { range }
            | Command::WriteZeroes { range, .. }
            | Command::BlockStatus { range, .. },
        ) => (range.offset, range.length),
        Ok(Command::Disconnect | Command::Flush) | Err(_) => return,
    };
    assert!(offset.checked_add(length).is_some_and(|end| end <= terms.size), "{request:?}");
}

#[cfg(test)]
mod tests {
    use marcot_testkit::Random;

    use super::*;

    #[test]
    fn no_bytes_bring_a_parser_down() {
        let mut random = Random::new(12);
        for _ in 0..100_000 {
            let length = random.below(48) as usize;
            // Small numbers get further than noise.
            let small = random.below(2) == 0;
            let mut byte = || {
                let byte = random.next_u64() as u8;
                if small { byte % 8 } else { byte }
            };
            let bytes: Vec<u8> = (0..length).map(|_| byte()).collect();
            nbd(&bytes);
        }
    }
}
