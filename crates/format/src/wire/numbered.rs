//! The one way to define an enum that is stored as a number.

/// `Name: u8, "what it is" { Variant = 0, … }` becomes an enum whose variants are stored under
/// these numbers. Reading another number is an error.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident: $number:ty, $record:literal {
        $($(#[$variant_doc:meta])* $variant:ident = $value:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// The number that stands for it.
            pub const fn number(self) -> $number {
                match self { $($name::$variant => $value),+ }
            }
        }

        impl $crate::wire::Encode for $name {
            fn encode(&self, out: &mut $crate::wire::Encoder) {
                out.put(&self.number());
            }
        }

        impl $crate::wire::Decode for $name {
            const RECORD: &'static str = $record;

            fn decode(
                input: &mut $crate::wire::Decoder<'_>,
            ) -> Result<Self, $crate::wire::DecodeError> {
                match <$number as $crate::wire::Decode>::decode(input)? {
                    $($value => Ok($name::$variant),)+
                    other => Err(input.bad_value(other)),
                }
            }
        }
    };
}
