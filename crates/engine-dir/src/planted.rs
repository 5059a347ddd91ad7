//! Defects put in on purpose, in tests only: the crash suite is worth what it finds.
//!
//! In a build that is not a test nothing is ever planted, and the questions cost nothing.

/// One defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Freed blocks are used again after any sync, though no durable record tells of it.
    EarlyReuse,
    /// Recovery believes that the data of every record arrived.
    UncheckedRecovery,
    /// A flush is acknowledged without a sync.
    FlushWithoutSync,
    /// Blocks taken over by reference are not counted.
    UncountedShare,
    /// Records call synced what has only been written.
    UnsyncedCalledSynced,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Defect>> = const { std::cell::Cell::new(None) };
}

/// Whether this thread's stores have that defect.
pub(crate) fn planted(defect: Defect) -> bool {
    #[cfg(test)]
    return PLANTED.get() == Some(defect);
    #[cfg(not(test))]
    {
        let _ = defect;
        false
    }
}

/// Gives the stores of this thread a defect, or none. They must run with `Threads::None`.
#[cfg(test)]
pub(crate) fn plant(defect: Option<Defect>) {
    PLANTED.set(defect);
}
