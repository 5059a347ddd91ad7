//! Makes two runs comparable: image ids, snapshot ids, times and UUIDs get fixed names.

/// Words after which an id follows.
const BEFORE_ID: [&str; 17] = [
    "id: ",
    "rbd_data.",
    "rbd_data.ID.",
    "rb.0.",
    "rb.0.ID.",
    "rbd_header.",
    "rbd_object_map.",
    "\"id\":\"",
    "\"id\": \"",
    "\"image_id\":\"",
    "\"id\":",
    "\"id\": ",
    "<id>",
    "<image_id>",
    "client.",
    "(trash ",
    "\"trash\":\"",
];

/// Standard output of one command.
pub(crate) fn stdout(text: &str) -> Vec<String> {
    text.lines().map(line).collect()
}

/// Standard error of one command: log lines are dropped, and of progress only the last state stays.
pub(crate) fn stderr(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.rsplit('\r').next().unwrap_or(line))
        .filter(|line| !is_log_line(line) && !line.is_empty())
        .map(|text| failed_percent(&line(text)))
        .collect()
}

fn line(text: &str) -> String {
    snap_id_column(&uuids(&ids(&times(text))))
}

/// How far work had come when it failed depends on steps that are nobody's business.
fn failed_percent(text: &str) -> String {
    let cut = text
        .strip_suffix("% complete...failed.")
        .map(|before| before.trim_end_matches(|c: char| c.is_ascii_digit()));
    cut.map_or_else(|| text.to_owned(), |before| format!("{before}N% complete...failed."))
}

/// `2026-11-22T09:36:32.258+0000 7f6ff61ba380 -1 librbd: …`
fn is_log_line(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.len() > 19 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T'
}

fn shape(text: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        b'0'..=b'9' => '9',
        b'A'..=b'Z' => 'A',
        b'a'..=b'z' => 'a',
        other => char::from(*other),
    };
    text.iter().map(letter).collect()
}

/// `Wed Aug 28 17:27:10 2019`
fn times(text: &str) -> String {
    const LENGTH: usize = 24;
    let mut out = text.to_owned();
    let mut at = 0;
    while out.is_char_boundary(at) && at + LENGTH <= out.len() {
        let form = shape(&out.as_bytes()[at..at + LENGTH]);
        if form == "Aaa Aaa 99 99:99:99 9999" || form == "Aaa Aaa  9 99:99:99 9999" {
            out.replace_range(at..at + LENGTH, "Day Mon DD HH:MM:SS YEAR");
        }
        at += 1;
    }
    out
}

fn uuids(text: &str) -> String {
    let is_uuid = |word: &str| {
        let parts: Vec<&str> = word.split('-').collect();
        parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
            && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let edge = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    let mut out = String::new();
    for piece in text.split_inclusive(edge) {
        let word = piece.trim_end_matches(edge);
        if is_uuid(word) {
            out.push_str("UUID");
            out.push_str(&piece[word.len()..]);
        } else {
            out.push_str(piece);
        }
    }
    out
}

fn ids(text: &str) -> String {
    let mut out = text.to_owned();
    for before in BEFORE_ID {
        let mut from = 0;
        while let Some(found) = out[from..].find(before) {
            let start = from + found + before.len();
            let length = out[start..]
                .bytes()
                .take_while(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
                .count();
            let ends =
                out.as_bytes().get(start + length).is_none_or(|b| !b.is_ascii_alphanumeric());
            // Sixteen digits are an object's number.
            if length > 0 && length < 16 && ends {
                out.replace_range(start..start + length, "ID");
            }
            from = start;
        }
    }
    out
}

/// The first column of `snap ls`, six wide.
fn snap_id_column(text: &str) -> String {
    let digits = text.trim_start().bytes().take_while(u8::is_ascii_digit).count();
    let blanks = text.len() - text.trim_start().len();
    let is_column = digits > 0 && blanks > 0 && blanks + digits == 6;
    if is_column && text[6..].starts_with(' ') {
        format!("    ID{}", &text[6..])
    } else {
        text.to_owned()
    }
}

#[test]
fn ids_times_and_logs_are_made_equal() {
    let table = "     8 snap   10 GiB  yes  Wed Aug 28 17:27:10 2019 \n";
    assert_eq!(stdout(table), ["    ID snap   10 GiB  yes  Day Mon DD HH:MM:SS YEAR "]);
    assert_eq!(stdout("\tid: 1735e1f84c868"), ["\tid: ID"]);
    assert_eq!(stdout("\tparent: a/b@s (trash 16e727fcb7e2)"), ["\tparent: a/b@s (trash ID)"]);
    assert_eq!(stdout("rb.0.101d.6b8b4567.000000000001"), ["rb.0.ID.ID.000000000001"]);
    assert_eq!(stdout("{\"id\":8,\"size\":10737418240}"), ["{\"id\":ID,\"size\":10737418240}"]);
    assert_eq!(stdout("fsid 1fc53215-1b92-4d14-8558-b4b2ce8143ac."), ["fsid UUID."]);
    assert_eq!(stderr("\rA: 1%\rA: 100% complete...done.\n"), ["A: 100% complete...done."]);
    assert!(stderr("2026-11-22T09:36:32.258+0000 7f6ff61ba380 -1 librbd: x\n").is_empty());
}
