//! `utime_t`: a point in time or a duration.

use std::time::Duration;

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// Seconds and nanoseconds, since 1970 where it is a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utime {
    pub seconds: u32,
    pub nanoseconds: u32,
}

impl Utime {
    /// Whether it is the zero time, which means "never" or "not set".
    pub fn is_zero(self) -> bool {
        self == Utime::default()
    }

    /// The time since 1970, or the duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
            + Duration::from_nanos(u64::from(self.nanoseconds))
    }
}

impl Encode for Utime {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.seconds).put(&self.nanoseconds);
    }
}

impl Decode for Utime {
    const RECORD: &'static str = "utime";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Utime { seconds: u32::decode(input)?, nanoseconds: u32::decode(input)? })
    }
}
