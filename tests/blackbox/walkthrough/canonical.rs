//! Output without what is different each time.

use marcot_format::snapshot::Snapshot;
use marcot_format::wire::{Decode, Encode};
use marcot_format::{Utime, header};

use super::ids::Ids;
use crate::normalise;

/// `output` with `ids` as if they were `others`, times blanked out, and a dump as one line.
/// A listing is sorted, because ids are in it.
pub(super) fn canonical(command: &str, output: &[String], ids: &Ids, others: &Ids) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut dump: Vec<u8> = Vec::new();
    for line in output {
        if let Some(bytes) = dumped(line) {
            dump.extend(bytes);
            continue;
        }
        if !dump.is_empty() {
            // Above the dump stand the key and the length of its value.
            let key = lines.len().checked_sub(2).map_or("", |at| &*lines[at]).to_owned();
            let mut bytes = timeless(&key, std::mem::take(&mut dump));
            ids.replaced_in_bytes(others, &mut bytes);
            lines.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        let timed = line.trim_start().starts_with("\"timestamp\":");
        lines.push(if timed { "\"timestamp\"".to_owned() } else { ids.replaced_by(others, line) });
    }
    assert!(dump.is_empty(), "a dump ends with its length: {command}");
    if command.split(' ').any(|word| word == "ls") {
        lines.sort();
    }
    lines.iter().flat_map(|line| normalise::stdout(line).into_iter().next()).collect()
}

/// The bytes of a line of a dump.
fn dumped(line: &str) -> Option<Vec<u8>> {
    let (number, rest) = line.split_at_checked(8)?;
    let (cells, letters) = rest.split_once("  |")?;
    let is_number = number.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_number || !letters.ends_with('|') {
        return None;
    }
    cells.split_whitespace().map(|cell| u8::from_str_radix(cell, 16).ok()).collect()
}

/// The bytes of a header's value without times.
fn timeless(key: &str, mut bytes: Vec<u8>) -> Vec<u8> {
    if key.ends_with("_timestamp") {
        bytes.fill(0);
    }
    if key.starts_with(header::SNAPSHOT_PREFIX) {
        let mut snapshot = Snapshot::from_bytes(&bytes).expect("a snapshot's record");
        snapshot.timestamp = Utime::default();
        bytes = snapshot.to_bytes();
    }
    bytes
}
