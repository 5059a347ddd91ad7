//! Request headers, in their two sizes.

use super::wire;

/// Which header a connection has agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderKind {
    /// 28 bytes, 32-bit lengths.
    Compact,
    /// 32 bytes, 64-bit lengths.
    Extended,
}

impl HeaderKind {
    pub(crate) fn bytes(self) -> usize {
        match self {
            HeaderKind::Compact => 28,
            HeaderKind::Extended => 32,
        }
    }
}

/// A request as it was sent; nothing in it has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestHeader {
    pub(crate) flags: u16,
    pub(crate) command: u16,
    pub(crate) cookie: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// The stream is not at a request: nothing on this connection can be trusted any more.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no request starts here: magic {0:#010x}")]
pub(crate) struct BadMagic(pub(crate) u32);

impl RequestHeader {
    /// The header at the start of `bytes`; `None` when it is not all there yet.
    pub(crate) fn decode(
        kind: HeaderKind,
        bytes: &[u8],
    ) -> Result<Option<RequestHeader>, BadMagic> {
        let Some((magic, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
        let magic = u32::from_be_bytes(*magic);
        let expected = match kind {
            HeaderKind::Compact => wire::REQUEST_MAGIC,
            HeaderKind::Extended => wire::EXTENDED_REQUEST_MAGIC,
        };
        if magic != expected {
            return Err(BadMagic(magic));
        }
        Ok(Self::decode_fields(kind, rest))
    }

    fn decode_fields(kind: HeaderKind, bytes: &[u8]) -> Option<RequestHeader> {
        let (flags, rest) = bytes.split_first_chunk()?;
        let (command, rest) = rest.split_first_chunk()?;
        let (cookie, rest) = rest.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let length = match kind {
            HeaderKind::Compact => u64::from(u32::from_be_bytes(*rest.first_chunk()?)),
            HeaderKind::Extended => u64::from_be_bytes(*rest.first_chunk()?),
        };
        Some(RequestHeader {
            flags: u16::from_be_bytes(*flags),
            command: u16::from_be_bytes(*command),
            cookie: u64::from_be_bytes(*cookie),
            offset: u64::from_be_bytes(*offset),
            length,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(kind: HeaderKind, header: &RequestHeader) -> Vec<u8> {
        let magic = match kind {
            HeaderKind::Compact => wire::REQUEST_MAGIC,
            HeaderKind::Extended => wire::EXTENDED_REQUEST_MAGIC,
        };
        let mut bytes = magic.to_be_bytes().to_vec();
        bytes.extend(header.flags.to_be_bytes());
        bytes.extend(header.command.to_be_bytes());
        bytes.extend(header.cookie.to_be_bytes());
        bytes.extend(header.offset.to_be_bytes());
        match kind {
            HeaderKind::Compact => bytes.extend((header.length as u32).to_be_bytes()),
            HeaderKind::Extended => bytes.extend(header.length.to_be_bytes()),
        }
        bytes
    }

    proptest! {
        #[test]
        fn decodes_what_was_encoded(
            flags: u16, command: u16, cookie: u64, offset: u64, length: u32, extended: bool,
        ) {
            let kind = if extended { HeaderKind::Extended } else { HeaderKind::Compact };
            let header = RequestHeader { flags, command, cookie, offset, length: length.into() };
            let bytes = encode(kind, &header);
            prop_assert_eq!(bytes.len(), kind.bytes());
            prop_assert_eq!(RequestHeader::decode(kind, &bytes), Ok(Some(header)));
            for short in 0..bytes.len() {
                prop_assert_eq!(RequestHeader::decode(kind, &bytes[..short]), Ok(None));
            }
        }

        #[test]
        fn random_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = RequestHeader::decode(HeaderKind::Compact, &bytes);
            let _ = RequestHeader::decode(HeaderKind::Extended, &bytes);
        }
    }
}
