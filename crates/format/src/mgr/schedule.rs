//! When something is to be done: the values of `rbd_mirror_snapshot_schedule` and
//! `rbd_trash_purge_schedule`.

use serde::{Deserialize, Serialize};

use super::json;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// All times of one level: a pool, a namespace, or an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule {
    pub items: Vec<ScheduleItem>,
}

/// Every so often, counted from a time of day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleItem {
    /// A number and `d`, `h` or `m`.
    pub interval: String,
    /// As `00:00:00`, perhaps with an offset from UTC; none: midnight.
    pub start_time: Option<String>,
}

impl Schedule {
    /// Where the schedule of a pool, namespace or image is kept.
    pub fn key(pool_id: i64, namespace: Option<&str>, image_id: Option<&str>) -> String {
        match (namespace, image_id) {
            (None, None) => pool_id.to_string(),
            (namespace, None) => format!("{pool_id}/{}", namespace.unwrap_or_default()),
            (namespace, Some(id)) => format!("{pool_id}/{}/{id}", namespace.unwrap_or_default()),
        }
    }
}

impl Encode for Schedule {
    fn encode(&self, out: &mut Encoder) {
        out.raw(&json::indented(self));
    }
}

impl Decode for Schedule {
    const RECORD: &'static str = "schedule";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        json::read(input)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(items: Vec<(String, Option<String>)>) {
            let items = items.into_iter();
            let items = items.map(|(interval, start_time)| ScheduleItem { interval, start_time });
            let schedule = Schedule { items: items.collect() };
            prop_assert_eq!(Schedule::from_bytes(&schedule.to_bytes()).unwrap(), schedule);
        }
    }

    #[test]
    fn keys_are_levels() {
        assert_eq!(Schedule::key(2, None, None), "2");
        assert_eq!(Schedule::key(2, Some("ns"), None), "2/ns");
        assert_eq!(Schedule::key(2, None, Some("10ab")), "2//10ab");
    }
}
