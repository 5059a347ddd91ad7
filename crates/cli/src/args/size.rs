//! Sizes as they are typed: a number with a unit.

/// `10`, `64K`, `1.5G`? `rbd` takes whole numbers only, with one letter, in either case, and
/// optionally `B`, `iB` behind it.
pub(crate) fn parse(text: &str, default_unit: Unit) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let shift = match &text[digits..] {
        "" => default_unit.shift(),
        suffix => suffix_shift(suffix)?,
    };
    number.checked_mul(1_u64.checked_shl(shift)?)
}

/// What a number without a letter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Mebibytes,
}

impl Unit {
    fn shift(self) -> u32 {
        match self {
            Unit::Bytes => 0,
            Unit::Mebibytes => 20,
        }
    }
}

fn suffix_shift(suffix: &str) -> Option<u32> {
    let letter = suffix.strip_suffix("iB").or_else(|| suffix.strip_suffix('i')).unwrap_or(suffix);
    match letter {
        "B" | "b" if letter.len() == suffix.len() => Some(0),
        "K" | "k" => Some(10),
        "M" | "m" => Some(20),
        "G" | "g" => Some(30),
        "T" | "t" => Some(40),
        "P" | "p" => Some(50),
        "E" | "e" => Some(60),
        _ => None,
    }
}

/// The size of an image: megabytes unless said otherwise.
pub(crate) fn image_size(text: &str) -> Result<u64, String> {
    parse(text, Unit::Mebibytes).ok_or_else(|| "not a size".to_owned())
}

/// A size in bytes unless said otherwise.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    parse(text, Unit::Bytes).ok_or_else(|| "not a size".to_owned())
}

/// The exponent of an object size, rounded up; whether it is allowed is the image's to say.
pub(crate) fn object_order(text: &str) -> Result<u8, String> {
    let size = bytes(text)?;
    let order = 64 - size.saturating_sub(1).leading_zeros();
    u8::try_from(order).map_err(|_| "not a size".to_owned())
}

/// A size as Ceph shows it: at most three digits and a unit.
pub(crate) fn shown(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let index = (bytes.max(1).ilog2() / 10) as usize;
    let unit = 1_u64 << (10 * index);
    let name = UNITS[index];
    if bytes.is_multiple_of(unit) {
        return format!("{} {name}", bytes / unit);
    }
    #[expect(clippy::cast_precision_loss, reason = "only three digits are shown")]
    let value = bytes as f64 / unit as f64;
    let fits = |digits: &usize| format!("{value:.digits$}").len() <= 3;
    let digits = [2, 1].into_iter().find(fits).unwrap_or(0);
    format!("{value:.digits$} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(image_size("10"), Ok(10 << 20));
        assert_eq!(image_size("1G"), Ok(1 << 30));
        assert_eq!(image_size("1025K"), Ok(1025 << 10));
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("4MiB"), Ok(4 << 20));
        for bad in ["", "x", "10X", "1.5G", "-1", "99999999999999999999", "16E", "1Kb"] {
            assert!(image_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn object_sizes_round_up_to_a_power_of_two() {
        assert_eq!(object_order("4M"), Ok(22));
        assert_eq!(object_order("3M"), Ok(22));
        assert_eq!(object_order("4K"), Ok(12));
        assert_eq!(object_order("64M"), Ok(26));
        assert!(object_order("x").is_err());
    }

    #[test]
    fn shown_like_ceph_does() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (10 << 30, "10 GiB"),
            (100_000, "98 KiB"),
            (1025 << 10, "1.0 MiB"),
            ((1 << 40) - 1, "1024 GiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(shown(bytes), text);
        }
    }
}
