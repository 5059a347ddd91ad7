//! Space of a simulated medium: which pages of its files are backed, and how much is left.

use std::collections::BTreeSet;
use std::io;

use rustix::io::Errno;

const PAGE: u64 = 4096;

/// Pages by file and number. Nothing is counted until the medium is filled.
#[derive(Debug)]
pub(super) struct Room<N> {
    backed: BTreeSet<(N, u64)>,
    /// Pages that can still be had; `None` for as many as anybody wants.
    left: Option<u64>,
}

impl<N> Default for Room<N> {
    fn default() -> Room<N> {
        Room { backed: BTreeSet::new(), left: None }
    }
}

impl<N: Copy + Ord> Room<N> {
    /// From now on only so much can be had beyond what is backed.
    pub(super) fn leave(&mut self, bytes: u64) {
        self.left = Some(bytes / PAGE);
    }

    /// Backs a range, or none of it.
    pub(super) fn take(&mut self, name: N, offset: u64, length: u64) -> io::Result<()> {
        let pages = offset / PAGE..(offset + length).div_ceil(PAGE);
        let missing = pages.clone().filter(|page| !self.backed.contains(&(name, *page))).count();
        if let Some(left) = &mut self.left {
            let after = left.checked_sub(missing as u64);
            *left = after.ok_or_else(|| io::Error::from(Errno::NOSPC))?;
        }
        self.backed.extend(pages.map(|page| (name, page)));
        Ok(())
    }

    /// Gives the whole pages of a range back.
    pub(super) fn give_back(&mut self, name: N, offset: u64, length: u64) {
        for page in offset.div_ceil(PAGE)..(offset + length) / PAGE {
            let was_backed = self.backed.remove(&(name, page));
            self.left = self.left.map(|left| left + u64::from(was_backed));
        }
    }
}
