//! What is left after a power cut.

use crate::Random;

/// Power goes after the first `moment` changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerCut {
    pub moment: usize,
    pub survivors: Survivors,
    pub length: Length,
}

/// Which changes that no sync had covered are on the medium all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survivors {
    None,
    All,
    /// The first so many.
    Prefix(usize),
    /// All but one.
    AllBut(usize),
    /// One alone.
    Only(usize),
    /// Each with a chance of one half.
    Some(u64),
    /// Each whole, or lost, or torn between its sectors.
    Torn(u64),
}

/// Where the length of a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    AsWritten,
    AsSynced,
}

/// What becomes of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Lost,
    /// The sectors whose bit is set arrive.
    Torn(u64),
}

impl PowerCut {
    /// The death of the process alone: everything written is there.
    pub(super) fn of_process(moment: usize) -> PowerCut {
        PowerCut { moment, survivors: Survivors::All, length: Length::AsWritten }
    }

    pub(super) fn is_of_process(&self) -> bool {
        self.survivors == Survivors::All && self.length == Length::AsWritten
    }

    /// What becomes of the un-synced change of that number.
    pub fn fate(&self, number: usize) -> Fate {
        let keep = |keep| if keep { Fate::Kept } else { Fate::Lost };
        match self.survivors {
            Survivors::None => Fate::Lost,
            Survivors::All => Fate::Kept,
            Survivors::Prefix(count) => keep(number < count),
            Survivors::AllBut(one) => keep(number != one),
            Survivors::Only(one) => keep(number == one),
            Survivors::Some(seed) => keep(dice(seed, number).is_multiple_of(2)),
            Survivors::Torn(seed) => match dice(seed, number) % 4 {
                0 => Fate::Lost,
                1 => Fate::Kept,
                _ => Fate::Torn(dice(seed ^ 1, number)),
            },
        }
    }

    /// Cuts worth trying at `moment`, the telling ones first, at most `count`.
    pub(super) fn at(
        moment: usize,
        unsynced: usize,
        count: usize,
        random: &mut Random,
    ) -> Vec<PowerCut> {
        let cut = |survivors, length| PowerCut { moment, survivors, length };
        let mut cuts = vec![PowerCut::of_process(moment), cut(Survivors::None, Length::AsWritten)];
        if unsynced > 0 {
            cuts.push(cut(Survivors::All, Length::AsSynced));
            cuts.push(cut(Survivors::Torn(random.next_u64()), Length::AsWritten));
        }
        if unsynced > 1 {
            let any = random.below(unsynced as u64) as usize;
            cuts.push(cut(Survivors::Only(unsynced - 1), Length::AsWritten));
            cuts.push(cut(Survivors::Some(random.next_u64()), Length::AsWritten));
            cuts.push(cut(Survivors::Prefix(unsynced - 1), Length::AsWritten));
            cuts.push(cut(Survivors::AllBut(any), Length::AsWritten));
            cuts.push(cut(Survivors::Torn(random.next_u64()), Length::AsSynced));
            cuts.push(cut(Survivors::Prefix(unsynced / 2), Length::AsWritten));
            for _ in cuts.len()..count {
                let survivors = match random.below(2) {
                    0 => Survivors::Some(random.next_u64()),
                    _ => Survivors::Torn(random.next_u64()),
                };
                cuts.push(cut(survivors, Length::AsWritten));
            }
        }
        cuts.truncate(count);
        cuts
    }
}

fn dice(seed: u64, number: usize) -> u64 {
    Random::new(seed.wrapping_add(number as u64)).next_u64() >> 7
}
