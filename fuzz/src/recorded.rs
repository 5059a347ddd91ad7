//! What a real cluster stored and answered, as inputs to begin with.

use std::path::Path;

/// Bytes of a call.
pub(crate) struct CallBytes {
    pub(crate) class: String,
    pub(crate) method: String,
    /// 0 arguments, 1 result.
    pub(crate) part: u8,
    pub(crate) bytes: Vec<u8>,
}

/// Records with the names of their types.
pub(crate) fn records() -> Vec<(String, Vec<u8>)> {
    let lines = lines("format").into_iter().filter(|line| !line.starts_with(['$', '!']));
    let parts = lines.filter_map(|line| {
        let (name, hex) = line.split_once(' ')?;
        Some((name.to_owned(), unhex(hex)))
    });
    parts.collect()
}

/// Arguments and results of calls.
pub(crate) fn calls() -> Vec<CallBytes> {
    let mut found: Vec<CallBytes> = Vec::new();
    for line in lines("classes") {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["call", _, class, method, arguments] => found.push(CallBytes {
                class: class.to_owned(),
                method: method.to_owned(),
                part: 0,
                bytes: unhex(arguments),
            }),
            ["ok", answer] => {
                let call = found.last().expect("a call before");
                let (class, method) = (call.class.clone(), call.method.clone());
                found.push(CallBytes { class, method, part: 1, bytes: unhex(answer) });
            }
            _ => {}
        }
    }
    found
}

fn lines(krate: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(krate);
    let files = folder.join("recorded").read_dir().expect("recordings");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("a file").path()));
    texts
        .flat_map(|text| text.expect("text").lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).filter(|_| text != "-");
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).expect("hex"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}
