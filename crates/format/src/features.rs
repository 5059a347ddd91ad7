//! Feature bits of an image, operation features, and flags.

use std::fmt;
use std::ops::{BitAnd, BitOr};

macro_rules! bit_set {
    ($(#[$doc:meta])* $type:ident { $($(#[$bit_doc:meta])* $name:ident = $bit:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(u64);

        impl $type {
            $($(#[$bit_doc])* pub const $name: $type = $type(1 << $bit);)*
            /// Every bit that has a name.
            pub const ALL: $type = $type(0 $(| 1 << $bit)*);
            /// No bit.
            pub const NONE: $type = $type(0);

            /// The set with exactly these bits, known or not.
            pub const fn from_bits(bits: u64) -> $type {
                $type(bits)
            }

            /// The stored number.
            pub const fn bits(self) -> u64 {
                self.0
            }

            /// Whether all of `other` is in here.
            pub const fn contains(self, other: $type) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether anything of `other` is in here.
            pub const fn intersects(self, other: $type) -> bool {
                self.0 & other.0 != 0
            }

            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// These bits and those.
            pub const fn union(self, other: $type) -> $type {
                $type(self.0 | other.0)
            }

            /// These bits without those.
            pub const fn without(self, other: $type) -> $type {
                $type(self.0 & !other.0)
            }

            /// The bits that `mask` selects taken from `value`, the others from here.
            pub const fn replaced(self, value: $type, mask: $type) -> $type {
                $type(self.0 & !mask.0 | value.0 & mask.0)
            }

            /// The names of the set bits, lowest first. Unknown bits have none.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$(($type::$name, $text)),*]
                    .into_iter()
                    .filter(move |(bit, _)| self.contains(*bit))
                    .map(|(_, name)| name)
            }

            /// The bit with that name.
            pub fn by_name(name: &str) -> Option<$type> {
                match name {
                    $($text => Some($type::$name),)*
                    _ => None,
                }
            }
        }

        impl BitOr for $type {
            type Output = $type;

            fn bitor(self, other: $type) -> $type {
                self.union(other)
            }
        }

        impl BitAnd for $type {
            type Output = $type;

            fn bitand(self, other: $type) -> $type {
                $type(self.0 & other.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:#x})", stringify!($type), self.0)
            }
        }

        impl $crate::Encode for $type {
            fn encode(&self, out: &mut $crate::wire::Encoder) {
                out.put(&self.0);
            }
        }

        impl $crate::Decode for $type {
            const RECORD: &'static str = stringify!($type);

            fn decode(
                input: &mut $crate::wire::Decoder<'_>,
            ) -> Result<Self, $crate::DecodeError> {
                u64::decode(input).map($type)
            }
        }
    };
}

bit_set! {
    /// What an image can do, and what a client must know to open it.
    Features {
        LAYERING = 0, "layering";
        STRIPING = 1, "striping";
        EXCLUSIVE_LOCK = 2, "exclusive-lock";
        OBJECT_MAP = 3, "object-map";
        FAST_DIFF = 4, "fast-diff";
        DEEP_FLATTEN = 5, "deep-flatten";
        JOURNALING = 6, "journaling";
        DATA_POOL = 7, "data-pool";
        /// Set while any [`OpFeatures`] bit is.
        OPERATIONS = 8, "operations";
        MIGRATING = 9, "migrating";
        NON_PRIMARY = 10, "non-primary";
        DIRTY_CACHE = 11, "dirty-cache";
    }
}

impl Features {
    /// What `create` gives an image unless told otherwise (61).
    pub const DEFAULT: Features = Features(0x3d);
    /// A client that does not know one of these cannot even read the image.
    pub const READ_INCOMPATIBLE: Features = Features(0x883);
    /// A client that does not know one of these cannot write the image.
    pub const WRITE_INCOMPATIBLE: Features = Features::ALL;
    /// What `feature enable` and `feature disable` may change.
    pub const MUTABLE: Features = Features(0xc5c);
    /// What can be switched off but not on.
    pub const DISABLE_ONLY: Features = Features::DEEP_FLATTEN;
    /// Set by other operations, never by hand.
    pub const INTERNAL: Features = Features(0x300);
    /// Only one client writes such an image at a time.
    pub const SINGLE_CLIENT: Features = Features(0x4c);
}

bit_set! {
    /// What operations have left behind in an image; old clients may read but not change it.
    OpFeatures {
        /// The image has clones of format 2.
        CLONE_PARENT = 0, "clone-parent";
        /// The image is a clone of format 2.
        CLONE_CHILD = 1, "clone-child";
        GROUP = 2, "group";
        /// The image has snapshots in the trash.
        SNAP_TRASH = 3, "snap-trash";
    }
}

bit_set! {
    /// What of an image or snapshot must not be relied on until it is rebuilt.
    Flags {
        OBJECT_MAP_INVALID = 0, "object map invalid";
        FAST_DIFF_INVALID = 1, "fast diff invalid";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_ceph_s() {
        assert_eq!(Features::ALL.bits(), 0xfff);
        assert_eq!(
            Features::DEFAULT.names().collect::<Vec<_>>(),
            ["layering", "exclusive-lock", "object-map", "fast-diff", "deep-flatten"]
        );
        assert_eq!(
            Features::READ_INCOMPATIBLE.names().collect::<Vec<_>>(),
            ["layering", "striping", "data-pool", "dirty-cache"]
        );
        let mutable = "exclusive-lock object-map fast-diff journaling non-primary dirty-cache";
        assert_eq!(
            Features::MUTABLE.names().collect::<Vec<_>>(),
            mutable.split(' ').collect::<Vec<_>>()
        );
    }

    #[test]
    fn every_name_finds_its_bit() {
        for name in Features::ALL.names() {
            let bit = Features::by_name(name).unwrap();
            assert_eq!(bit.names().collect::<Vec<_>>(), [name]);
        }
        assert_eq!(Features::by_name("layers"), None);
    }

    #[test]
    fn replacing_touches_only_the_mask() {
        let flags = Flags::from_bits(0x8000_0001);
        assert_eq!(flags.replaced(Flags::FAST_DIFF_INVALID, Flags::ALL).bits(), 0x8000_0002);
    }
}
