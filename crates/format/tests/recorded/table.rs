//! The table of records holds what is there, and the pages name it.

use std::path::Path;

use marcot_format::record;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats");

#[test]
fn every_file_and_page_is_there() {
    let index = std::fs::read_to_string(Path::new(PAGES).join("README.md")).unwrap();
    for record in record::ALL {
        let source = std::fs::read_to_string(Path::new(SOURCES).join(record.file));
        assert!(source.is_ok(), "{}: no {}", record.name, record.file);
        assert!(Path::new(PAGES).join(record.page).is_file(), "no {}", record.page);
        assert!(index.contains(&format!("({})", record.page)), "{} is not indexed", record.page);
    }
}

/// Nothing outside of an object map consists of these.
const PARTS: [&str; 2] = ["object_map/layout.rs", "object_map/states.rs"];

/// Whoever adds a file with a decoder adds it to the table, or the fuzzer would never see it.
#[test]
fn every_decoder_is_in_the_table() {
    let mut missing = Vec::new();
    let mut folders = vec![Path::new(SOURCES).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(SOURCES).unwrap().to_string_lossy().into_owned();
            let code = std::fs::read_to_string(&path).unwrap();
            let decodes = code.contains("\nimpl Decode for ");
            let listed = record::ALL.iter().any(|record| record.file == name);
            // Calls have a table of their own, which the macro that defines them fills.
            if decodes && !listed && !name.starts_with("call/") && !PARTS.contains(&name.as_str()) {
                missing.push(name);
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
