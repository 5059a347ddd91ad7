//! Every moment of a run.

use super::cut::PowerCut;
use super::{Campaign, POOL, Rig};
use crate::model::{Action, Model, perform};
use crate::{Random, Subject};
use marcot_store::ClusterChange;

/// What a campaign has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub images: usize,
    /// Runs that went on from an image.
    pub second_runs: usize,
    /// Calls of the disk that were made to fail.
    pub strikes: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.images += other.images;
        self.second_runs += other.second_runs;
        self.strikes += other.strikes;
    }
}

/// A run, action by action.
pub(super) struct History {
    /// The model before the first action, and after each.
    pub(super) states: Vec<Model>,
    /// The disk's moments before and after each action.
    spans: Vec<(usize, usize)>,
    /// How many actions were durable once so many were acknowledged.
    durable: Vec<usize>,
    /// After a failed sync the medium lacks what only the page cache still shows.
    pub(super) sync_failed: bool,
}

impl History {
    pub(super) fn new(start: Model) -> History {
        History { states: vec![start], spans: Vec::new(), durable: vec![0], sync_failed: false }
    }

    pub(super) fn model(&self) -> &Model {
        self.states.last().expect("there is a first state")
    }

    pub(super) fn push(&mut self, action: &Action, span: (usize, usize), state: Model) {
        self.states.push(state);
        self.spans.push(span);
        let durable = match action.is_durable() {
            true => self.spans.len(),
            false => self.durable.last().copied().unwrap_or(0),
        };
        self.durable.push(durable);
    }

    /// The first and the last state that a store may show after `cut`.
    fn allowed(&self, cut: &PowerCut) -> (usize, usize) {
        let acknowledged = self.spans.iter().take_while(|(_, end)| *end <= cut.moment).count();
        // The last one begun, not the first that was not: one that failed may have begun long ago.
        let begun = self.spans.iter().rposition(|(begin, _)| *begin < cut.moment);
        let begun = begun.map_or(0, |last| last + 1);
        let last = begun.max(acknowledged);
        match cut.is_of_process() && !self.sync_failed {
            true => (acknowledged, last),
            false => (self.durable[acknowledged], last),
        }
    }

    /// The same for the death of the process at the end.
    pub(super) fn allowed_at_the_end(&self) -> (usize, usize) {
        let acknowledged = self.spans.iter().filter(|(_, end)| *end < usize::MAX).count();
        (acknowledged, self.spans.len())
    }

    /// A last action that failed: its effect may be there, or not.
    pub(super) fn push_uncertain(&mut self, begin: usize, state: Model) {
        self.states.push(state);
        self.spans.push((begin, usize::MAX));
        self.durable.push(self.durable.last().copied().unwrap_or(0));
    }
}

impl Campaign {
    /// Runs `actions` on a new store and cuts power at every moment. The error tells what broke
    /// and how to get there again.
    pub fn explore<R: Rig>(&self, rig: &R, actions: &[Action]) -> Result<Tally, String> {
        let disk = rig.blank();
        prepare(rig, &disk)?;
        let mut tally = Tally::default();
        let outcome = self.run(rig, &disk, Model::default(), actions, &mut tally, 0);
        outcome.map_err(|error| format!("{error}\nactions: {actions:#?}\n{self:?}"))?;
        Ok(tally)
    }

    /// Cuts power at every moment of a store's creation.
    pub fn explore_birth<R: Rig>(&self, rig: &R) -> Result<Tally, String> {
        let disk = rig.blank();
        prepare(rig, &disk)?;
        let mut tally = Tally::default();
        let mut random = Random::new(self.seed);
        for moment in 0..=rig.moments(&disk) {
            let unsynced = rig.unsynced(&disk, moment);
            for cut in PowerCut::at(moment, unsynced, self.images, &mut random) {
                tally.images += 1;
                let image = rig.after(&disk, &cut);
                let opened = rig.open(&image).and_then(|store| {
                    let pools = pollster::block_on(store.list_pools());
                    pools.map_err(|error| error.to_string())
                });
                let pools = opened.map_err(|error| format!("{error}\nafter {cut:?} at birth"))?;
                let durable = moment == rig.moments(&disk);
                if durable && !pools.iter().any(|pool| pool.name == "crash") {
                    return Err(format!("after {cut:?} the flushed pool is gone"));
                }
                rig.check(&image).map_err(|error| format!("{error}\nafter {cut:?} at birth"))?;
            }
        }
        Ok(tally)
    }

