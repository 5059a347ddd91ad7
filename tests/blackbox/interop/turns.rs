//! One row: all lines of the table on images of one feature set, the sides taking turns.

use std::collections::BTreeMap;
use std::path::Path;

use marcot_format::features::Features;
use marcot_store::Errno;
use serde::Deserialize;
use serde_json::{Value, json};

use super::contents::Contents;
use super::looks::Look;
use super::party::{Commands, Party};
use super::shapes;
use super::steps::{DESPITE_JOURNALS, Outcome, STEPS, Step};
use super::table::{Changes, DataPool, Effect, FeatureSet};
use crate::differential::{Answer, Judge, Operation, Ours};

/// Where the sides meet.
pub(super) struct Turns<'a> {
    set: &'a FeatureSet,
    first: Party,
    commands: Commands,
    judge: Judge,
    ours: Ours,
    contents: Contents,
    /// Image → id, for what is in the trash.
    ids: BTreeMap<String, String>,
    /// `pool` or `pool/namespace`.
    place: String,
    /// The same in the judge's words.
    spelled: String,
    data_pool: String,
}

/// What librbd read, and what it knows about images.
#[derive(Deserialize)]
struct Seen {
    sums: BTreeMap<String, u32>,
    shapes: BTreeMap<String, Value>,
}

