//! docs/walkthrough.md, as it stands: its commands are run, its output is what must come.
//!
//! Ids are drawn at random. The page's are replaced by this run's in commands, and this run's by
//! the page's in output, also in hexadecimal; times are blanked out. Then both must be the same.
//! One id in sixteen is a digit shorter, and the records that hold it with it: such a run begins
//! anew, because bytes are compared. `MARCOT_RECORD_WALKTHROUGH=1` writes this run's output into
//! the page.

mod canonical;
mod ids;
mod page;
mod shell;

use std::path::PathBuf;

use canonical::canonical;
use ids::Ids;
use page::{Page, Step};
use shell::Shell;

/// With seven images, four runs in ten meet a short id.
const MOST_RUNS: usize = 25;

#[test]
fn the_page_shows_what_happens() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/walkthrough.md");
    let page = Page::parse(&std::fs::read_to_string(&path).expect("the page"));
    assert!(page.steps().count() > 40, "not the page that this test is about");
    let outcomes = (0..MOST_RUNS).find_map(|_| run(&page)).expect("a run with long ids");
    if std::env::var_os("MARCOT_RECORD_WALKTHROUGH").is_some() {
        std::fs::write(path, page.with(&outcomes)).expect("write the page");
        return;
    }
    let ids = Ids::in_order(outcomes.iter().flat_map(|outcome| &outcome.output));
    let of_page = page.ids();
    let mut differences = Vec::new();
    for (step, outcome) in page.steps().zip(&outcomes) {
        let want = canonical(&step.command, &step.output, &of_page, &of_page);
        let got = canonical(&step.command, &outcome.output, &ids, &of_page);
        if want != got {
            let (want, got) = (want.join("\n"), got.join("\n"));
            differences.push(format!("$ {}\nwant:\n{want}\ngot:\n{got}", step.command));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// Every step with this run's ids and output; none when an id is shorter than the page's.
fn run(page: &Page) -> Option<Vec<Step>> {
    let of_page = page.ids();
    let (mut shell, mut done) = (Shell::new(), Vec::<Step>::new());
    for step in page.steps() {
        let known = Ids::in_order(done.iter().flat_map(|step| &step.output));
        if !known.as_long_as(&of_page) {
            return None;
        }
        let command = of_page.replaced_by(&known, &step.command);
        let output = shell.run(&command);
        done.push(Step { command, output });
    }
    Some(done)
}
