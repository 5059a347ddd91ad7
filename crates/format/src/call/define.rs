//! The one way to define a call.

/// Defines argument structs with their encodings and [`Call`](super::Call) implementations.
///
/// `Name = read "class.method" { field: Type, … } -> Reply;` encodes the fields one after the
/// other. `Name = write "…" as 1 { … }` wraps them into a versioned struct of that version.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $kind:ident $class:literal $method:literal $(as $version:literal)?
        { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? } -> $reply:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }

        impl $crate::wire::Encode for $name {
            fn encode(&self, out: &mut $crate::wire::Encoder) {
                calls!(@encode self, out, [$($version)?], $($field),*);
            }
        }

        impl $crate::wire::Decode for $name {
            const RECORD: &'static str = concat!("arguments of ", $class, ".", $method);

            fn decode(
                input: &mut $crate::wire::Decoder<'_>,
            ) -> Result<Self, $crate::wire::DecodeError> {
                calls!(@decode Self, input, [$($version)?], $($field),*)
            }
        }

        impl $crate::call::Call for $name {
            const CLASS: &'static str = $class;
            const METHOD: &'static str = $method;
            const KIND: $crate::call::CallKind = calls!(@kind $kind);
            type Reply = $reply;
        }
    )*

        /// All calls of this file.
        pub(super) const CALLS: &[$crate::call::AnyCall] =
            &[$($crate::call::AnyCall::of::<$name>()),*];
    };
    (@kind read) => { $crate::call::CallKind::Read };
    (@kind write) => { $crate::call::CallKind::Write };
    (@encode $self:ident, $out:ident, [], ) => { let _ = $out; };
    (@encode $self:ident, $out:ident, [], $($field:ident),+) => { $($out.put(&$self.$field);)+ };
    (@encode $self:ident, $out:ident, [$version:literal], $($field:ident),+) => {
        $out.versioned($version, $version, |out| { $(out.put(&$self.$field);)+ });
    };
    (@decode $this:ident, $input:ident, [], ) => {{ let _ = $input; Ok($this {}) }};
    (@decode $this:ident, $input:ident, [], $($field:ident),+) => {
        Ok($this { $($field: $input.field(stringify!($field))?),+ })
    };
    (@decode $this:ident, $input:ident, [$version:literal], $($field:ident),+) => {
        $input.versioned(Self::RECORD, $version, |input, _| {
            Ok($this { $($field: input.field(stringify!($field))?),+ })
        })
    };
}
