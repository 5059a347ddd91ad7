//! `[pool/[namespace/]]image[@snap]` and the options that say the same.

use super::Arguments;
use super::usage::UsageError;

/// A pool and a namespace in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolSpec {
    /// `None` for the default pool.
    pub(crate) pool: Option<String>,
    /// Empty for the default namespace.
    pub(crate) namespace: String,
}

/// An image by name, and perhaps a snapshot of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageSpec {
    pub(crate) at: PoolSpec,
    /// Empty when an id was given instead.
    pub(crate) image: String,
    pub(crate) snap: Option<String>,
}

/// What a spec may hold: names that exist are read leniently, names to be given are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Whatever can be an existing image's name.
    Lenient,
    /// A new snapshot's name: neither `/` nor `@` in it.
    NewSnapshot,
    /// A new image's name: neither `/` nor `@` in any part.
    NewImage,
}

/// Which of a command's two images: decides the options' names and the words of complaints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The only one, or the source: `--pool`, `--image` …
    Source,
    /// `--dest-pool`, `--dest` …
    Destination,
    /// An image in the trash, by its id: `--pool`, `--image-id` …
    Trashed,
    /// A group, the only one or the source: `--pool`, `--group` …
    Group,
    /// `--dest-pool`, `--dest-group` …
    DestinationGroup,
    /// Beside an image: `--group-pool`, `--group` …
    GroupOfImage,
    /// Beside a group: `--image-pool`, `--image` …
    ImageOfGroup,
}

/// Whether a command works on a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapRule {
    Refused,
    Allowed,
    Required,
}

/// Whether the image must be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageRule {
    Required,
    Optional,
}

struct OptionNames {
    pool: &'static str,
    namespace: &'static str,
    image: &'static str,
    snap: &'static str,
    /// What the image is known by.
    noun: &'static str,
    prefix: &'static str,
}

impl OptionNames {
    const IMAGE: OptionNames = OptionNames {
        pool: "pool",
        namespace: "namespace",
        image: "image",
        snap: "snap",
        noun: "image name",
        prefix: "",
    };
    const GROUP: OptionNames =
        OptionNames { image: "group", noun: "group name", ..OptionNames::IMAGE };
}

impl Side {
    fn names(self) -> OptionNames {
        match self {
            Side::Source => OptionNames::IMAGE,
            Side::Destination => OptionNames {
                pool: "dest-pool",
                namespace: "dest-namespace",
                image: "dest",
                snap: "dest-snap",
                prefix: "destination ",
                ..OptionNames::IMAGE
            },
            Side::Trashed => {
                OptionNames { image: "image-id", noun: "image id", ..OptionNames::IMAGE }
            }
            Side::Group => OptionNames::GROUP,
            Side::DestinationGroup => OptionNames {
                pool: "dest-pool",
                namespace: "dest-namespace",
                image: "dest-group",
                prefix: "destination ",
                ..OptionNames::GROUP
            },
            Side::GroupOfImage => OptionNames {
                pool: "group-pool",
                namespace: "group-namespace",
                ..OptionNames::GROUP
            },
            Side::ImageOfGroup => OptionNames {
                pool: "image-pool",
                namespace: "image-namespace",
                ..OptionNames::IMAGE
            },
        }
    }
}

/// What a command wants to know of one of its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) side: Side,
    pub(crate) snap: SnapRule,
    pub(crate) image: ImageRule,
    pub(crate) strictness: Strictness,
}

impl Wanted {
    /// An existing image, or a snapshot of it.
    pub(crate) const fn existing(snap: SnapRule) -> Wanted {
        Wanted {
            side: Side::Source,
            snap,
            image: ImageRule::Required,
            strictness: Strictness::Lenient,
        }
    }

    /// An image that is to be made as the second of a command's images.
    pub(crate) const fn destination() -> Wanted {
        Wanted {
            side: Side::Destination,
            snap: SnapRule::Refused,
            image: ImageRule::Required,
            strictness: Strictness::NewImage,
        }
    }

    /// An image in the trash, by its id.
    pub(crate) const fn trashed() -> Wanted {
        Wanted { side: Side::Trashed, ..Wanted::existing(SnapRule::Refused) }
    }

    pub(crate) const fn strictly(self, strictness: Strictness) -> Wanted {
        Wanted { strictness, ..self }
    }

