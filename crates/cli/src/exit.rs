//! From a failure to lines on standard error and an exit code: the one place that decides both.
//!
//! `rbd` ends with the errno, with 1 for a command line it cannot read. Lines that begin with the
//! program's name are Ceph's own, word by word; details that Ceph gives only in its log follow in
//! lines that begin with `marcot: `.

use std::io;

use marcot_store::Errno;

use crate::args::usage::UsageError;
use crate::console::{complain, print};
use crate::personality::Personality;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line.
    Usage(UsageError),
    /// No command of that name, said as Ceph's tools say it.
    UnknownCommand {
        words: String,
        help: String,
    },
    /// No command of that name, and what may have been meant.
    NoSuchCommand {
        words: String,
        meant: Vec<&'static str>,
    },
    Pool {
        pool: String,
        errno: Errno,
    },
    Namespace {
        namespace: String,
    },
    Image {
        image: String,
        errno: Errno,
    },
    ImageById {
        id: String,
        errno: Errno,
    },
    /// The image has no such snapshot, or it cannot be used.
    Snapshot {
        errno: Errno,
    },
    /// What was tried, as Ceph words it, and why it failed.
    Verb {
        what: String,
        errno: Errno,
        details: Vec<String>,
    },
    /// A sentence of Ceph's that already says why.
    Line {
        line: String,
        errno: Errno,
        details: Vec<String>,
    },
    /// The same without the program's name in front.
    Bare {
        line: String,
        errno: Errno,
    },
    /// One failure and the sentence that Ceph adds.
    Followed {
        first: Box<Failure>,
        last: String,
    },
    /// The store could not be reached.
    Store {
        message: String,
        errno: Errno,
    },
    /// Standard output cannot be written.
    Output(io::Error),
    /// Everything has been said.
    Told(u8),
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Failure {
        Failure::Usage(error)
    }
}

impl Failure {
    /// `rbd: WHAT: (ERRNO) text`
    pub(crate) fn verb(what: impl Into<String>, errno: Errno) -> Failure {
        Failure::Verb { what: what.into(), errno, details: Vec::new() }
    }

    /// `rbd: LINE`
    pub(crate) fn line(line: impl Into<String>, errno: Errno) -> Failure {
        Failure::Line { line: line.into(), errno, details: Vec::new() }
    }

    /// `rbd: WHAT: (ERRNO) text`, and in a line of ours what the library says.
    pub(crate) fn refused(what: impl Into<String>, error: &dyn Refusal) -> Failure {
        Failure::verb(what, error.errno()).detail(error.to_string())
    }

    /// The same failure, after which Ceph also says that WHAT failed.
    pub(crate) fn followed_by(self, what: &str) -> Failure {
        if matches!(self, Failure::Store { .. } | Failure::Output(_) | Failure::Told(_)) {
            return self;
        }
        let last = format!("{what}: {}", self.errno());
        Failure::Followed { first: Box::new(self), last }
    }

    /// The errno that it ends with.
    pub(crate) fn errno(&self) -> Errno {
        Errno::from_raw(i32::from(self.exit_code()))
    }

