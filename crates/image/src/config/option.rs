//! An option: where it may be set, what its values are, and how text becomes a value.

use std::fmt;

use marcot_format::features::Features;
use marcot_store::Errno;

use super::table::OPTIONS;

/// The narrowest place where an option may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For all that a client does.
    Client,
    /// For the images of a pool too.
    Pool,
    /// For one image too.
    Image,
}

/// What the values of an option are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Bool,
    /// A number, with `K`, `M` … as powers of 1000.
    Uint {
        min: u64,
        max: u64,
    },
    /// Bytes, with `K`, `M` … as powers of 1024.
    Size,
    /// Bytes that must be a power of two.
    PowerOfTwo {
        min: u64,
        max: u64,
    },
    Float {
        min: f64,
        max: f64,
    },
    Text,
    Choice(&'static [&'static str]),
    /// A number, or names with commas between.
    Features,
}

/// One option of RBD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RbdOption {
    pub name: &'static str,
    pub level: Level,
    pub kind: Kind,
    pub default: &'static str,
}

/// A value of an option; printed as Ceph prints it once it was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Uint(u64),
    Float(f64),
    Text(String),
}

/// Why an option was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    #[error("not rbd option: {0}")]
    Foreign(String),
    #[error("invalid config key: {0}")]
    Unknown(String),
    /// It cannot be set for a pool, or for an image.
    #[error("{0} cannot be set here")]
    Level(String),
    #[error("error parsing value: {reason}")]
    Value { name: String, reason: String },
}

impl OptionError {
    pub fn errno(&self) -> Errno {
        Errno::INVAL
    }
}

/// The option called `name`.
pub fn find(name: &str) -> Result<&'static RbdOption, OptionError> {
    if !name.starts_with("rbd_") {
        return Err(OptionError::Foreign(name.to_owned()));
    }
    let found = OPTIONS.binary_search_by(|option| option.name.cmp(name));
    found.map(|at| &OPTIONS[at]).map_err(|_| OptionError::Unknown(name.to_owned()))
}

/// All options, by name.
pub fn all() -> impl Iterator<Item = &'static RbdOption> {
    OPTIONS.iter()
}

impl RbdOption {
    /// The value that `text` means.
    pub fn parse(&self, text: &str) -> Result<Value, OptionError> {
        let value = match self.kind {
            Kind::Bool => truth(text).map(Value::Bool),
            Kind::Uint { min, max } => {
                number(text).and_then(|number| within(number, min, max)).map(Value::Uint)
            }
            Kind::Size => size(text).map(Value::Uint),
            Kind::PowerOfTwo { min, max } => number(text)
                .and_then(|number| match number.is_power_of_two() {
                    false if (min..=max).contains(&number) => {
                        Err("value must be a power of two".to_owned())
                    }
                    _ => within(number, min, max),
                })
                .map(Value::Uint),
            Kind::Float { min, max } => float(text, min, max).map(Value::Float),
            Kind::Text => Ok(Value::Text(text.to_owned())),
            Kind::Choice(choices) if choices.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Choice(choices) => {
                let choices = choices.join(", ");
                Err(format!("'{text}' is not one of the permitted values: {choices}"))
            }
            Kind::Features => features(text).map(Value::Uint).ok_or_else(String::new),
        };
        value.map_err(|reason| OptionError::Value { name: self.name.to_owned(), reason })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Uint(number) => write!(f, "{number}"),
            Value::Float(number) => write!(f, "{number:.6}"),
            Value::Text(text) => f.write_str(text),
        }
    }
}

fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        number => match number.parse::<i64>() {
            Ok(number) => Ok(number != 0),
            Err(_) => Err(not_an_integer(text)),
        },
    }
}

fn not_an_integer(text: &str) -> String {
    format!("Expected option value to be integer, got '{text}'")
}

fn within(number: u64, min: u64, max: u64) -> Result<u64, String> {
    match number {
        _ if number < min => Err(format!("Value '{number}' is below minimum {min}")),
        _ if number > max => Err(format!("Value '{number}' exceeds maximum {max}")),
        _ => Ok(number),
    }
}

/// Digits and perhaps a letter for a power of 1000.
fn number(text: &str) -> Result<u64, String> {
    let unknown = "strict_si_cast: unit prefix not recognized";
    if text.is_empty() {
        return Err("strict_sistrtoll: value not specified".to_owned());
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits);
    let power = match unit {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        "E" => 6,
        _ => return Err(unknown.to_owned()),
    };
    scaled(digits, 1000, power).map_err(|why| match why {
        Scale::Empty => not_an_integer(""),
        Scale::TooLarge => format!("The option value '{digits}' seems to be invalid"),
    })
}

