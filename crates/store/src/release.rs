//! Ceph's releases by name and number, as `require_min_compat_client` has them.

/// Oldest first; the first has number 1.
const NAMES: [&str; 19] = [
    "argonaut",
    "bobtail",
    "cuttlefish",
    "dumpling",
    "emperor",
    "firefly",
    "giant",
    "hammer",
    "infernalis",
    "jewel",
    "kraken",
    "luminous",
    "mimic",
    "nautilus",
    "octopus",
    "pacific",
    "quincy",
    "reef",
    "squid",
];

/// The oldest release that knows the setting.
pub const HAMMER: usize = 8;
/// The release whose behaviour is kept.
pub const PACIFIC: usize = 16;
/// The newest that an embedded store takes.
pub const QUINCY: usize = 17;

/// The number of a release.
pub fn number(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name).map(|at| at + 1)
}

/// The name of a release.
pub fn name(number: usize) -> Option<&'static str> {
    NAMES.get(number.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_belong_together() {
        for (number_of, wanted) in [(HAMMER, "hammer"), (PACIFIC, "pacific"), (QUINCY, "quincy")] {
            assert_eq!((name(number_of), number(wanted)), (Some(wanted), Some(number_of)));
        }
        assert_eq!((name(0), name(20), number("unknown")), (None, None, None));
    }
}