    /// Adds what Ceph says only in its log.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Failure {
        match &mut self {
            Failure::Verb { details, .. } | Failure::Line { details, .. } => {
                details.push(detail.into());
            }
            _ => {}
        }
        self
    }

    /// Says it all and yields the exit code.
    pub(crate) fn report(&self, personality: Personality) -> u8 {
        for line in self.lines(personality.name()) {
            complain(&line);
        }
        if personality == Personality::Ceph && matches!(self, Failure::UnknownCommand { .. }) {
            return errno_code(Errno::INVAL);
        }
        if let Failure::UnknownCommand { help, .. } = self {
            // A reader that has gone does not change what went wrong.
            let _ = print(help);
        }
        self.exit_code()
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let with = |first: String, details: &[String]| {
            let rest = details.iter().map(|detail| format!("marcot: {detail}"));
            std::iter::once(first).chain(rest).collect()
        };
        match self {
            Failure::Usage(error) => vec![format!("{name}: {error}")],
            Failure::UnknownCommand { .. } if name == "ceph" => vec![
                "no valid command found; see 'ceph help'".to_owned(),
                "Error EINVAL: invalid command".to_owned(),
            ],
            Failure::UnknownCommand { words, .. } => {
                vec![format!("error: unknown option '{words}'"), String::new()]
            }
            Failure::NoSuchCommand { words, meant } => {
                let first = format!("{name}: no command '{words}'; '{name} help' lists them");
                let rest = meant.iter().map(|command| format!("did you mean '{name} {command}'?"));
                std::iter::once(first).chain(rest).collect()
            }
            Failure::Pool { pool, errno } => {
                vec![format!("{name}: error opening pool '{pool}': {errno}")]
            }
            Failure::Namespace { namespace } => {
                vec![format!("{name}: namespace '{namespace}' does not exist.")]
            }
            Failure::Image { image, errno } => {
                vec![format!("{name}: error opening image {image}: {errno}")]
            }
            Failure::ImageById { id, errno } => {
                vec![format!("{name}: error opening image with id {id}: {errno}")]
            }
            Failure::Snapshot { errno } => {
                vec![format!("error setting snapshot context: {errno}")]
            }
            Failure::Verb { what, errno, details } => {
                with(format!("{name}: {what}: {errno}"), details)
            }
            Failure::Line { line, details, .. } => with(format!("{name}: {line}"), details),
            Failure::Bare { line, .. } => vec![line.clone()],
            Failure::Followed { first, last } => {
                let mut lines = first.lines(name);
                lines.push(format!("{name}: {last}"));
                lines
            }
            Failure::Store { message, .. } => vec![format!("{name}: {message}")],
            Failure::Output(error) => vec![format!("{name}: cannot write the answer: {error}")],
            Failure::Told(_) => Vec::new(),
        }
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(error) => error.exit_code(),
            Failure::UnknownCommand { .. } | Failure::NoSuchCommand { .. } => 1,
            Failure::Namespace { .. } => errno_code(Errno::NOENT),
            Failure::Pool { errno, .. }
            | Failure::Image { errno, .. }
            | Failure::ImageById { errno, .. }
            | Failure::Snapshot { errno }
            | Failure::Verb { errno, .. }
            | Failure::Line { errno, .. }
            | Failure::Bare { errno, .. }
            | Failure::Store { errno, .. } => errno_code(*errno),
            Failure::Output(error) => {
                error.raw_os_error().map_or(1, |number| errno_code(Errno::from_raw(number)))
            }
            Failure::Followed { first, .. } => first.exit_code(),
            Failure::Told(code) => *code,
        }
    }
}

/// An error of a library that says what failed and carries its errno.
pub(crate) trait Refusal: std::fmt::Display {
    fn errno(&self) -> Errno;
}

macro_rules! refusals {
    ($($error:ty),* $(,)?) => {
        $(impl Refusal for $error {
            fn errno(&self) -> Errno {
                <$error>::errno(self)
            }
        })*
    };
}

refusals! {
    marcot_image::CallError,
    marcot_image::config::ConfigError,
    marcot_image::CloseError,
    marcot_image::OpenError,
    marcot_image::IoError,
    marcot_image::operation::CloneError,
    marcot_image::operation::CopyError,
    marcot_image::operation::CreateError,
    marcot_image::operation::FlattenError,
    marcot_image::operation::RemoveError,
    marcot_image::operation::RenameError,
    marcot_image::operation::ResizeError,
    marcot_image::operation::SparsifyError,
    marcot_image::operation::UsageError,
    marcot_image::operation::feature::FeatureError,
    marcot_image::operation::group::GroupError,
    marcot_image::operation::group::snapshot::GroupSnapshotError,
    marcot_image::operation::image_meta::ImageMetaError,
    marcot_image::operation::lock::UserLockError,
    marcot_image::operation::object_map::ObjectMapError,
    marcot_image::operation::snapshot::RollbackError,
    marcot_image::operation::snapshot::CreateSnapshotError,
    marcot_image::operation::snapshot::ForceRemoveError,
    marcot_image::operation::snapshot::LimitError,
    marcot_image::operation::snapshot::ProtectError,
    marcot_image::operation::snapshot::RemoveSnapshotError,
    marcot_image::operation::snapshot::RenameSnapshotError,
    marcot_image::operation::snapshot::UnprotectError,
    marcot_image::operation::trash::PurgeError,
    marcot_image::operation::trash::TrashError,
    marcot_image::transfer::ExportError,
    marcot_image::transfer::pools::CopyPoolsError,
    marcot_image::transfer::ImportError,
    marcot_image::pool::namespace::CreateNamespaceError,
    marcot_image::pool::stats::StatsError,
    marcot_image::pool::namespace::RemoveNamespaceError,
}

/// Ends with the errno of what Ceph's words have been said about; ours follow.
pub(crate) fn told(error: &dyn Refusal) -> Failure {
    complain(&format!("marcot: {error}"));
    Failure::Told(errno_code(error.errno()))
}

/// An errno as an exit code; all that exist fit.
pub(crate) fn errno_code(errno: Errno) -> u8 {
    u8::try_from(errno.raw()).unwrap_or(u8::MAX)
}
