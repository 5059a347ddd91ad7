//! The first bytes both ways: fixed in layout for ever, so that any two builds understand them.
//!
//! 8 bytes magic, u32 protocol version, u64 fingerprint of the source that decides the encoding
//! of messages. Postcard does not describe itself, so only equal fingerprints may talk.

/// Grows with every change of meaning that leaves the encoding as it was.
pub const PROTOCOL: u32 = 1;
const MAGIC: [u8; 8] = *b"MARCOTH\n";
/// Bytes of a greeting.
pub const LENGTH: usize = 20;

/// FNV-1a over everything that decides how a message is laid out.
const FINGERPRINT: u64 = {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    hash = fold(hash, include_bytes!("frame.rs"));
    hash = fold(hash, include_bytes!("request.rs"));
    hash = fold(hash, include_bytes!("reply.rs"));
    hash = fold(hash, include_bytes!("../../../store/src/lib.rs"));
    hash = fold(hash, include_bytes!("../../../store/src/op.rs"));
    hash = fold(hash, include_bytes!("../../../store/src/ids.rs"));
    hash = fold(hash, include_bytes!("../../../store/src/error.rs"));
    hash = fold(hash, include_bytes!("../../../store/src/watch.rs"));
    fold(hash, include_bytes!("../../../store/src/session.rs"))
};

const fn fold(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    hash
}

/// What the other side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    SameBuild,
    OtherBuild,
    /// Not Marcot at all.
    Stranger,
}

/// What this build says first.
pub fn greeting() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&PROTOCOL.to_le_bytes());
    bytes[12..].copy_from_slice(&FINGERPRINT.to_le_bytes());
    bytes
}

/// Judges what the other side said first.
pub fn judge(received: &[u8; LENGTH]) -> Peer {
    if *received == greeting() {
        Peer::SameBuild
    } else if received.starts_with(&MAGIC) {
        Peer::OtherBuild
    } else {
        Peer::Stranger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_equal_greeting_is_the_same_build() {
        assert_eq!(judge(&greeting()), Peer::SameBuild);
        let mut other = greeting();
        other[LENGTH - 1] ^= 1;
        assert_eq!(judge(&other), Peer::OtherBuild);
        assert_eq!(judge(b"GET / HTTP/1.1\r\nHost"), Peer::Stranger);
    }
}
