//! The two kinds of header, and where each is kept.

use std::sync::Arc;

use marcot_format::object_name;
use marcot_store::ObjectId;

use crate::client::{ImageKey, Location};

/// In which records an image is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// `<name>.rbd`: no id, no features, no clones. New ones are made only by force.
    V1,
    /// `rbd_header.<id>`.
    #[default]
    V2,
}

impl ImageFormat {
    /// As Ceph counts.
    pub fn number(self) -> u64 {
        match self {
            ImageFormat::V1 => 1,
            ImageFormat::V2 => 2,
        }
    }

    /// How many hex digits the number of a data object has.
    pub(super) fn digits(self) -> usize {
        match self {
            ImageFormat::V1 => 12,
            ImageFormat::V2 => 16,
        }
    }

    pub(super) fn header_object(self, at: &Location, id: &str, name: &str) -> ObjectId {
        at.object(match self {
            ImageFormat::V1 => object_name::format_1_header(name),
            ImageFormat::V2 => object_name::header(id),
        })
    }
}

/// Which image to load.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) location: Location,
    pub(crate) format: ImageFormat,
    /// Empty in format 1.
    pub(crate) id: Arc<str>,
    pub(crate) name: Arc<str>,
}

impl Identity {
    pub(crate) fn header_object(&self) -> ObjectId {
        self.format.header_object(&self.location, &self.id, &self.name)
    }

    /// What an image of format 1 called `name` is to be opened by: it has no id.
    pub(crate) fn format_1(at: &Location, name: &str) -> Identity {
        Identity { location: at.clone(), format: ImageFormat::V1, id: "".into(), name: name.into() }
    }

    /// The image of format 2 with that id.
    pub(crate) fn format_2(at: &Location, id: &str, name: &str) -> Identity {
        Identity { location: at.clone(), format: ImageFormat::V2, id: id.into(), name: name.into() }
    }

    /// How to open it again, whatever it is called by then if it has an id.
    pub(crate) fn key(&self) -> ImageKey {
        match self.format {
            ImageFormat::V1 => ImageKey::Name(self.name.to_string()),
            ImageFormat::V2 => ImageKey::Id(self.id.to_string()),
        }
    }
}
