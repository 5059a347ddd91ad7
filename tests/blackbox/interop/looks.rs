//! The same question to both sides' commands, one after the other: the answers are the same text.

use super::contents::Contents;
use super::party::{Commands, Party};
use super::table::Texts;

/// What is asked about an image, one question at a time.
const QUESTIONS: [&str; 7] = [
    "info {i}",
    "snap ls --all {i}",
    "status {i}",
    "image-meta ls {i}",
    "children {s}",
    "info {s}",
    "export --no-progress {s} -",
];

/// What is asked after every line where all texts are compared.
const ALWAYS: [&str; 4] = ["info {i}", "snap ls {i}", "children {s}", "status {i}"];

/// What is asked about the place of the images.
const PLACES: [&str; 4] = ["ls -l {p}", "trash ls {p}", "ls {p}", "group ls {p}"];

/// What a look is about.
pub(super) struct Look<'a> {
    pub(super) commands: &'a Commands,
    pub(super) contents: &'a Contents,
    /// `pool` or `pool/namespace`.
    pub(super) place: &'a str,
    /// Who made the change.
    pub(super) actor: Party,
    pub(super) texts: Texts,
    /// Which questions it is the turn of.
    pub(super) turn: usize,
}

impl Look<'_> {
    /// Compares what both say about the place or an image, in text or json.
    pub(super) fn compare(&self, images: &[String]) -> Result<(), String> {
        let listed: Vec<&String> = images.iter().filter(|image| self.contents.has(image)).collect();
        let Some(image) = listed.get(self.turn % listed.len().max(1)) else {
            return self.same(&self.chosen(&PLACES).replace("{p}", self.place));
        };
        if self.turn.is_multiple_of(4) {
            self.same(&self.chosen(&PLACES).replace("{p}", self.place))?;
        }
        let snapshots = self.contents.user_snapshots(image);
        let snapshot = snapshots.last().unwrap_or(image);
        let always = if self.texts == Texts::All { &ALWAYS[..] } else { &[] };
        for question in always.iter().copied().chain([self.chosen(&QUESTIONS)]) {
            let question = question.replace("{i}", &format!("{}/{image}", self.place));
            self.same(&question.replace("{s}", &format!("{}/{snapshot}", self.place)))?;
        }
        Ok(())
    }

    fn chosen(&self, of: &[&'static str]) -> &'static str {
        of[self.turn % of.len()]
    }

    fn same(&self, line: &str) -> Result<(), String> {
        let mut words: Vec<&str> = line.split(' ').collect();
        if self.turn % 4 >= 2 && words[0] != "export" {
            words.extend(["--format", "json"]);
        }
        let ours = self.commands.run(Party::Marcot, &words);
        let theirs = self.commands.run(Party::Ceph, &words);
        if ours == theirs && ours.code == 0 {
            return Ok(());
        }
        Err(format!("rbd {}\nceph:\n{theirs}marcot:\n{ours}", words.join(" ")))
    }

    /// Has the other side than the one that made the change check the object maps of an image and,
    /// every second time, its snapshots: one that it finds wrong is flagged.
    pub(super) fn check_object_maps(&self, image: &str) -> Result<(), String> {
        let mut snapshots = self.contents.user_snapshots(image);
        snapshots.retain(|_| self.turn.is_multiple_of(2));
        for name in snapshots.iter().map(String::as_str).chain([image]) {
            let check = format!("--no-progress object-map check {}/{name}", self.place);
            self.commands.must(self.actor.other(), &check)?;
        }
        Ok(())
    }
}
