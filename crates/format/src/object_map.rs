//! The object map: two bits for each data object of an image. docs/formats/object-map.md.
//!
//! `rbd_object_map.<id>` holds a header with the number of objects, the bits (the first object in
//! the top bits of the first byte), and a footer with a checksum for the header and for each 4096
//! bytes of bits. [`Layout`] says where each lies, so that a change of one object touches one
//! block and the footer.

mod layout;
mod states;

use crate::wire::{Decode, DecodeError, DecodeProblem, Decoder, Encode, Encoder};

pub use layout::{BLOCK_SIZE, Footer, Layout};
pub use states::{ObjectMap, ObjectState};

/// The largest number of objects that a map can hold.
pub const MAX_OBJECT_COUNT: u64 = 256_000_000;

/// Ceph's checksum: CRC-32C that begins with 0 and is not inverted at the end.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(u32::MAX, bytes)
}

/// What [`ObjectMapLoad`](crate::call::object_map::ObjectMapLoad) returns: the map without
/// checksums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedObjectMap(pub ObjectMap);

impl Encode for ObjectMap {
    fn encode(&self, out: &mut Encoder) {
        let header = layout::encode_header(self.len());
        out.raw(&header).raw(self.bits()).put(&Footer::of(self));
    }
}

impl Decode for ObjectMap {
    const RECORD: &'static str = "object map";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (count, header_crc) = layout::decode_header(input)?;
        let bits = input.take(Layout::new(count).data_length())?;
        let map = ObjectMap::from_bits(count, bits).ok_or_else(|| input.bad_value(count))?;
        let footer: Option<Footer> = input.field("footer")?;
        if let Some(footer) = footer {
            check(input, &footer, &Footer { header_crc, ..Footer::of(&map) })?;
        }
        Ok(map)
    }
}

/// Compares stored checksums with the right ones.
fn check(input: &Decoder<'_>, stored: &Footer, computed: &Footer) -> Result<(), DecodeError> {
    let mismatch = |stored, computed| input.error(DecodeProblem::Checksum { stored, computed });
    if stored.header_crc != computed.header_crc {
        return Err(mismatch(stored.header_crc, computed.header_crc));
    }
    if stored.block_crcs.len() != computed.block_crcs.len() {
        return Err(input.bad_value(stored.block_crcs.len() as u64));
    }
    let pairs = stored.block_crcs.iter().zip(&computed.block_crcs);
    match pairs.into_iter().find(|(stored, computed)| stored != computed) {
        Some((stored, computed)) => Err(mismatch(*stored, *computed)),
        None => Ok(()),
    }
}

impl Encode for UncheckedObjectMap {
    fn encode(&self, out: &mut Encoder) {
        out.raw(&layout::encode_header(self.0.len())).raw(self.0.bits()).put(&0u32);
    }
}

impl Decode for UncheckedObjectMap {
    const RECORD: &'static str = "object map";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        ObjectMap::decode(input).map(UncheckedObjectMap)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile::{hex, unhex};

    const STORED: &str = "0e0000000101080000001900000000000000 00100000000000 \
        0c0000001bcac665010000003e300cc0";

    #[test]
    fn bytes_are_those_of_an_osd() {
        let mut map = ObjectMap::new(25, ObjectState::Nonexistent);
        map.set(5, ObjectState::Exists);
        assert_eq!(map.to_bytes(), unhex(STORED));
        assert_eq!(ObjectMap::from_bytes(&unhex(STORED)).unwrap(), map);

        let loaded = UncheckedObjectMap(map).to_bytes();
        assert_eq!(hex(&loaded[loaded.len() - 4..]), "00000000");
        assert_eq!(ObjectMap::from_bytes(&loaded).unwrap().to_bytes(), unhex(STORED));
    }

    #[test]
    fn damage_is_told_from_content() {
        for damaged in [4, 20, 31, 40] {
            let mut bytes = unhex(STORED);
            bytes[damaged] ^= 1;
            assert!(ObjectMap::from_bytes(&bytes).is_err(), "byte {damaged}");
        }
    }

    #[test]
    fn a_count_without_its_bits_is_refused() {
        let mut bytes = unhex(STORED);
        bytes[10..18].copy_from_slice(&MAX_OBJECT_COUNT.to_le_bytes());
        assert!(matches!(
            ObjectMap::from_bytes(&bytes).unwrap_err().problem,
            DecodeProblem::Truncated { needed: 64_000_000, .. }
        ));
        bytes[10..18].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(
            ObjectMap::from_bytes(&bytes).unwrap_err().problem,
            DecodeProblem::BadValue(u64::MAX)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn round_trip(states in proptest::collection::vec(0u8..4, 0..40_000)) {
            let mut map = ObjectMap::new(states.len() as u64, ObjectState::Nonexistent);
            for (number, state) in states.iter().enumerate() {
                map.set(number as u64, ObjectState::from_bits(*state));
            }
            prop_assert_eq!(ObjectMap::from_bytes(&map.to_bytes()).unwrap(), map);
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>, count: u64) {
            let _ = ObjectMap::from_bytes(&bytes);
            let mut near = layout::encode_header(count % 64).to_vec();
            near.extend_from_slice(&bytes);
            let _ = ObjectMap::from_bytes(&near);
        }
    }
}
