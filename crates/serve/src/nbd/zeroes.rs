//! Finds blocks of zeroes in what was read, so that they need not be sent.

/// Granularity in bytes: shorter zeroes are sent as data.
const BLOCK: usize = 4096;

/// A stretch of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) range: std::ops::Range<usize>,
    pub(crate) zero: bool,
}

/// Cuts `data` into runs of zero blocks and runs of other blocks, in order and without gaps.
pub(crate) fn runs(data: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(1);
    let mut at = 0;
    for block in data.chunks(BLOCK) {
        let zero = is_zero(block);
        let end = at + block.len();
        match runs.last_mut() {
            Some(run) if run.zero == zero => run.range.end = end,
            _ => runs.push(Run { range: at..end, zero }),
        }
        at = end;
    }
    runs
}

/// Whole lines at a time, so that the compiler can use wide registers and still stop early.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|line| line.iter().fold(0, |seen, byte| seen | byte) == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_cover_the_data_and_zero_runs_are_zero(
            blocks in prop::collection::vec(any::<bool>(), 0..20), tail in 0usize..5000, byte: u8,
        ) {
            let mut data = Vec::new();
            for zero in blocks {
                data.extend(vec![if zero { 0 } else { 9 }; BLOCK]);
            }
            data.extend(vec![byte; tail]);
            let mut at = 0;
            let mut before = None;
            for run in runs(&data) {
                prop_assert_eq!(run.range.start, at);
                prop_assert!(run.range.end > at);
                prop_assert_ne!(before, Some(run.zero));
                let all_zero = data[run.range.clone()].iter().all(|byte| *byte == 0);
                prop_assert_eq!(run.zero, all_zero);
                at = run.range.end;
                before = Some(run.zero);
            }
            prop_assert_eq!(at, data.len());
        }
    }
}
