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
    const KINDS: [(u8, &'static str); 5] =
        [(1, "mon"), (2, "mds"), (4, "osd"), (Self::CLIENT, "client"), (16, "mgr")];

    /// A client by its instance id.
    pub fn client(number: u64) -> EntityName {
        EntityName { kind: Self::CLIENT, number: number.cast_signed() }
    }

    /// The instance id, if it is a client.
    pub fn client_number(self) -> Option<u64> {
        (self.kind == Self::CLIENT).then_some(self.number.cast_unsigned())
    }

    /// Reads `client.4123`, or any other party.
    pub fn parse(text: &str) -> Option<EntityName> {
        let (word, number) = text.split_once('.')?;
        let (kind, _) = Self::KINDS.into_iter().find(|(_, name)| *name == word)?;
        Some(EntityName { kind, number: number.parse().ok()? })
    }
}

impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::KINDS.into_iter().find(|(kind, _)| *kind == self.kind);
        write!(f, "{}.{}", named.map_or("unknown", |(_, name)| name), self.number)
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
const IPV6_LENGTH: usize = 28;
/// How long a `sockaddr_storage` is, which the layout of old always stores in full.
const STORAGE_LENGTH: u64 = 128;

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
    decode_of_family(family, &mut input)
}

fn decode_of_family(
    family: u16,
    input: &mut Decoder<'_>,
) -> Result<Option<SocketAddr>, DecodeError> {
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

/// What releases before 12 wrote, behind the first byte, 0: the rest of a u32 of zeros, nonce, and
/// a whole `sockaddr_storage`, in which even the family is as on the network.
fn decode_legacy(input: &mut Decoder<'_>) -> Result<EntityAddress, DecodeError> {
    input.array::<3>()?;
    let nonce = input.field("nonce")?;
    let mut storage = Decoder::new("sockaddr", input.take(STORAGE_LENGTH)?);
    let family = u16::from_be_bytes(storage.array()?);
    let socket = decode_of_family(family, &mut storage)?;
    let kind = if socket.is_some() { AddressKind::Legacy } else { AddressKind::None };
    Ok(EntityAddress { kind, nonce, socket })
}

impl Encode for EntityAddress {
    fn encode(&self, out: &mut Encoder) {
        // 1 in front says that the address is the versioned struct, not the layout of old.
        out.put(&1u8).versioned(1, 1, |out| {
            out.put(&(self.kind as u32)).put(&self.nonce);
            match self.socket {
                Some(socket) => encode_socket(socket, out),
                // As long as the longest, and of no family.
                None => {
                    out.counted(&[0; IPV6_LENGTH]);
                }
            }
        });
    }
}

impl Decode for EntityAddress {
    const RECORD: &'static str = "entity_addr";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match input.field::<u8>("marker")? {
            0 => return decode_legacy(input),
            1 => {}
            other => return Err(input.bad_value(other)),
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

/// Who and where (`entity_inst_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityInstance {
    pub name: EntityName,
    pub address: EntityAddress,
}

impl Encode for EntityInstance {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.name).put(&self.address);
    }
}

impl Decode for EntityInstance {
    const RECORD: &'static str = "entity_inst";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(EntityInstance { name: input.field("name")?, address: input.field("addr")? })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::hostile::unhex;

    #[test]
    fn text_is_read_back() {
        for text in ["127.0.0.1:0/1434723", "[::1]:6789/4294967295"] {
            let address = EntityAddress::parse(text, AddressKind::Any).unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(EntityAddress::from_bytes(&address.to_bytes()).unwrap(), address);
        }
        assert_eq!(EntityAddress::parse("nowhere", AddressKind::Any), None);
        assert_eq!(EntityName::parse("client.17"), Some(EntityName::client(17)));
        let monitor = EntityName { kind: 1, number: -1 };
        assert_eq!(EntityName::parse("mon.-1"), Some(monitor));
        assert_eq!(monitor.to_string(), "mon.-1");
        for bad in ["client", "client.", "client.x", "client. 1", "client.1x", "unknown.1", "1"] {
            assert_eq!(EntityName::parse(bad), None, "{bad}");
        }
        assert_eq!(EntityName::client(17).to_string(), "client.17");
    }

    /// An OSD of 16.2 that found these in a lock told the same addresses in its own layout.
    #[test]
    fn the_layout_of_old_is_read() {
        let old = |head: &str| {
            let mut bytes = unhex(head);
            bytes.resize(136, 0);
            EntityAddress::from_bytes(&bytes).unwrap()
        };
        let legacy = |text| EntityAddress::parse(text, AddressKind::Legacy).unwrap();
        assert_eq!(old("00000000 07000000 0002 1a85 7f000001"), legacy("127.0.0.1:6789/7"));
        let v6 = "00000000 07000000 000a 1a85 00000000 00000000000000000000000000000001";
        assert_eq!(old(v6), legacy("[::1]:6789/7"));
        let blank = old("00000000 07000000");
        assert_eq!(blank, EntityAddress { nonce: 7, ..EntityAddress::BLANK });
        let told = "01 0101 28000000 00000000 07000000 1c000000".to_owned() + &"00".repeat(28);
        assert_eq!(blank.to_bytes(), unhex(&told));
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
