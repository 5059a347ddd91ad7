//! Bytes as `rados` shows them: sixteen a line, equal lines in a row as `*`.

use std::fmt::Write as _;

const WIDTH: usize = 16;

/// The lines, the last of which is the length.
pub(crate) fn hexdump(bytes: &[u8]) -> String {
    let mut text = String::new();
    if bytes.is_empty() {
        return text;
    }
    let (mut before, mut starred) = (None, false);
    for (number, line) in bytes.chunks(WIDTH).enumerate() {
        if before == Some(line) {
            if !starred {
                text.push_str("*\n");
            }
            starred = true;
            continue;
        }
        (before, starred) = (Some(line), false);
        row(&mut text, number * WIDTH, line);
    }
    let _ = writeln!(text, "{:08x}", bytes.len());
    text
}

fn row(text: &mut String, offset: usize, line: &[u8]) {
    let mut cells = String::new();
    for (at, byte) in line.iter().enumerate() {
        let gap = if at == WIDTH / 2 { "  " } else { " " };
        let _ = write!(cells, "{gap}{byte:02x}");
    }
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    let letters: String = line.iter().map(shown).collect();
    let _ = writeln!(text, "{offset:08x} {cells:<49}  |{letters}|");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_become_a_star() {
        let zeros = "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00";
        let long = [[0; 16], [0; 16], [0; 16]].concat();
        let expected = format!("00000000  {zeros}  |................|\n*\n00000030\n");
        assert_eq!(hexdump(&long), expected);
        let short = format!("00000000  {:<48}  |a .|\n00000003\n", "61 20 7f");
        assert_eq!(hexdump(b"a \x7f"), short);
        assert_eq!(hexdump(b""), "");
    }
}
