//! Who holds a lock: a client's name and address.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// A party of the cluster (`entity_name_t`): `client.4123`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityName {
    /// 8 for clients.
    pub kind: u8,
    pub number: i64,
}

impl EntityName {
    const CLIENT: u8 = 8;

    /// A client by its instance id.
    pub fn client(number: u64) -> EntityName {
        EntityName { kind: Self::CLIENT, number: number.cast_signed() }
    }

    /// The instance id, if it is a client.
    pub fn client_number(self) -> Option<u64> {
        (self.kind == Self::CLIENT).then_some(self.number.cast_unsigned())
    }

    /// Reads `client.4123`.
    pub fn parse(text: &str) -> Option<EntityName> {
        let number: i64 = text.strip_prefix("client.")?.parse().ok()?;
        (number >= 0).then_some(EntityName { kind: Self::CLIENT, number })
    }
}

impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            1 => "mon",
            2 => "mds",
            4 => "osd",
            8 => "client",
            16 => "mgr",
            _ => "unknown",
        };
        write!(f, "{kind}.{}", self.number)
    }
}

impl Encode for EntityName {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.kind).put(&self.number);
    }
}

impl Decode for EntityName {
    const RECORD: &'static str = "entity_name";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(EntityName { kind: u8::decode(input)?, number: i64::decode(input)? })
    }
}

/// Where a party of the cluster is (`entity_addr_t`): `127.0.0.1:0/1434723`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityAddress {
    pub kind: AddressKind,
    /// Tells processes at one address apart.
    pub nonce: u32,
    /// None for a blank address.
    pub socket: Option<SocketAddr>,
}

/// Which messenger protocol an address speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum AddressKind {
    #[default]
    None = 0,
    Legacy = 1,
    Msgr2 = 2,
    Any = 3,
}

impl EntityAddress {
    /// No address.
    pub const BLANK: EntityAddress =
        EntityAddress { kind: AddressKind::None, nonce: 0, socket: None };

    /// Reads `127.0.0.1:0/1434723` or `[::1]:0/1434723`, as Ceph prints addresses.
    pub fn parse(text: &str, kind: AddressKind) -> Option<EntityAddress> {
        let (socket, nonce) = text.rsplit_once('/')?;
        Some(EntityAddress { kind, nonce: nonce.parse().ok()?, socket: Some(socket.parse().ok()?) })
    }
}

impl fmt::Display for EntityAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.socket {
            Some(socket) => write!(f, "{socket}/{}", self.nonce),
            None => write!(f, ":/{}", self.nonce),
        }
    }
}

const IPV4: u16 = 2;
const IPV6: u16 = 10;

/// A `sockaddr`: the family little-endian, the port and address as on the network.
fn encode_socket(socket: SocketAddr, out: &mut Encoder) {
    let port = socket.port().to_be_bytes();
    match socket {
        SocketAddr::V4(v4) => {
            out.put(&16u32).put(&IPV4).raw(&port).raw(&v4.ip().octets()).raw(&[0; 8]);
        }
        SocketAddr::V6(v6) => {
            out.put(&28u32).put(&IPV6).raw(&port).raw(&v6.flowinfo().to_be_bytes());
            out.raw(&v6.ip().octets()).put(&v6.scope_id());
        }
    }
}

fn decode_socket(input: &mut Decoder<'_>) -> Result<Option<SocketAddr>, DecodeError> {
    let mut input = Decoder::new("sockaddr", input.counted("sockaddr")?);
    if input.is_empty() {
        return Ok(None);
    }
    let family: u16 = input.field("family")?;
    if family == 0 {
        return Ok(None);
    }
    let port = u16::from_be_bytes(input.array()?);
    match family {
        IPV4 => {
            let ip = Ipv4Addr::from(input.array::<4>()?);
            Ok(Some(SocketAddr::V4(SocketAddrV4::new(ip, port))))
        }
        IPV6 => {
            let flow = u32::from_be_bytes(input.array()?);
            let ip = Ipv6Addr::from(input.array::<16>()?);
            let scope = input.field("scope")?;
            Ok(Some(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope))))
        }
        other => Err(input.bad_value(other)),
    }
}

impl Encode for EntityAddress {
    fn encode(&self, out: &mut Encoder) {
        // 1 in front says that the address is the versioned struct, not the layout of old.
        out.put(&1u8).versioned(1, 1, |out| {
            out.put(&(self.kind as u32)).put(&self.nonce);
            match self.socket {
                Some(socket) => encode_socket(socket, out),
                None => {
                    out.put(&0u32);
                }
            }
        });
    }
}

impl Decode for EntityAddress {
    const RECORD: &'static str = "entity_addr";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let marker: u8 = input.field("marker")?;
        if marker != 1 {
            return Err(input.bad_value(marker));
        }
        input.versioned(Self::RECORD, 1, |input, _| {
            let kind = match input.field::<u32>("type")? {
                0 => AddressKind::None,
                1 => AddressKind::Legacy,
                2 => AddressKind::Msgr2,
                3 => AddressKind::Any,
                other => return Err(input.bad_value(other)),
            };
            let nonce = input.field("nonce")?;
            Ok(EntityAddress { kind, nonce, socket: decode_socket(input)? })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_read_back() {
        for text in ["127.0.0.1:0/1434723", "[::1]:6789/4294967295"] {
            let address = EntityAddress::parse(text, AddressKind::Any).unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(EntityAddress::from_bytes(&address.to_bytes()).unwrap(), address);
        }
        assert_eq!(EntityAddress::parse("nowhere", AddressKind::Any), None);
        assert_eq!(EntityName::parse("client.17"), Some(EntityName::client(17)));
        assert_eq!(EntityName::parse("client.-1"), None);
        assert_eq!(EntityName::client(17).to_string(), "client.17");
    }

    proptest! {
        #[test]
        fn round_trip(nonce: u32, ip: IpAddr, port: u16) {
            let socket = Some(SocketAddr::new(ip, port));
            let address = EntityAddress { kind: AddressKind::Msgr2, nonce, socket };
            prop_assert_eq!(EntityAddress::from_bytes(&address.to_bytes()).unwrap(), address);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = EntityAddress::from_bytes(&bytes);
            let _ = EntityName::from_bytes(&bytes);
            let mut out = Encoder::default();
            out.put(&1u8).versioned(1, 1, |out| { out.put(&3u32).put(&7u32).counted(&bytes); });
            let _ = EntityAddress::from_bytes(&out.into_bytes());
        }
    }
}
