//! Keys of the metadata tables. They sort as [`ObjectId`] does.

use marcot_store::{ObjectId, PoolId};

use super::codec::Damaged;

/// What the keys of all objects of a pool begin with.
pub(crate) fn pool_prefix(pool: PoolId) -> [u8; 8] {
    // With the sign bit flipped, negative numbers sort first as bytes too.
    (pool.0 as u64 ^ 1 << 63).to_be_bytes()
}

/// Pool, namespace, a zero byte, name. Namespaces hold no zero byte: the border sees to that.
pub(crate) fn object_key(id: &ObjectId) -> Vec<u8> {
    let mut key = Vec::with_capacity(9 + id.namespace.len() + id.name.len());
    key.extend_from_slice(&pool_prefix(id.pool));
    key.extend_from_slice(id.namespace.as_bytes());
    key.push(0);
    key.extend_from_slice(id.name.as_bytes());
    key
}

pub(crate) fn decode_object_key(key: &[u8]) -> Result<ObjectId, Damaged> {
    let (pool, rest) = key.split_first_chunk().ok_or(Damaged("a key ends early"))?;
    let pool = PoolId((u64::from_be_bytes(*pool) ^ 1 << 63) as i64);
    let end = rest.iter().position(|byte| *byte == 0).ok_or(Damaged("a key has no namespace"))?;
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Damaged("a key is not UTF-8"));
    let (namespace, name) = (text(&rest[..end])?, text(&rest[end + 1..])?);
    Ok(ObjectId::new(pool, namespace, name))
}

/// An omap's number and a key in it.
pub(crate) fn omap_key(omap: u64, key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(8 + key.len());
    stored.extend_from_slice(&omap.to_be_bytes());
    stored.extend_from_slice(key);
    stored
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = ObjectId> {
        (-3i64..3, "[a-c\u{1}]{0,3}", "[a-c\u{0}]{0,3}")
            .prop_map(|(pool, namespace, name)| ObjectId::new(PoolId(pool), namespace, name))
    }

    proptest! {
        #[test]
        fn keys_sort_as_ids_do(left in id(), right in id()) {
            let (l, r) = (object_key(&left), object_key(&right));
            prop_assert_eq!(l.cmp(&r), left.cmp(&right));
            prop_assert_eq!(decode_object_key(&l), Ok(left));
        }
    }
}