    pub(crate) const fn optionally(self) -> Wanted {
        Wanted { image: ImageRule::Optional, ..self }
    }
}

/// An image that a command is about: from the options, else from the next word.
pub(crate) fn image(arguments: &Arguments, wanted: Wanted) -> Result<ImageSpec, UsageError> {
    let names = wanted.side.names();
    let mut found = Parts {
        pool: arguments.text(names.pool),
        namespace: arguments.text(names.namespace),
        image: None,
        snap: arguments.text(names.snap),
    };
    let spec = match arguments.text(names.image).filter(|image| !image.is_empty()) {
        Some(spec) => Some(spec),
        None => arguments.next_word().filter(|word| !word.is_empty()),
    };
    if let Some(spec) = spec {
        let parts = Parts::parse(&spec, wanted.strictness);
        found.overlay(parts.ok_or_else(|| invalid_spec(&spec))?);
    }
    if found.image.is_none() && wanted.image == ImageRule::Required {
        let text = format!("{}{} was not specified", names.prefix, names.noun);
        return Err(UsageError::unfitting(text));
    }
    found.check(&names, wanted)?;
    let at = PoolSpec { pool: found.pool, namespace: found.namespace.unwrap_or_default() };
    Ok(ImageSpec { at, image: found.image.unwrap_or_default(), snap: found.snap })
}

/// The pool (and namespace) that a command is about: from the options, else from the next word.
pub(crate) fn pool(arguments: &Arguments) -> Result<PoolSpec, UsageError> {
    let mut spec = PoolSpec {
        pool: arguments.text("pool"),
        namespace: arguments.text("namespace").unwrap_or_default(),
    };
    if let Some(word) = arguments.next_word().filter(|word| !word.is_empty()) {
        let (pool, namespace) = word.rsplit_once('/').unwrap_or((&word, ""));
        if pool.is_empty() || namespace.contains('@') {
            return Err(invalid_spec(&word));
        }
        spec.pool = Some(pool.to_owned());
        if !namespace.is_empty() {
            namespace.clone_into(&mut spec.namespace);
        }
    }
    check_namespace(&spec.namespace)?;
    Ok(spec)
}

fn check_namespace(namespace: &str) -> Result<(), UsageError> {
    if namespace.contains(['@', '/']) {
        return Err(UsageError::unfitting(format!("invalid namespace name '{namespace}'")));
    }
    Ok(())
}

fn invalid_spec(spec: &str) -> UsageError {
    UsageError::unfitting(format!("invalid spec '{spec}'"))
}

/// What a spec or the options say; absent is not the same as empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parts {
    pool: Option<String>,
    namespace: Option<String>,
    image: Option<String>,
    snap: Option<String>,
}

impl Parts {
    /// `None` when the text is no spec. What stands before a `/` is a pool, and a namespace after
    /// it, wherever what is left can still be an image.
    fn parse(spec: &str, strictness: Strictness) -> Option<Parts> {
        let pool_fits = |pool: &str| {
            !pool.is_empty() && (strictness != Strictness::NewImage || !pool.contains('@'))
        };
        if let Some((pool, rest)) = spec.split_once('/').filter(|(pool, _)| pool_fits(pool)) {
            let with_namespace = rest
                .split_once('/')
                .filter(|(namespace, _)| !namespace.is_empty() && !namespace.contains('@'))
                .and_then(|(namespace, rest)| {
                    let namespace = Some(namespace.to_owned());
                    Parts::image(rest, strictness).map(|parts| Parts { namespace, ..parts })
                });
            let found = with_namespace.or_else(|| Parts::image(rest, strictness));
            if let Some(parts) = found {
                return Some(Parts { pool: Some(pool.to_owned()), ..parts });
            }
        }
        Parts::image(spec, strictness)
    }

    /// `image[@snap]`
    fn image(text: &str, strictness: Strictness) -> Option<Parts> {
        let (image, snap) = match text.split_once('@') {
            Some((image, snap)) => (image, Some(snap)),
            None => (text, None),
        };
        let image_fits =
            !image.is_empty() && (strictness != Strictness::NewImage || !image.contains('/'));
        let snap_fits = snap.is_none_or(|snap| {
            !snap.is_empty() && (strictness == Strictness::Lenient || !snap.contains(['/', '@']))
        });
        (image_fits && snap_fits).then(|| Parts {
            image: Some(image.to_owned()),
            snap: snap.map(str::to_owned),
            ..Parts::default()
        })
    }

