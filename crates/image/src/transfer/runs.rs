//! Telling data from zeros in a buffer.

use std::ops::Range;

/// The parts of `buffer` that are not zeros, in steps of `grain` bytes, neighbours joined.
pub(crate) fn data_runs(buffer: &[u8], grain: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, piece) in buffer.chunks(grain).enumerate() {
        if is_zero(piece) {
            continue;
        }
        let start = index * grain;
        match runs.last_mut() {
            Some(last) if last.end == start => last.end = start + piece.len(),
            _ => runs.push(start..start + piece.len()),
        }
    }
    runs
}

fn is_zero(bytes: &[u8]) -> bool {
    // Whole words first: this looks at every byte that is imported.
    let (head, words, tail) = (bytes.chunks_exact(64), 0u8, bytes.chunks_exact(64).remainder());
    let mut words = words;
    for chunk in head {
        words = chunk.iter().fold(words, |all, byte| all | byte);
        if words != 0 {
            return false;
        }
    }
    tail.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_left_out_is_zero(
            spots in proptest::collection::vec((0usize..1000, 1u8..), 0..6),
            length in 0usize..1000,
            grain in 1usize..200,
        ) {
            let mut buffer = vec![0; length];
            for (at, byte) in spots.into_iter().filter(|(at, _)| *at < length) {
                buffer[at] = byte;
            }
            let runs = data_runs(&buffer, grain);
            for run in &runs {
                prop_assert!(run.start.is_multiple_of(grain) && !run.is_empty());
                prop_assert!(run.end.is_multiple_of(grain) || run.end == length);
            }
            prop_assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start));
            let mut again = vec![0; length];
            for run in runs {
                again[run.clone()].copy_from_slice(&buffer[run]);
            }
            prop_assert_eq!(again, buffer);
        }
    }
}
