//! A page whose indented lines are a terminal: `$` and a command, below it what it printed.

use super::ids::Ids;

const INDENT: &str = "    ";
const PROMPT: &str = "    $ ";

/// A command and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) output: Vec<String>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Step(Step),
}

/// Text and steps in order.
#[derive(Debug)]
pub(super) struct Page(Vec<Piece>);

impl Page {
    pub(super) fn parse(text: &str) -> Page {
        let lines: Vec<&str> = text.lines().collect();
        let (mut pieces, mut at) = (Vec::new(), 0);
        while at < lines.len() {
            let Some(command) = lines[at].strip_prefix(PROMPT) else {
                pieces.push(Piece::Text(lines[at].to_owned()));
                at += 1;
                continue;
            };
            let length = output_length(&lines[at + 1..]);
            let output = lines[at + 1..=at + length].iter();
            let output = output.map(|line| line.strip_prefix(INDENT).unwrap_or(line).to_owned());
            let (command, output) = (command.to_owned(), output.collect());
            pieces.push(Piece::Step(Step { command, output }));
            at += 1 + length;
        }
        Page(pieces)
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Step(step) => Some(step),
            Piece::Text(_) => None,
        })
    }

    /// In the order in which they first stand on the page.
    pub(super) fn ids(&self) -> Ids {
        Ids::in_order(
            self.steps().flat_map(|step| step.output.iter().chain(std::iter::once(&step.command))),
        )
    }

    /// The page with other commands and output.
    pub(super) fn with(&self, steps: &[Step]) -> String {
        let mut steps = steps.iter();
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(line) => text.push_str(&format!("{line}\n")),
                Piece::Step(_) => {
                    let step = steps.next().expect("as many as the page has");
                    text.push_str(&format!("{PROMPT}{}\n", step.command));
                    for line in &step.output {
                        text.push_str(format!("{INDENT}{line}").trim_end());
                        text.push('\n');
                    }
                }
            }
        }
        text
    }
}

/// How many of the lines below a command are what it printed: an empty line is one of them only
/// when more output follows.
fn output_length(lines: &[&str]) -> usize {
    let mut length = 0;
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with(PROMPT) || !(line.is_empty() || line.starts_with(INDENT)) {
            break;
        }
        if !line.is_empty() {
            length = at + 1;
        }
    }
    length
}

#[test]
fn output_may_have_empty_lines() {
    let text = "Text\n\n    $ a\n    one\n\n    two\n\nText\n\n    $ b\n    $ c\n    three\n";
    let page = Page::parse(text);
    let steps: Vec<(&str, Vec<&str>)> = page
        .steps()
        .map(|step| (&*step.command, step.output.iter().map(|line| &**line).collect()))
        .collect();
    assert_eq!(steps, [("a", vec!["one", "", "two"]), ("b", vec![]), ("c", vec!["three"])]);
    let steps: Vec<Step> = page.steps().cloned().collect();
    assert_eq!(page.with(&steps), text);
}