impl<'a> Turns<'a> {
    /// With pools of its own.
    pub(super) fn new(conf: &Path, set: &'a FeatureSet, first: Party) -> Turns<'a> {
        let name = format!("interop_{}_{first}", set.name.replace(' ', "_"));
        let names = [('a', name.clone()), ('b', format!("{name}_data"))];
        let judge = Judge::start(conf, &names);
        let ours = Ours::on_cluster(conf, judge.pools());
        let (place, spelled) = match set.namespace {
            Some(namespace) => (format!("{name}/{namespace}"), format!("a/{namespace}/")),
            None => (name.clone(), "a/".to_owned()),
        };
        let data_pool = names[1].1.clone();
        Turns {
            set,
            first,
            commands: Commands::loaded(conf),
            judge,
            ours,
            contents: Contents::default(),
            ids: BTreeMap::new(),
            place,
            spelled,
            data_pool,
        }
    }

    pub(super) fn take_all(mut self) -> Result<(), String> {
        self.take_turns()?;
        for pool in ["a", "b"] {
            self.administer(&json!({"op": "pool_remove", "pool": pool}))?;
        }
        Ok(())
    }

    fn take_turns(&mut self) -> Result<(), String> {
        self.prepare()?;
        let mut actor = self.first;
        let steps: Vec<&Step> = STEPS.iter().filter(|step| self.fits(step)).collect();
        for (number, step) in steps.into_iter().enumerate() {
            let line = self.filled(step.line);
            let told = |who, problem| format!("line {number}, by {who}: {line}\n{problem}");
            if self.set.changes == Changes::ByCeph {
                let may = self.who_may(step, &line);
                actor = may.map_err(|problem| told(Party::Marcot, problem))?;
            }
            self.take(actor, step, &line, number).map_err(|problem| told(actor, problem))?;
            actor = actor.other();
        }
        Ok(())
    }

    fn fits(&self, step: &Step) -> bool {
        // Of images with journals we refuse more than Ceph does.
        let refused = step.outcome == Outcome::Refused && self.set.changes == Changes::ByCeph;
        self.set.lines.contains(&step.needs) && !refused
    }

    fn prepare(&mut self) -> Result<(), String> {
        for pool in [self.place.split('/').next().unwrap_or_default(), &self.data_pool] {
            self.commands.must(self.first, &format!("pool init {pool}"))?;
        }
        if self.set.data_pool == DataPool::ErasureCoded {
            self.make_erasure_coded()?;
        }
        if self.set.namespace.is_some() {
            self.commands.must(self.first, &format!("namespace create {}", self.place))?;
        }
        Ok(())
    }

    /// The data pool anew: two data chunks and a coding one, which two OSDs and more can hold.
    fn make_erasure_coded(&mut self) -> Result<(), String> {
        let pool = self.data_pool.clone();
        self.administer(&json!({"op": "pool_remove", "pool": "b"}))?;
        for command in [
            json!({"prefix": "osd erasure-code-profile set", "name": "interop", "force": true,
                   "profile": ["k=2", "m=1", "crush-failure-domain=osd"]}),
            json!({"prefix": "osd pool create", "pool": pool, "pg_num": 4,
                   "pool_type": "erasure", "erasure_code_profile": "interop"}),
            json!({"prefix": "osd pool set", "pool": pool, "var": "min_size", "val": "2"}),
            json!({"prefix": "osd pool set", "pool": pool, "var": "allow_ec_overwrites",
                   "val": "true"}),
            json!({"prefix": "osd pool application enable", "pool": pool, "app": "rbd"}),
        ] {
            self.administer(&json!({"op": "monitor", "command": command}))?;
        }
        Ok(())
    }

    /// Has the judge do something that is no operation on an image.
    fn administer(&mut self, wish: &Value) -> Result<(), String> {
        self.judge.ask(wish);
        match self.judge.hear(&wish.to_string())? {
            Answer { errno: 0, .. } => Ok(()),
            refused => Err(format!("{wish}: {refused:?}")),
        }
    }

    /// A line with this row's names in it.
    fn filled(&self, line: &str) -> String {
        let layout = self.set.layout.replace("{data}", &self.data_pool);
        let layout = if layout.is_empty() { String::new() } else { format!(" {layout}") };
        let mut line = line.replace("{p}", &self.place).replace(" {layout}", &layout);
        for (image, id) in &self.ids {
            line = line.replace(&format!("{{id:{image}}}"), id);
        }
        line
    }

    fn take(&mut self, actor: Party, step: &Step, line: &str, number: usize) -> Result<(), String> {
        match step.line.split_once(' ') {
            Some(("rbd", _)) if step.outcome == Outcome::Refused => {
                self.both_refuse(actor, line)?;
            }
            Some(("rbd", _)) => drop(self.commands.must(actor, &line[4..])?),
            _ => self.change_bytes(actor, step)?,
        }
        for effect in step.effects {
            self.contents.apply(effect);
        }
        let images = self.images_in(step);
        // Those that the line is about, and now and then all: others should not have changed.
        let mut seen = self.contents.images();
        if !number.is_multiple_of(8) {
            seen.retain(|image| images.contains(image));
        }
        let seen: Vec<String> =
            seen.into_iter().map(|image| format!("{}{image}", self.spelled)).collect();
        let shapes = self.compare(&seen)?;
        let look = Look {
            commands: &self.commands,
            contents: &self.contents,
            place: &self.place,
            actor,
            texts: self.set.texts,
            turn: number,
        };
        look.compare(&images)?;
        let mut checked = Vec::new();
        for image in images {
            let spec = format!("{}{image}", self.spelled);
            let Some(shape) = shapes.get(&spec) else { continue };
            let features = Features::from_bits(shape["features"].as_u64().unwrap_or(0));
            if features.contains(Features::OBJECT_MAP) {
                look.check_object_maps(&image)?;
                checked.push(spec);
            }
            self.ids.insert(image, shape["id"].as_str().unwrap_or_default().to_owned());
        }
        // What is flagged now and was not before the checks, a check found wrong: in the header, so
        // that one side has to look.
        let after = shapes::of(&self.ours, checked.iter())?;
        match checked.iter().find(|spec| after[*spec] != shapes[*spec]) {
            None => Ok(()),
            Some(spec) => {
                Err(format!("{} finds a wrong object map: {}", actor.other(), after[spec]))
            }
        }
    }

    /// A line that nobody does, whoever comes first.
    fn both_refuse(&self, first: Party, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line[4..].split(' ').collect();
        let [one, other] = [first, first.other()].map(|party| self.commands.run(party, &words));
        match one == other && one.code != 0 {
            true => Ok(()),
            false => Err(format!("{first}:\n{one}{}:\n{other}", first.other())),
        }
    }

    /// Who does a line to images that only Ceph changes: we where no journal minds, else Ceph, after
    /// we refused it.
    fn who_may(&mut self, step: &Step, line: &str) -> Result<Party, String> {
        if DESPITE_JOURNALS.iter().any(|verb| line.starts_with(verb)) {
            return Ok(Party::Marcot);
        }
        // A copy of ours has no journal, and what follows is about one that has.
        if line.starts_with("rbd cp") {
            return Ok(Party::Ceph);
        }
        let errno = match line.split_once(' ') {
            Some(("rbd", words)) => {
                let said = self.commands.run(Party::Marcot, &words.split(' ').collect::<Vec<_>>());
                said.code
            }
            _ => self.ours.run(&bytes_of(step, &self.spelled)).errno,
        };
        match Errno::from_raw(errno) {
            Errno::ROFS | Errno::OPNOTSUPP => Ok(Party::Ceph),
            other => Err(format!("we do not refuse it as we should: {other}")),
        }
    }

    /// Writes and discards through the libraries: `rbd` has no word for it.
    fn change_bytes(&mut self, actor: Party, step: &Step) -> Result<(), String> {
        let operation = bytes_of(step, &self.spelled);
        let answer = match actor {
            Party::Marcot => self.ours.run(&operation),
            Party::Ceph => {
                self.judge.ask(&operation);
                self.judge.hear(step.line)?
            }
        };
        match answer {
            Answer { errno: 0, .. } => Ok(()),
            refused => Err(format!("{operation:?}: {refused:?}")),
        }
    }

    /// Both read these images and their snapshots, and describe them alike; how.
    fn compare(&mut self, images: &[String]) -> Result<BTreeMap<String, Value>, String> {
        self.judge.ask(&json!({"op": "all", "only": images}));
        let want = self.contents.sums(&self.spelled, images);
        let ours = self.ours.contents_of(images);
        let Seen { sums, shapes } = self.judge.hear("images")?;
        for (who, got) in [(Party::Ceph, sums), (Party::Marcot, ours)] {
            if got != want {
                return Err(format!("{who} reads {got:?}\nit should be {want:?}"));
            }
        }
        self.same_shapes(shapes)
    }

    /// Both describe these images alike.
    fn same_shapes(
        &self,
        theirs: BTreeMap<String, Value>,
    ) -> Result<BTreeMap<String, Value>, String> {
        let ours = shapes::of(&self.ours, theirs.keys())?;
        match ours.iter().find(|(image, shape)| theirs.get(*image) != Some(*shape)) {
            None => Ok(theirs),
            Some((image, ours)) => {
                Err(format!("{image}\nceph:   {:?}\nmarcot: {ours}", theirs.get(image)))
            }
        }
    }

    /// The images that a line is about.
    fn images_in(&self, step: &Step) -> Vec<String> {
        let in_line = step.line.split("{p}/").skip(1).map(|rest| {
            let end = rest.find([' ', '@']).unwrap_or(rest.len());
            &rest[..end]
        });
        let changed = step.effects.iter().map(Effect::image);
        let mut images: Vec<String> = in_line.chain(changed).map(str::to_owned).collect();
        images.sort();
        images.dedup();
        images
    }
}

/// The change of bytes that a step is, to an image at `place`.
fn bytes_of(step: &Step, place: &str) -> Operation {
    let [Effect::Bytes { image, offset, length, fill }] = *step.effects else {
        panic!("{}: not a change of bytes", step.line);
    };
    let (image, offset, length) = (format!("{place}{image}"), offset as u64, length as u64);
    match step.line {
        "discard" => Operation::Discard { image, offset, length },
        _ => Operation::Write { image, offset, length, fill },
    }
}
