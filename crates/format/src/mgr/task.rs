//! Long work that a manager does: the values of `rbd_task`.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub sequence: u64,
    /// A UUID.
    pub id: String,
    /// What is done, for people.
    pub message: String,
    pub refs: TaskRefs,
}

/// What is done, to what, by name: `action`, `pool_name` and the like, in the order in which they
/// stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskRefs(pub Vec<(String, String)>);

impl Task {
    /// Where the task is kept.
    pub fn key(sequence: u64) -> String {
        format!("{sequence:016X}")
    }
}

impl TaskRefs {
    /// The value that was given for `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name)?;
        Some(&found.1)
    }
}

impl Serialize for TaskRefs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for TaskRefs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = TaskRefs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TaskRefs, A::Error> {
                let mut refs = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    refs.push(entry);
                }
                Ok(TaskRefs(refs))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl Encode for Task {
    fn encode(&self, out: &mut Encoder) {
        out.raw(&json::line(self));
    }
}

impl Decode for Task {
    const RECORD: &'static str = "task";

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
        fn round_trip(sequence: u64, message: String, refs: Vec<(String, String)>) {
            let task = Task { sequence, id: "i".to_owned(), message, refs: TaskRefs(refs) };
            prop_assert_eq!(Task::from_bytes(&task.to_bytes()).unwrap(), task);
        }
    }

    #[test]
    fn bytes_are_those_of_python() {
        let refs = TaskRefs(vec![("image_name".to_owned(), "größe\u{1f4be}\u{7f}".to_owned())]);
        let task = Task { sequence: 1, id: "i".to_owned(), message: "a\"b".to_owned(), refs };
        let expected = r#"{"sequence": 1, "id": "i", "message": "a\"b", "refs": {"image_name": "gr\u00f6\u00dfe\ud83d\udcbe\u007f"}}"#;
        assert_eq!(String::from_utf8(task.to_bytes()).unwrap(), expected);
        assert_eq!(Task::from_bytes(expected.as_bytes()).unwrap(), task);
    }

    #[test]
    fn keys_are_hex_in_capitals() {
        assert_eq!(Task::key(0x1f), "000000000000001F");
    }
}