/// Digits and perhaps `B`, or a letter for a power of 1024 with or without `i`.
fn size(text: &str) -> Result<u64, String> {
    let unknown = "strict_iecstrtoll: unit prefix not recognized";
    if text.is_empty() {
        return Err("strict_iecstrtoll: value not specified".to_owned());
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits);
    let power = match unit {
        "" | "B" => 0,
        "K" | "Ki" => 1,
        "M" | "Mi" => 2,
        "G" | "Gi" => 3,
        "T" | "Ti" => 4,
        "P" | "Pi" => 5,
        "E" | "Ei" => 6,
        _ => return Err(unknown.to_owned()),
    };
    scaled(digits, 1024, power).map_err(|why| match why {
        Scale::Empty => not_an_integer(""),
        Scale::TooLarge => format!("The option value '{digits}' seems to be invalid"),
    })
}

enum Scale {
    Empty,
    TooLarge,
}

fn scaled(digits: &str, base: u64, power: u32) -> Result<u64, Scale> {
    if digits.is_empty() {
        return Err(Scale::Empty);
    }
    let number: u64 = digits.parse().map_err(|_| Scale::TooLarge)?;
    number.checked_mul(base.pow(power)).ok_or(Scale::TooLarge)
}

fn float(text: &str, min: f64, max: f64) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.ok_or_else(|| format!("strict_strtod: expected double, got: '{text}'"))?;
    match number {
        _ if number < min => Err(format!("Value '{number:.6}' is below minimum {min:.6}")),
        _ if number > max => Err(format!("Value '{number:.6}' exceeds maximum {max:.6}")),
        _ => Ok(number),
    }
}

fn features(text: &str) -> Option<u64> {
    if let Ok(bits) = text.parse() {
        return Some(bits);
    }
    let mut named = text.split(',').map(|name| Features::by_name(name.trim()));
    named.try_fold(0, |bits, feature| feature.map(|feature| bits | feature.bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<String, String> {
        let value = find(name).and_then(|option| option.parse(text));
        value.map(|value| value.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_sorted_and_their_defaults_are_values() {
        assert!(OPTIONS.is_sorted_by(|a, b| a.name < b.name));
        for option in all() {
            assert_eq!(option.parse(option.default).unwrap().to_string(), option.default);
        }
    }

    #[test]
    fn text_becomes_a_value_as_in_ceph() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(read("rbd_cache", "TRUE"), ok("true"));
        assert_eq!(read("rbd_cache", "7"), ok("true"));
        assert_eq!(read("rbd_cache_size", "5Ki"), ok("5120"));
        assert_eq!(read("rbd_qos_bps_limit", "1K"), ok("1000"));
        assert_eq!(read("rbd_journal_commit_age", "1e3"), ok("1000.000000"));
        assert_eq!(read("rbd_default_features", "layering,object-map"), ok("9"));
    }

    #[test]
    fn what_is_no_value_is_refused_in_ceph_s_words() {
        let parsing = |reason: &str| Err(format!("error parsing value: {reason}"));
        for (name, text, reason) in [
            ("rbd_cache", "yes", "Expected option value to be integer, got 'yes'"),
            ("rbd_default_order", "xx", "strict_si_cast: unit prefix not recognized"),
            ("rbd_cache_size", "3Q", "strict_iecstrtoll: unit prefix not recognized"),
            ("rbd_cache_size", "", "strict_iecstrtoll: value not specified"),
            ("rbd_qos_bps_limit", "K", "Expected option value to be integer, got ''"),
            ("rbd_journal_commit_age", "q", "strict_strtod: expected double, got: 'q'"),
            ("rbd_default_features", "foo", ""),
            ("rbd_discard_granularity_bytes", "1", "Value '1' is below minimum 4096"),
            ("rbd_discard_granularity_bytes", "5000", "value must be a power of two"),
            ("rbd_mirror_perf_stats_prio", "12", "Value '12' exceeds maximum 11"),
        ] {
            assert_eq!(read(name, text), parsing(reason), "{name} {text}");
        }
        assert_eq!(read("debug_rbd", "1"), Err("not rbd option: debug_rbd".to_owned()));
        assert_eq!(read("rbd_x", "1"), Err("invalid config key: rbd_x".to_owned()));
    }
}
