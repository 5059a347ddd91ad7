//! Which work lasts, and so is left to the store's resident host.
//!
//! An embedded store has one owner at a time, and a command that owns it makes all others wait. So
//! whoever moves much, or moves at the pace of somebody else, says so before it begins. How much it
//! will be, the image tells: it is looked at over the short connection first, which then serves the
//! command itself when the work is small.

use marcot_connect::{Lifetime, Reached, StoreSpec};
use marcot_image::{Access, ImageKey, SnapKey};

use crate::args::spec::ImageSpec;
use crate::exit::Failure;

use super::{Session, snap_key};

/// Moving so much takes a second or so.
const LASTING_BYTES: u64 = 512 << 20;

/// Going through so many objects takes a second or so, even if each is only looked at.
const LASTING_OBJECTS: u64 = 16 << 10;

/// A pipe takes this much, whether or not somebody reads from it.
const PIPE_BYTES: u64 = 64 << 10;

/// What grows with the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Each object is named, its data stay where they are.
    Objects,
    /// All data are moved.
    Bytes,
    /// All data are moved at the pace of whoever is at the other end of a pipe.
    Stream,
}

impl Work {
    /// Whether it lasts on an image of so many bytes in so many objects.
    fn lasts(self, size: u64, objects: u64) -> bool {
        match self {
            Work::Objects => objects >= LASTING_OBJECTS,
            Work::Bytes => size >= LASTING_BYTES,
            Work::Stream => size > PIPE_BYTES,
        }
    }
}

impl Session {
    /// Says that so many bytes will be moved.
    pub(crate) fn expect_bytes(&self, bytes: u64) -> Result<(), Failure> {
        if bytes >= LASTING_BYTES {
            self.connection_for(Lifetime::Resident)?;
        }
        Ok(())
    }

    /// Says that data will come at the pace of whoever sends them, for as long as they like.
    pub(crate) fn expect_stream(&self) -> Result<(), Failure> {
        self.connection_for(Lifetime::Resident).map(drop)
    }

    /// Says what will be done to the image or snapshot that `spec` names. An image that is not to
    /// be opened is no error here: the command itself says so.
    pub(crate) fn expect_image(&self, spec: &ImageSpec, work: Work) -> Result<(), Failure> {
        if self.connection.get().is_some() || !matches!(self.store_spec()?, StoreSpec::Dir(_)) {
            return Ok(());
        }
        let looking = Session::new(self.personality, self.globals.clone());
        let owned_here = looking.connection()?.reached == Reached::InProcess;
        let lasts = owned_here && looking.lasts(spec, work);
        let connection = if lasts {
            looking.close();
            self.connect(&self.store_spec()?, Lifetime::Resident)?
        } else {
            let Session { connection, client, .. } = looking;
            drop(client);
            match connection.into_inner() {
                Some(connection) => connection,
                None => return Ok(()),
            }
        };
        // It was empty when we came, and nobody else fills it meanwhile.
        let _ = self.connection.set(connection);
        Ok(())
    }

    fn lasts(&self, spec: &ImageSpec, work: Work) -> bool {
        let Ok(at) = self.location(&spec.at) else { return false };
        let open = |snap| {
            let name = ImageKey::Name(spec.image.clone());
            self.open_key(&at, name, snap, Access::ReadOnly)
        };
        let Ok(image) = open(snap_key(spec)).or_else(|_| open(SnapKey::Head)) else {
            return false;
        };
        let size = image.view().size;
        work.lasts(size, image.header().object_count(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_grows_with_what_is_moved() {
        const MIB: u64 = 1 << 20;
        assert!(!Work::Objects.lasts(10 << 40, LASTING_OBJECTS - 1));
        assert!(Work::Objects.lasts(MIB, LASTING_OBJECTS));
        assert!(!Work::Bytes.lasts(256 * MIB, LASTING_OBJECTS));
        assert!(Work::Bytes.lasts(512 * MIB, 1));
        assert!(!Work::Stream.lasts(PIPE_BYTES, LASTING_OBJECTS));
        assert!(Work::Stream.lasts(PIPE_BYTES + 1, 1));
    }
}
