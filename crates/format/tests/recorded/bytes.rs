//! Reading the recordings.

use std::path::PathBuf;

/// A record as Ceph stored it, with the name of its type.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// The file and line, for messages.
    pub(crate) place: String,
}

/// Arguments or an answer of a call.
pub(crate) struct RecordedCall {
    pub(crate) class: String,
    pub(crate) method: String,
    pub(crate) arguments: Vec<u8>,
    /// None for a refusal.
    pub(crate) answer: Option<Vec<u8>>,
}

/// All stored records.
pub(crate) fn records() -> Vec<Recorded> {
    let mut found = Vec::new();
    for (file, number, line) in lines("recorded") {
        if line.starts_with(['$', '!']) {
            continue;
        }
        let (name, hex) = line.split_once(' ').expect("a name and bytes");
        let place = format!("{file}:{number}");
        found.push(Recorded { name: name.to_owned(), bytes: unhex(hex), place });
    }
    assert!(found.len() > 150, "only {} records", found.len());
    found
}

/// All calls.
pub(crate) fn calls() -> Vec<RecordedCall> {
    let mut found: Vec<RecordedCall> = Vec::new();
    for (_, _, line) in lines("../classes/recorded") {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["call", _, class, method, arguments] => found.push(RecordedCall {
                class: class.to_owned(),
                method: method.to_owned(),
                arguments: unhex(arguments),
                answer: None,
            }),
            ["ok", answer] => {
                found.last_mut().expect("a call before").answer = Some(unhex(answer));
            }
            _ => {}
        }
    }
    assert!(found.len() > 500, "only {} calls", found.len());
    found
}

fn lines(folder: &str) -> Vec<(String, usize, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> =
        folder.read_dir().expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a recording");
        found.extend((1..).zip(text.lines()).map(|(n, line)| (name.clone(), n, line.to_owned())));
    }
    found
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    if text == "-" {
        return Vec::new();
    }
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
