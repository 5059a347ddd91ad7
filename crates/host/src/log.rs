//! The host's log: events as lines on standard error, which a started host has in a file.
//!
//! A resident host has nobody to print to, so it keeps a few words about its life: serving, ending,
//! clients cut off, errors. `MARCOT_LOG` (`error`, `warn`, `info`, `debug`, `trace`) says how many.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::Mutex;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Sends the events of this process to standard error. Nothing happens if somebody takes them
/// already.
pub fn install() {
    let wanted = std::env::var("MARCOT_LOG").unwrap_or_default();
    let level = wanted.parse().unwrap_or(Level::INFO);
    let log = Log { level, line: Mutex::new(String::new()) };
    // The error says that there is another subscriber: it was here first.
    let _ = tracing::subscriber::set_global_default(log);
}

struct Log {
    level: Level,
    /// Used again for each event; held while it is written, so that lines do not mix.
    line: Mutex<String>,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with("marcot")
    }

    fn event(&self, event: &Event<'_>) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut line = self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        line.clear();
        let level = event.metadata().level();
        let (seconds, millis) = (now.as_secs(), now.subsec_millis());
        // Writing to a string cannot fail.
        let _ = write!(line, "{seconds}.{millis:03} {} {level}", std::process::id());
        event.record(&mut Fields(&mut line));
        line.push('\n');
        // A log that cannot be written is no reason to stop serving.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    // Spans are not shown.
    fn new_span(&self, _attributes: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// Appends the message and `name=value` for the rest, in one line whatever the values hold.
struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        let text = text.replace(|c: char| c.is_control(), " ");
        let _ = match field.name() {
            "message" => write!(self.0, " {text}"),
            name => write!(self.0, " {name}={text}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects what `Fields` makes of one event.
    struct Probe(Mutex<Vec<String>>);

    impl Subscriber for &'static Probe {
        fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
            true
        }

        fn event(&self, event: &Event<'_>) {
            let mut line = String::new();
            event.record(&mut Fields(&mut line));
            self.0.lock().unwrap().push(line);
        }

        fn new_span(&self, _attributes: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _span: &Id, _values: &Record<'_>) {}

        fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

        fn enter(&self, _span: &Id) {}

        fn exit(&self, _span: &Id) {}
    }

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        static PROBE: Probe = Probe(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(&PROBE, || {
            tracing::warn!(client = %"a\nb\u{1b}[2J", "refused");
        });
        assert_eq!(*PROBE.0.lock().unwrap(), [" refused client=a b [2J"]);
    }
}
