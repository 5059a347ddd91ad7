//! Calls of the disk that fail.

use super::cut::PowerCut;
use super::explore::{History, Tally, matching, prepare};
use super::{Call, Campaign, POOL, Rig, Strike};
use crate::model::{Action, Model, perform};
use crate::{Random, Subject};
use marcot_store::Errno;

impl Campaign {
    /// Runs `actions` again and again, each time letting another call of the disk fail, until none
    /// is left. An action may fail then, without effect or with its whole effect; whatever is
    /// acknowledged must hold as ever.
    pub fn strike<R: Rig>(&self, rig: &R, actions: &[Action]) -> Result<Tally, String> {
        let mut tally = Tally::default();
        let kinds: [fn(Call, u64) -> Strike; 2] = [Strike::Error, Strike::Full];
        for call in [Call::Write, Call::Sync, Call::SetLen, Call::Read] {
            for kind in kinds {
                for nth in 0.. {
                    let disk = rig.blank();
                    prepare(rig, &disk)?;
                    let strike = kind(call, rig.calls(&disk, call) + nth);
                    let outcome = self.run_struck(rig, &disk, actions, strike, &mut tally);
                    outcome.map_err(|error| {
                        format!("{error}\nwith {strike:?}\nactions: {actions:#?}")
                    })?;
                    let (Strike::Error(_, at) | Strike::Full(_, at)) = strike;
                    if rig.calls(&disk, call) <= at {
                        break;
                    }
                    tally.strikes += 1;
                }
            }
        }
        Ok(tally)
    }

    fn run_struck<R: Rig>(
        &self,
        rig: &R,
        disk: &R::Disk,
        actions: &[Action],
        strike: Strike,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let subject = Subject::attach(rig.open(disk)?, POOL);
        rig.inject(disk, strike);
        let mut history = History::new(Model::default());
        // What the first failed action since the last success would have made.
        let mut pending: Option<(usize, Model)> = None;
        for action in actions {
            let begin = rig.moments(disk);
            let outcome = perform(&subject, action, history.model());
            let span = (begin, rig.moments(disk));
            let mut state = history.model().clone();
            let expected = match (action, outcome) {
                (Action::CreateSnap, Err(_)) => Ok(()),
                _ => state.apply(action, outcome.ok().flatten()),
            };
            match outcome {
                Ok(_) | Err(Errno::NOENT) if outcome.map(|_| ()) != expected => {
                    return Err(format!("{action:?} yields {outcome:?}, not {expected:?}"));
                }
                Ok(_) | Err(Errno::NOENT) => {
                    // One that changes nothing touches no disk and tells nothing.
                    if state != *history.model() {
                        pending = None;
                    }
                    history.push(action, span, state);
                }
                Err(_) => {
                    pending = pending.or(Some((begin, state)));
                }
            }
        }
        rig.heal(disk);
        let (Strike::Error(call, at) | Strike::Full(call, at)) = strike;
        history.sync_failed = call == Call::Sync && rig.calls(disk, call) > at;
        if let Some((begin, state)) = pending {
            history.push_uncertain(begin, state);
        }
        self.survive(rig, disk, &history, tally)
    }

    /// Cuts power, or ends the process, where the run ended.
    fn survive<R: Rig>(
        &self,
        rig: &R,
        disk: &R::Disk,
        history: &History,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let dead = rig.after_process_death(disk);
        let subject = Subject::attach(rig.open(&dead)?, POOL);
        matching(history, history.allowed_at_the_end(), &subject)
            .map_err(|error| format!("{error}\nafter the death of the process"))?;
        drop(subject);
        rig.check(&dead).map_err(|error| format!("{error}\nafter the death of the process"))?;
        let moment = rig.moments(disk);
        let mut random = Random::new(self.seed);
        let unsynced = rig.unsynced(disk, moment);
        for cut in PowerCut::at(moment, unsynced, self.images, &mut random) {
            tally.images += 1;
            self.reopen(rig, disk, &cut, history, tally, 1)
                .map_err(|error| format!("{error}\nafter {cut:?} of {unsynced} un-synced"))?;
        }
        Ok(())
    }
}