    /// What `over` says wins.
    fn overlay(&mut self, over: Parts) {
        self.pool = over.pool.or(self.pool.take());
        self.namespace = over.namespace.or(self.namespace.take());
        self.image = over.image.or(self.image.take());
        self.snap = over.snap.or(self.snap.take());
    }

    fn check(&self, names: &OptionNames, wanted: Wanted) -> Result<(), UsageError> {
        let prefix = names.prefix;
        let strict = wanted.strictness != Strictness::Lenient;
        if let Some(pool) = &self.pool
            && wanted.strictness == Strictness::NewImage
            && (pool.is_empty() || pool.contains(['@', '/']))
        {
            return Err(UsageError::unfitting(format!("invalid pool name '{pool}'")));
        }
        check_namespace(self.namespace.as_deref().unwrap_or_default())?;
        match (wanted.snap, &self.snap) {
            (SnapRule::Refused, Some(_)) => Err(UsageError::unfitting(format!(
                "{prefix}snapshot name specified for a command that doesn't use it"
            ))),
            (SnapRule::Required, None) => {
                Err(UsageError::unfitting(format!("{prefix}snapshot name was not specified")))
            }
            (_, Some(snap)) if strict && snap.contains(['@', '/']) => {
                Err(UsageError::unfitting(format!("{prefix}invalid snap name '{snap}'")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(spec: &str, strictness: Strictness) -> Option<[String; 4]> {
        let shown = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        let parts = Parts::parse(spec, strictness)?;
        Some([shown(parts.pool), shown(parts.namespace), shown(parts.image), shown(parts.snap)])
    }

    /// Whatever the words, a spec is refused or has the parts that it was put together from.
    #[test]
    fn no_text_brings_the_parser_down() {
        let mut random = marcot_testkit::Random::new(13);
        for _ in 0..50_000 {
            let length = random.below(12);
            let letters = ['/', '@', 'a', '.', ' ', '\u{e9}', '-'];
            let text: String = (0..length).map(|_| *random.pick(&letters)).collect();
            for strictness in [Strictness::Lenient, Strictness::NewSnapshot, Strictness::NewImage] {
                let Some(parts) = Parts::parse(&text, strictness) else { continue };
                let Parts { pool, namespace, image, snap } = parts;
                let mut again = String::new();
                pool.into_iter().chain(namespace).for_each(|part| again += &format!("{part}/"));
                again += &image.unwrap_or_default();
                again.extend(snap.map(|snap| format!("@{snap}")));
                assert_eq!(again, text);
            }
        }
    }

    #[test]
    fn specs() {
        let of = |texts: [&str; 4]| Some(texts.map(str::to_owned));
        for strictness in [Strictness::Lenient, Strictness::NewSnapshot, Strictness::NewImage] {
            assert_eq!(parts("a", strictness), of(["-", "-", "a", "-"]));
            assert_eq!(parts("rbd/a", strictness), of(["rbd", "-", "a", "-"]));
            assert_eq!(parts("rbd/ns/a@s", strictness), of(["rbd", "ns", "a", "s"]));
            assert_eq!(parts("a@s", strictness), of(["-", "-", "a", "s"]));
            for bad in ["@", "a@", "@s", ""] {
                assert_eq!(parts(bad, strictness), None, "{bad}");
            }
        }
        for bad in ["/a", "a/", "a@s@t", "a@x/y", "a/b/c/d", "rbd//a"] {
            assert_eq!(parts(bad, Strictness::NewImage), None, "{bad}");
        }
        assert_eq!(parts("a@s@t", Strictness::Lenient), of(["-", "-", "a", "s@t"]));
        assert_eq!(parts("a@s@t", Strictness::NewSnapshot), None);
        assert_eq!(parts("a@x/y", Strictness::NewSnapshot), of(["a@x", "-", "y", "-"]));
        assert_eq!(parts("a/b/c/d", Strictness::Lenient), of(["a", "b", "c/d", "-"]));
        assert_eq!(parts("/a", Strictness::Lenient), of(["-", "-", "/a", "-"]));
    }
}
