//! The frame of a log record: length, place in the order, and a checksum chained to the record
//! before, so that left-overs of an older lap or of a lost timeline never pass for the next record.
//! Neither does what a guest wrote, if power goes before a new segment is zeroed: see [`Seal`].

use bytes::Bytes;

use super::codec::{Damaged, Reader, Writer};

/// Bytes before a record's body.
pub(crate) const FRAME_HEADER: usize = 28;

/// Two random numbers that a segment's frames carry their seq and synced seq under (xor). They never
/// leave the store: who does not know them cannot make bytes that pass for a frame, in the chain or
/// outside of it. Segments that format 1 began have none, which is zeros.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seal {
    pub seq: u64,
    pub synced: u64,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub seq: u64,
    /// Everything up to this record was durable when this one was written.
    pub synced_seq: u64,
    pub body: Bytes,
    /// Of this frame; the next one is chained to it.
    pub checksum: u32,
}

/// The bytes of a frame and its checksum.
pub(crate) fn encode(
    seal: Seal,
    previous: u32,
    (seq, synced_seq): (u64, u64),
    body: &[u8],
) -> (Vec<u8>, u32) {
    let mut writer = Writer::new();
    writer.u32(0);
    writer.u32(previous);
    writer.u32(u32::try_from(body.len()).expect("records are smaller than a log segment"));
    writer.u64(seq ^ seal.seq);
    writer.u64(synced_seq ^ seal.synced);
    let mut bytes = writer.finish();
    bytes.extend_from_slice(body);
    let checksum = crc32c::crc32c_append(previous, &bytes[4..]);
    bytes[..4].copy_from_slice(&checksum.to_le_bytes());
    (bytes, checksum)
}

/// The seq and the synced seq that a frame at the start of `bytes` would have, unchecked.
pub(crate) fn peek(seal: Seal, bytes: &[u8]) -> Option<(u64, u64)> {
    let mut reader = Reader::new(bytes.get(12..FRAME_HEADER)?);
    Some((reader.u64().ok()? ^ seal.seq, reader.u64().ok()? ^ seal.synced))
}

impl Frame {
    /// The frame at the start of `bytes`, if it is the one that follows.
    pub(crate) fn decode(
        seal: Seal,
        bytes: &Bytes,
        previous: u32,
        seq: u64,
    ) -> Result<Frame, Damaged> {
        let mut reader = Reader::new(bytes);
        let checksum = reader.u32()?;
        if reader.u32()? != previous {
            return Err(Damaged("it follows another record"));
        }
        let length = reader.u32()? as usize;
        if reader.u64()? ^ seal.seq != seq {
            return Err(Damaged("it is out of order"));
        }
        let synced_seq = reader.u64()? ^ seal.synced;
        let end = FRAME_HEADER.checked_add(length).ok_or(Damaged("a record is too long"))?;
        let covered = bytes.get(4..end).ok_or(Damaged("a record is cut"))?;
        if crc32c::crc32c_append(previous, covered) != checksum || synced_seq >= seq {
            return Err(Damaged("a record's checksum differs"));
        }
        Ok(Frame { seq, synced_seq, body: bytes.slice(FRAME_HEADER..end), checksum })
    }

    /// The frame at the start of `bytes`, wherever in the chain it stands.
    pub(crate) fn decode_unchained(seal: Seal, bytes: &Bytes) -> Result<Frame, Damaged> {
        let mut reader = Reader::new(bytes);
        let (_, previous, _) = (reader.u32()?, reader.u32()?, reader.u32()?);
        Frame::decode(seal, bytes, previous, reader.u64()? ^ seal.seq)
    }

    /// Bytes that a frame at the start of `bytes` takes, by its own words.
    pub(crate) fn length_at(bytes: &[u8]) -> Option<u64> {
        let length = bytes.get(8..12)?.first_chunk()?;
        Some(FRAME_HEADER as u64 + u64::from(u32::from_le_bytes(*length)))
    }

    /// Bytes that the frame takes in the log.
    pub(crate) fn stored_length(&self) -> u64 {
        (FRAME_HEADER + self.body.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL: Seal = Seal { seq: 0x0123_4567_89ab_cdef, synced: 0xfedc_ba98_7654_3210 };

    #[test]
    fn only_the_successor_passes() {
        let (bytes, checksum) = encode(SEAL, 77, (5, 3), b"body");
        let bytes = Bytes::from(bytes);
        let frame = Frame::decode(SEAL, &bytes, 77, 5).expect("it is the one that follows");
        assert_eq!(
            (frame.checksum, &frame.body[..], frame.synced_seq),
            (checksum, &b"body"[..], 3)
        );
        assert!(Frame::decode(SEAL, &bytes, 78, 5).is_err(), "another chain");
        assert!(Frame::decode(SEAL, &bytes, 77, 6).is_err(), "another number");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::decode(SEAL, &Bytes::from(damaged), 77, 5).is_err(), "bit {bit}");
        }
        assert!(Frame::decode(SEAL, &bytes.slice(..20), 77, 5).is_err());
    }

    #[test]
    fn nothing_passes_under_another_seal() {
        let forged = Bytes::from(encode(Seal::default(), 77, (5, 3), b"body").0);
        assert!(Frame::decode(Seal::default(), &forged, 77, 5).is_ok());
        assert!(Frame::decode(SEAL, &forged, 77, 5).is_err());
        // Outside the chain any seq may stand there, but a synced seq is smaller.
        let other = Seal { seq: SEAL.seq, synced: 0 };
        assert!(Frame::decode_unchained(other, &forged).is_ok());
        assert!(Frame::decode_unchained(SEAL, &forged).is_err());
    }
}
