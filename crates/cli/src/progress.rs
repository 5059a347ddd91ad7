//! How long work shows how far it is: as `rbd` does, or as a bar on a terminal.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use marcot_image::Progress;

use crate::console::mutter;
use crate::personality::Personality;

/// One piece of long work. Says nothing before [`Meter::end`] when nobody wants to see it.
pub(crate) struct Meter {
    title: &'static str,
    shows: Shows,
    percent: AtomicU64,
}

enum Shows {
    Nothing,
    /// `Image flatten: 42% complete...`
    Percent,
    Bar(ProgressBar),
}

/// Whether the user asked for silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Yes,
    No,
}

/// How the work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Failed,
}

const NEVER_SHOWN: u64 = u64::MAX;

impl Meter {
    pub(crate) fn new(title: &'static str, wanted: Wanted, personality: Personality) -> Meter {
        let shows = match (wanted, personality) {
            (Wanted::No, _) => Shows::Nothing,
            (Wanted::Yes, Personality::Marcot) if std::io::stderr().is_terminal() => {
                Shows::Bar(bar(title))
            }
            (Wanted::Yes, _) => Shows::Percent,
        };
        Meter { title, shows, percent: AtomicU64::new(NEVER_SHOWN) }
    }

    /// The last line, the same in every case.
    pub(crate) fn end(&self, ending: Ending) {
        if let Shows::Bar(bar) = &self.shows {
            bar.finish_and_clear();
        }
        if matches!(self.shows, Shows::Nothing) {
            return;
        }
        let title = self.title;
        match ending {
            Ending::Done => mutter(&format!("\r{title}: 100% complete...done.\n")),
            Ending::Failed => {
                let percent = match self.percent.load(Ordering::Relaxed) {
                    NEVER_SHOWN => 0,
                    percent => percent,
                };
                mutter(&format!("\r{title}: {percent}% complete...failed.\n"));
            }
        }
    }

    /// Ends with how `result` ended.
    pub(crate) fn ended<T, E>(&self, result: Result<T, E>) -> Result<T, E> {
        self.end(if result.is_ok() { Ending::Done } else { Ending::Failed });
        result
    }
}

impl Progress for Meter {
    fn update(&self, done: u64, total: u64) {
        let percent = percent(done, total);
        match &self.shows {
            Shows::Nothing => {}
            Shows::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            Shows::Percent => {
                let before = self.percent.swap(percent, Ordering::Relaxed);
                if before == NEVER_SHOWN || percent > before {
                    mutter(&format!("\r{}: {percent}% complete...", self.title));
                }
            }
        }
    }
}

fn percent(done: u64, total: u64) -> u64 {
    let share = u128::from(done) * 100 / u128::from(total.max(1));
    u64::try_from(share.min(100)).unwrap_or(100)
}

fn bar(title: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(10));
    let style = "{prefix}: {percent:>3}% [{bar:30}] {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_prefix(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_never_overflow() {
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(percent(1, 3), 33);
        assert_eq!(percent(5, 3), 100);
    }
}
