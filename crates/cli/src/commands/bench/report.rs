//! What was measured, in lines as `rbd` prints them.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::request::{IoType, Request};
use crate::args::size;

/// One operation that has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Read,
    Write,
}

pub(super) struct Report {
    begun: Instant,
    elapsed: Duration,
    reads: u64,
    writes: u64,
    bytes: u64,
    /// Seconds that have their line.
    shown: u64,
}

impl Report {
    pub(super) fn begin(begun: Instant) -> Report {
        Report { begun, elapsed: Duration::ZERO, reads: 0, writes: 0, bytes: 0, shown: 0 }
    }

    pub(super) fn note(&mut self, done: Done, bytes: u64) {
        match done {
            Done::Read => self.reads += 1,
            Done::Write => self.writes += 1,
        }
        self.bytes += bytes;
    }

    pub(super) fn end(&mut self, now: Instant) {
        self.elapsed = now - self.begun;
    }

    /// A line for each second that has passed; the heading before the first, in any case after
    /// the first operation.
    pub(super) fn line_if_due(&mut self, now: Instant) -> Option<String> {
        let elapsed = now - self.begun;
        let mut text = String::new();
        if self.reads + self.writes == 1 {
            text.push_str("  SEC       OPS   OPS/SEC   BYTES/SEC\n");
        }
        if elapsed.as_secs() > self.shown {
            self.shown = elapsed.as_secs();
            let operations = self.reads + self.writes;
            let _ = writeln!(
                text,
                "{:>5}{operations:>10}{:>10}{:>10}/s",
                self.shown,
                six_digits(rate(operations, elapsed)),
                size::shown(whole(rate(self.bytes, elapsed)))
            );
        }
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn last_lines(&self, request: &Request) -> String {
        let mut text = format!(
            "elapsed: {}   {}\n",
            self.elapsed.as_secs(),
            self.line("", self.reads + self.writes, request)
        );
        if let IoType::ReadWrite { .. } = request.io_type {
            let _ = writeln!(text, "{}", self.line("read_", self.reads, request));
            let _ = writeln!(text, "{}", self.line("write_", self.writes, request));
        }
        text
    }

    fn line(&self, what: &str, operations: u64, request: &Request) -> String {
        format!(
            "{what}ops: {operations}   {what}ops/sec: {}   {what}bytes/sec: {}/s",
            six_digits(rate(operations, self.elapsed)),
            size::shown(whole(rate(operations.saturating_mul(request.io_size), self.elapsed)))
        )
    }
}

fn rate(count: u64, elapsed: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "six digits are shown")]
    let count = count as f64;
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { count / seconds } else { count }
}

fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is not negative, and the conversion saturates"
    )]
    let whole = value as u64;
    whole
}

/// As C++ prints a double: six digits, without zeros at the end.
fn six_digits(value: f64) -> String {
    let magnitude = if value < 1.0 { 0.0 } else { value.log10().floor() };
    let decimals = usize::try_from(whole((5.0 - magnitude).max(0.0))).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_and_no_more() {
        assert_eq!(six_digits(2722.891), "2722.89");
        assert_eq!(six_digits(797.0), "797");
        assert_eq!(six_digits(0.5), "0.5");
        assert_eq!(six_digits(0.0), "0");
        assert_eq!(six_digits(123_456.7), "123457");
    }
}
