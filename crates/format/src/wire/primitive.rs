//! Encodings of numbers, strings and containers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Decode, DecodeError, DecodeProblem, Decoder, Encode, Encoder};

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Encode for $type {
            fn encode(&self, out: &mut Encoder) {
                out.raw(&self.to_le_bytes());
            }
        }

        impl Decode for $type {
            const RECORD: &'static str = stringify!($type);

            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                Ok(<$type>::from_le_bytes(input.array()?))
            }
        }
    )*};
}

number!(u8, u16, u32, u64, i32, i64);

impl Encode for bool {
    fn encode(&self, out: &mut Encoder) {
        out.put(&u8::from(*self));
    }
}

impl Decode for bool {
    const RECORD: &'static str = "bool";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(u8::decode(input)? != 0)
    }
}

impl Encode for str {
    fn encode(&self, out: &mut Encoder) {
        out.counted(self.as_bytes());
    }
}

impl Encode for String {
    fn encode(&self, out: &mut Encoder) {
        self.as_str().encode(out);
    }
}

impl Decode for String {
    const RECORD: &'static str = "string";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let length = u32::decode(input)?;
        let bytes = input.take(u64::from(length))?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(input.error(DecodeProblem::NotUtf8)),
        }
    }
}

/// Nothing at all: methods without arguments or results.
impl Encode for () {
    fn encode(&self, _out: &mut Encoder) {}
}

impl Decode for () {
    const RECORD: &'static str = "nothing";

    fn decode(_input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

impl<A: Encode, B: Encode> Encode for (A, B) {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.0).put(&self.1);
    }
}

impl<A: Decode, B: Decode> Decode for (A, B) {
    const RECORD: &'static str = "pair";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok((A::decode(input)?, B::decode(input)?))
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.is_some());
        if let Some(value) = self {
            out.put(value);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    const RECORD: &'static str = "optional";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if bool::decode(input)? { Ok(Some(T::decode(input)?)) } else { Ok(None) }
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Encoder) {
        out.count(self.len());
        for item in self {
            out.put(item);
        }
    }
}

impl<T: Decode> Decode for Vec<T> {
    const RECORD: &'static str = "list";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let count = input.count()?;
        (0..count).map(|_| T::decode(input)).collect()
    }
}

impl<T: Encode> Encode for BTreeSet<T> {
    fn encode(&self, out: &mut Encoder) {
        out.count(self.len());
        for item in self {
            out.put(item);
        }
    }
}

impl<T: Decode + Ord> Decode for BTreeSet<T> {
    const RECORD: &'static str = "set";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let count = input.count()?;
        (0..count).map(|_| T::decode(input)).collect()
    }
}

impl<K: Encode, V: Encode> Encode for BTreeMap<K, V> {
    fn encode(&self, out: &mut Encoder) {
        out.count(self.len());
        for (key, value) in self {
            out.put(key).put(value);
        }
    }
}

impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    const RECORD: &'static str = "map";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let count = input.count()?;
        (0..count).map(|_| <(K, V)>::decode(input)).collect()
    }
}

/// A last argument that older callers leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trailing<T>(pub Option<T>);

impl<T: Encode> Encode for Trailing<T> {
    fn encode(&self, out: &mut Encoder) {
        if let Some(value) = &self.0 {
            out.put(value);
        }
    }
}

impl<T: Decode> Decode for Trailing<T> {
    const RECORD: &'static str = "trailing argument";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if input.is_empty() { Ok(Trailing(None)) } else { T::decode(input).map(Some).map(Trailing) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Nested = (Vec<(String, Option<u64>)>, BTreeMap<u64, BTreeSet<String>>);

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn containers_round_trip(list: Vec<(String, Option<u64>)>, map: BTreeMap<u64, BTreeSet<String>>) {
            let value: Nested = (list, map);
            prop_assert_eq!(Nested::from_bytes(&value.to_bytes()).unwrap(), value);
        }

        #[test]
        fn hostile_containers_do_not_panic(bytes: Vec<u8>) {
            let _ = Nested::from_bytes(&bytes);
            let _ = <Vec<Option<u64>>>::from_bytes(&bytes);
        }
    }

    #[test]
    fn count_beyond_the_bytes_is_refused_before_allocation() {
        let error = <Vec<u64>>::from_bytes(&[0xff, 0xff, 0xff, 0xff, 1, 2]).unwrap_err();
        assert_eq!(error.problem, DecodeProblem::Truncated { needed: 0xffff_ffff, left: 2 });
    }

    #[test]
    fn envelope_skips_a_newer_tail_and_refuses_a_newer_compat() {
        let newer = [3, 1, 5, 0, 0, 0, 7, 9, 9, 9, 9, 0x2a];
        let mut input = Decoder::new("test", &newer);
        let first = input.versioned("struct", 1, |input, _| input.field::<u8>("a")).unwrap();
        assert_eq!((first, input.field::<u8>("next").unwrap()), (7, 0x2a));

        let refused = Decoder::new("test", &[3, 2, 0, 0, 0, 0])
            .versioned("struct", 1, |_, _| Ok(()))
            .unwrap_err();
        assert_eq!(refused.problem, DecodeProblem::TooNew { compat: 2, known: 1 });
        assert_eq!(
            refused.to_string(),
            "damaged struct: compat at byte 2: written for readers of version 2, this one knows 1"
        );
    }

    #[test]
    fn a_body_cannot_read_past_its_envelope() {
        let short = [1, 1, 1, 0, 0, 0, 7, 8, 8, 8, 8, 8, 8, 8];
        let result = Decoder::new("test", &short)
            .versioned("struct", 1, |input, _| input.field::<u64>("wide"));
        assert_eq!(result.unwrap_err().offset, 6);
    }
}
