//! The words of the command line as steps.

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Help,
    Version,
    ListTypes,
    Type(String),
    Import(String),
    /// How many leading bytes to leave out.
    Skip(usize),
    StrayOkay,
    Decode,
    Encode,
    Export(String),
    Hexdump,
    DumpJson,
}

pub(super) const HELP: &str = "\
usage: ceph-dencoder [commands ...]

  version             Show the version
  list_types          List the types of records
  type <name>         Choose the type of record
  import <file>       Read a file that holds a record's bytes
  skip <number>       Leave out that many bytes at the front
  stray_okay          Leave bytes behind the record alone
  decode              Make a record of the bytes
  dump_json           Show the record as JSON
  encode              Make bytes of the record, of the newest version
  hexdump             Show the bytes
  export <file>       Write the bytes to a file
";

/// All steps, or why there is no sense in the words.
pub(super) fn read(words: &[String]) -> Result<Vec<Step>, String> {
    if words.is_empty() {
        return Ok(vec![Step::Help]);
    }
    let mut words = words.iter();
    let mut steps = Vec::new();
    while let Some(word) = words.next() {
        let mut operand = |what: &str| words.next().ok_or_else(|| format!("expecting {what}"));
        steps.push(match word.as_str() {
            "-h" | "--help" | "help" => Step::Help,
            "version" | "-v" | "--version" => Step::Version,
            "list_types" => Step::ListTypes,
            "type" => Step::Type(operand("type")?.clone()),
            "import" => Step::Import(operand("filename")?.clone()),
            "skip" => {
                let count = operand("byte count")?;
                let read = count.parse().map_err(|_| format!("'{count}' is no byte count"));
                Step::Skip(read?)
            }
            "stray_okay" => Step::StrayOkay,
            "decode" => Step::Decode,
            "encode" => Step::Encode,
            "export" => Step::Export(operand("filename")?.clone()),
            "hexdump" => Step::Hexdump,
            "dump_json" => Step::DumpJson,
            other => return Err(format!("unknown command '{other}'; see 'ceph-dencoder --help'")),
        });
        if matches!(steps.last(), Some(Step::Help | Step::Version | Step::ListTypes)) {
            break;
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(line: &str) -> Result<Vec<Step>, String> {
        read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_become_steps_in_their_order() {
        let expected = vec![
            Step::Type("cls_rbd_parent".to_owned()),
            Step::Import("type".to_owned()),
            Step::Skip(2),
            Step::Decode,
            Step::DumpJson,
        ];
        let line = "type cls_rbd_parent import type skip 2 decode dump_json";
        assert_eq!(steps(line).unwrap(), expected);
        assert_eq!(steps("list_types nonsense").unwrap(), [Step::ListTypes]);
        let line = "stray_okay encode hexdump export new";
        let expected =
            [Step::StrayOkay, Step::Encode, Step::Hexdump, Step::Export("new".to_owned())];
        assert_eq!(steps(line).unwrap(), expected);
        assert_eq!(steps("").unwrap(), [Step::Help]);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(steps("type").unwrap_err(), "expecting type");
        assert_eq!(steps("import").unwrap_err(), "expecting filename");
        assert_eq!(steps("export").unwrap_err(), "expecting filename");
        assert_eq!(steps("skip -1").unwrap_err(), "'-1' is no byte count");
        assert!(steps("decod").unwrap_err().starts_with("unknown command 'decod'"));
    }
}
