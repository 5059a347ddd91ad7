//! Groups: made, filled, taken snapshots of.

use std::collections::BTreeSet;

use super::{Generator, SNAPS, parts};
use crate::differential::operation::Operation;

const GROUPS: [&str; 3] = ["a/g0", "a/n/g0", "b/g0"];

/// A group as it should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    images: BTreeSet<String>,
    snaps: BTreeSet<String>,
}

impl Generator {
    pub(super) fn group(&mut self) -> Option<Operation> {
        let group = (*self.random.pick(&GROUPS)).to_owned();
        if !self.groups.contains_key(&group) {
            // Also in a namespace that nobody has created.
            self.namespace_grouped |= !parts(&group).1.is_empty();
            self.groups.insert(group.clone(), Group::default());
            return Some(Operation::GroupCreate { group });
        }
        match self.random.below(4) {
            0 => {
                self.groups.remove(&group);
                Some(Operation::GroupRemove { group })
            }
            // To its own name, or to one that nobody aims at: it is renamed back at once or lost.
            1 => Some(Operation::GroupRename { group, to: "g0".to_owned() }),
            2 => {
                self.groups.remove(&group);
                Some(Operation::GroupRename { group, to: "g9".to_owned() })
            }
            _ => Some(Operation::GroupCreate { group }),
        }
    }

    /// An existing group, or any.
    fn some_group(&mut self) -> Option<String> {
        if self.astray() {
            return Some((*self.random.pick(&GROUPS)).to_owned());
        }
        let all: Vec<&String> = self.groups.keys().collect();
        if all.is_empty() { None } else { Some((*self.random.pick(&all)).clone()) }
    }

    pub(super) fn group_member(&mut self) -> Option<Operation> {
        let group = self.some_group()?;
        let members = self.groups.get(&group).map(|known| known.images.clone()).unwrap_or_default();
        if !members.is_empty() && self.chance(3) {
            let members: Vec<&String> = members.iter().collect();
            let image = (*self.random.pick(&members)).clone();
            if let Some(known) = self.groups.get_mut(&group) {
                known.images.remove(&image);
            }
            return Some(Operation::GroupDrop { group, image });
        }
        let image = self.image()?;
        if let Some(known) = self.groups.get_mut(&group) {
            known.images.insert(image.clone());
        }
        Some(Operation::GroupAdd { group, image })
    }

    pub(super) fn group_snap_create(&mut self) -> Option<Operation> {
        let (group, snap) = (self.some_group()?, (*self.random.pick(&SNAPS)).to_owned());
        if let Some(known) = self.groups.get_mut(&group) {
            known.snaps.insert(snap.clone());
        }
        Some(Operation::GroupSnapCreate { group, snap })
    }

    pub(super) fn group_snap(&mut self) -> Option<Operation> {
        let group = self.some_group()?;
        let snaps = self.groups.get(&group).map(|known| known.snaps.clone()).unwrap_or_default();
        let snaps: Vec<&String> = snaps.iter().collect();
        let snap = match snaps.is_empty() {
            true => SNAPS[0].to_owned(),
            false => (*self.random.pick(&snaps)).clone(),
        };
        let to = (*self.random.pick(&SNAPS)).to_owned();
        let kind = self.random.below(3);
        if let Some(known) = self.groups.get_mut(&group).filter(|_| kind < 2) {
            known.snaps.remove(&snap);
            if kind == 1 {
                known.snaps.insert(to.clone());
            }
        }
        Some(match kind {
            0 => Operation::GroupSnapRemove { group, snap },
            1 => Operation::GroupSnapRename { group, snap, to },
            _ => Operation::GroupSnapRollback { group, snap },
        })
    }
}
