//! The ids of images, by the order in which they were seen.

/// What an id stands behind, in names of objects.
const BEFORE: [&str; 3] = ["rbd_header.", "rbd_data.", "rbd_object_map."];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids(Vec<String>);

impl Ids {
    /// Every id in the lines, once.
    pub(super) fn in_order<'a>(lines: impl IntoIterator<Item = &'a String>) -> Ids {
        let mut ids = Vec::new();
        for line in lines {
            for before in BEFORE {
                for (at, _) in line.match_indices(before) {
                    let rest = &line[at + before.len()..];
                    let length = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
                    let id = rest[..length].to_owned();
                    // In a dump an id may end with the line.
                    if length > 9 && !line.ends_with('|') && !ids.contains(&id) {
                        ids.push(id);
                    }
                }
            }
        }
        Ids(ids)
    }

    /// Whether each id is as long as the one that it stands for.
    pub(super) fn as_long_as(&self, others: &Ids) -> bool {
        self.0.iter().zip(&others.0).all(|(one, other)| one.len() == other.len())
    }

    /// A text with these ids replaced by the others.
    pub(super) fn replaced_by(&self, others: &Ids, text: &str) -> String {
        let pairs = self.0.iter().zip(&others.0);
        pairs.fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to))
    }

    /// The same in bytes, where both are as long.
    pub(super) fn replaced_in_bytes(&self, others: &Ids, bytes: &mut [u8]) {
        for (from, to) in self.0.iter().zip(&others.0) {
            let (from, to) = (from.as_bytes(), to.as_bytes());
            for at in 0..(bytes.len() + 1).saturating_sub(from.len()) {
                if from == &bytes[at..at + from.len()] && from.len() == to.len() {
                    bytes[at..at + to.len()].copy_from_slice(to);
                }
            }
        }
    }
}