    fn run<R: Rig>(
        &self,
        rig: &R,
        disk: &R::Disk,
        start: Model,
        actions: &[Action],
        tally: &mut Tally,
        depth: usize,
    ) -> Result<(), String> {
        let first = rig.moments(disk);
        let subject = Subject::attach(rig.open(disk)?, POOL);
        let mut history = History::new(start);
        for action in actions {
            let begin = rig.moments(disk);
            let outcome = perform(&subject, action, history.model());
            let mut state = history.model().clone();
            let expected = state.apply(action, outcome.ok().flatten());
            if outcome.map(|_| ()) != expected {
                return Err(format!("{action:?} yielded {outcome:?}, the model says {expected:?}"));
            }
            history.push(action, (begin, rig.moments(disk)), state);
        }
        let moments = first..=rig.moments(disk);
        let step = (moments.clone().count() / self.moments.max(1)).max(1);
        let mut random = Random::new(self.seed ^ actions.len() as u64);
        for moment in moments.step_by(step) {
            let unsynced = rig.unsynced(disk, moment);
            for cut in PowerCut::at(moment, unsynced, self.images, &mut random) {
                tally.images += 1;
                self.reopen(rig, disk, &cut, &history, tally, depth)
                    .map_err(|error| format!("{error}\nafter {cut:?} of {unsynced} un-synced"))?;
            }
        }
        Ok(())
    }

    pub(super) fn reopen<R: Rig>(
        &self,
        rig: &R,
        disk: &R::Disk,
        cut: &PowerCut,
        history: &History,
        tally: &mut Tally,
        depth: usize,
    ) -> Result<(), String> {
        let range = history.allowed(cut);
        let image = rig.after(disk, cut);
        let matching = {
            let subject = Subject::attach(rig.open(&image)?, POOL);
            matching(history, range, &subject)?
        };
        rig.check(&image).map_err(|error| format!("the check finds: {error}"))?;
        let goes_on = self.second_crash_every > 0
            && depth == 0
            && tally.images.is_multiple_of(self.second_crash_every);
        if let ([only], true) = (&matching[..], goes_on) {
            tally.second_runs += 1;
            let actions = Action::afterwards();
            let again = rig.after(disk, cut);
            let state = history.states[*only].clone();
            self.run(rig, &again, state, &actions, tally, depth + 1)
                .map_err(|error| format!("{error}\nin the run after the first crash"))?;
        }
        Ok(())
    }
}

/// Which of the states in `range` the store shows; an error when none.
pub(super) fn matching(
    history: &History,
    range: (usize, usize),
    subject: &Subject,
) -> Result<Vec<usize>, String> {
    let snaps = |model: &Model| model.snaps.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    let mut shown: Option<Model> = None;
    let mut matching = Vec::new();
    for (number, state) in history.states.iter().enumerate().take(range.1 + 1).skip(range.0) {
        let found = match shown.take().filter(|shown| snaps(shown) == snaps(state)) {
            Some(found) => found,
            None => state.observe(subject).map_err(|error| format!("a read fails: {error}"))?,
        };
        let found = Model { seq: state.seq, ..found.without_tails() };
        if found == state.clone().without_tails() {
            matching.push(number);
        }
        shown = Some(found);
    }
    if matching.is_empty() {
        let last = &history.states[range.1];
        let shown = shown.map(|shown| shown.summary());
        let (from, to) = range;
        return Err(format!(
            "the store shows none of the states {from} to {to}, but {shown:#?}; \
             state {from}: {:#?}, state {to}: {:#?}",
            history.states[from].summary(),
            last.summary()
        ));
    }
    Ok(matching)
}

/// Makes the pool, durably.
pub(super) fn prepare<R: Rig>(rig: &R, disk: &R::Disk) -> Result<(), String> {
    let store = rig.open(disk)?;
    let name = "crash".to_owned();
    let made = pollster::block_on(store.administer(ClusterChange::CreatePool { name }));
    made.map_err(|error| error.to_string())?;
    pollster::block_on(store.flush()).map_err(|error| error.to_string())
}
