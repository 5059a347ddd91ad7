//! The file format of a transcript.
//!
//! `$` begins a command for `sh`; the lines below it say what Ceph did: `>` standard output, `!`
//! standard error, `?` the exit code when it is not 0. `%` says why ours differs here, and `%>`,
//! `%!`, `%?` what ours does instead. `+` lines must appear in ours besides: what Ceph says only in
//! its log. `#` is a remark.

use std::fmt::Write as _;

/// What one command did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
    pub(crate) exit: i32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    /// Remarks and empty lines above the command.
    pub(crate) remarks: Vec<String>,
    pub(crate) command: String,
    pub(crate) ceph: Outcome,
    /// Why ours differs, and what it does.
    pub(crate) deviation: Option<(String, Outcome)>,
    /// Lines that ours prints besides.
    pub(crate) more: Vec<String>,
}

pub(crate) fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut remarks = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let remarks = std::mem::take(&mut remarks);
            steps.push(Step { remarks, command: command.to_owned(), ..Step::default() });
        } else if line.is_empty() || line.starts_with('#') {
            remarks.push(line.to_owned());
        } else {
            add_line(steps.last_mut().expect("a transcript begins with a command"), line);
        }
    }
    steps
}

fn add_line(step: &mut Step, line: &str) {
    if let Some(rest) = line.strip_prefix("%") {
        if let Some(reason) = rest.strip_prefix(' ') {
            step.deviation = Some((reason.to_owned(), Outcome::default()));
        } else {
            let (_, outcome) = step.deviation.as_mut().expect("`%` with a reason comes first");
            add_outcome(outcome, rest);
        }
    } else if let Some(more) = line.strip_prefix("+ ") {
        step.more.push(more.to_owned());
    } else {
        add_outcome(&mut step.ceph, line);
    }
}

fn add_outcome(outcome: &mut Outcome, line: &str) {
    let (mark, rest) = line.split_at(1);
    let rest = rest.strip_prefix(' ').unwrap_or(rest).to_owned();
    match mark {
        ">" => outcome.stdout.push(rest),
        "!" => outcome.stderr.push(rest),
        "?" => outcome.exit = rest.parse().expect("an exit code"),
        _ => panic!("not a transcript line: {line}"),
    }
}

pub(crate) fn print(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        for remark in &step.remarks {
            let _ = writeln!(text, "{remark}");
        }
        let _ = writeln!(text, "$ {}", step.command);
        print_outcome(&mut text, "", &step.ceph);
        for more in &step.more {
            let _ = writeln!(text, "+ {more}");
        }
        if let Some((reason, outcome)) = &step.deviation {
            let _ = writeln!(text, "% {reason}");
            print_outcome(&mut text, "%", outcome);
        }
    }
    text
}

pub(crate) fn print_outcome(text: &mut String, prefix: &str, outcome: &Outcome) {
    for line in &outcome.stdout {
        let _ = writeln!(text, "{prefix}> {line}");
    }
    for line in &outcome.stderr {
        let _ = writeln!(text, "{prefix}! {line}");
    }
    if outcome.exit != 0 {
        let _ = writeln!(text, "{prefix}? {}", outcome.exit);
    }
}
