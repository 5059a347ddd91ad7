//! An advisory lock on an object: the value of the attribute `lock.<name>`. docs/formats/lock.md.

use std::collections::BTreeMap;

use crate::Utime;
use crate::entity::{EntityAddress, EntityName};
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// The lock that RBD takes on headers and object maps.
pub const RBD_LOCK: &str = "rbd_lock";
/// The tag of locks that clients take for themselves, as against `rbd lock add`.
pub const INTERNAL_TAG: &str = "internal";
/// In front of the watch handle in the cookie of such a lock.
pub const AUTO_COOKIE_PREFIX: &str = "auto ";

const ATTRIBUTE_PREFIX: &str = "lock.";

/// The attribute that keeps the lock `name`.
pub fn attribute(name: &str) -> String {
    format!("{ATTRIBUTE_PREFIX}{name}")
}

/// The lock's name in the name of an attribute.
pub fn name_of_attribute(attribute: &str) -> Option<&str> {
    attribute.strip_prefix(ATTRIBUTE_PREFIX)
}

/// The cookie of the exclusive lock of a client whose header watch has this handle.
pub fn auto_cookie(watch_handle: u64) -> String {
    format!("{AUTO_COOKIE_PREFIX}{watch_handle}")
}

/// The watch handle in such a cookie.
pub fn watch_handle_of_cookie(cookie: &str) -> Option<u64> {
    cookie.strip_prefix(AUTO_COOKIE_PREFIX)?.parse().ok()
}

/// A lock and its holders (`lock_info_t`); also the answer of `lock.get_info`. Stays behind
/// without lockers when the last of them leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockInfo {
    pub lockers: BTreeMap<LockerId, LockerInfo>,
    pub kind: LockKind,
    /// Shared by all holders of a shared lock.
    pub tag: String,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LockKind {
    #[default]
    None = 0,
    Exclusive = 1,
    Shared = 2,
    /// Exclusive; the object goes with the lock.
    ExclusiveEphemeral = 3,
}

/// One hold of a lock (`locker_id_t`): a client may hold it with several cookies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockerId {
    pub locker: EntityName,
    pub cookie: String,
}

/// What is known of a holder (`locker_info_t`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockerInfo {
    /// Zero: never.
    pub expiration: Utime,
    pub address: EntityAddress,
    pub description: String,
}

impl Encode for LockKind {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for LockKind {
    const RECORD: &'static str = "lock type";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(LockKind::None),
            1 => Ok(LockKind::Exclusive),
            2 => Ok(LockKind::Shared),
            3 => Ok(LockKind::ExclusiveEphemeral),
            other => Err(input.bad_value(other)),
        }
    }
}

impl Encode for LockerId {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.locker).put(&self.cookie);
        });
    }
}

impl Decode for LockerId {
    const RECORD: &'static str = "locker_id";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(LockerId { locker: input.field("locker")?, cookie: input.field("cookie")? })
        })
    }
}

impl Encode for LockerInfo {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.expiration).put(&self.address).put(&self.description);
        });
    }
}

impl Decode for LockerInfo {
    const RECORD: &'static str = "locker_info";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(LockerInfo {
                expiration: input.field("expiration")?,
                address: input.field("addr")?,
                description: input.field("description")?,
            })
        })
    }
}

impl Encode for LockInfo {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.lockers).put(&self.kind).put(&self.tag);
        });
    }
}

impl Decode for LockInfo {
    const RECORD: &'static str = "lock_info";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(LockInfo {
                lockers: input.field("lockers")?,
                kind: input.field("lock_type")?,
                tag: input.field("tag")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entity::AddressKind;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn round_trip(holders: Vec<(u64, String, String)>, tag: String, nonce: u32) {
            let address = EntityAddress { kind: AddressKind::Any, nonce, socket: None };
            let lockers = holders.into_iter().map(|(client, cookie, description)| {
                let id = LockerId { locker: EntityName::client(client), cookie };
                (id, LockerInfo { expiration: Utime::default(), address, description })
            });
            let info = LockInfo { lockers: lockers.collect(), kind: LockKind::Shared, tag };
            prop_assert_eq!(LockInfo::from_bytes(&info.to_bytes()).unwrap(), info);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = LockInfo::from_bytes(&bytes);
            let mut out = Encoder::default();
            out.versioned(1, 1, |out| { out.raw(&[1, 0, 0, 0]).raw(&bytes); });
            let _ = LockInfo::from_bytes(&out.into_bytes());
        }
    }

    #[test]
    fn cookies_carry_the_watch() {
        assert_eq!(auto_cookie(94_570), "auto 94570");
        assert_eq!(watch_handle_of_cookie("auto 94570"), Some(94_570));
        assert_eq!(watch_handle_of_cookie("mine"), None);
    }
}
