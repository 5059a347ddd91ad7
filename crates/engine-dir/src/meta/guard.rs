//! redb panics over some kinds of damage: here that becomes an error.
//!
//! The panic's message would tell users of a defect that there is not, so it is kept quiet, on
//! the guarded thread only.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use super::MetaError;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Runs work on a database that may be damaged. What it leaves half done must not be used again
/// after an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, MetaError>) -> Result<T, MetaError> {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(outer);
    done.unwrap_or_else(|_| Err(MetaError::Storage("the database is damaged".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert!(guarded::<()>(|| panic!("an impossible page")).is_err());
        assert_eq!(guarded(|| Ok(7)).ok(), Some(7));
    }
}
