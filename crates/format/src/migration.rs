//! An image on its way to another place: `migration` in the headers of both sides.

use std::collections::BTreeMap;

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// The other side, and how far the move has come (`cls::rbd::MigrationSpec`, version 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationSpec {
    pub side: MigrationSide,
    /// -1 when the source is no image of this cluster.
    pub pool_id: i64,
    pub pool_namespace: String,
    pub image_name: String,
    pub image_id: String,
    /// Snapshot ids of the source to those of the destination.
    pub snap_seqs: BTreeMap<u64, u64>,
    /// Bytes of the source that show through the destination.
    pub overlap: u64,
    pub flatten: bool,
    pub mirroring: bool,
    pub state: MigrationState,
    /// What went wrong, for [`MigrationState::Error`].
    pub state_description: String,
    /// 0 journal, 1 snapshot.
    pub mirror_image_mode: u8,
    /// JSON that describes a source that is no image of this cluster.
    pub source_spec: String,
}

/// Which header this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MigrationSide {
    Source = 1,
    Destination = 2,
}

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MigrationState {
    Error = 0,
    Preparing = 1,
    Prepared = 2,
    Executing = 3,
    Executed = 4,
    Aborting = 5,
}

impl Encode for MigrationSide {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for MigrationSide {
    const RECORD: &'static str = "migration side";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            1 => Ok(MigrationSide::Source),
            2 => Ok(MigrationSide::Destination),
            other => Err(input.bad_value(other)),
        }
    }
}

impl Encode for MigrationState {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for MigrationState {
    const RECORD: &'static str = "migration state";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(MigrationState::Error),
            1 => Ok(MigrationState::Preparing),
            2 => Ok(MigrationState::Prepared),
            3 => Ok(MigrationState::Executing),
            4 => Ok(MigrationState::Executed),
            5 => Ok(MigrationState::Aborting),
            other => Err(input.bad_value(other)),
        }
    }
}

impl Encode for MigrationSpec {
    fn encode(&self, out: &mut Encoder) {
        // A reader that does not know source specs must not take this for an image it can open.
        let compat = if self.source_spec.is_empty() { 1 } else { 3 };
        out.versioned(3, compat, |out| {
            out.put(&self.side)
                .put(&self.pool_id)
                .put(&self.pool_namespace)
                .put(&self.image_name)
                .put(&self.image_id)
                .put(&self.snap_seqs)
                .put(&self.overlap)
                .put(&self.flatten)
                .put(&self.mirroring)
                .put(&self.state)
                .put(&self.state_description)
                .put(&self.mirror_image_mode)
                .put(&self.source_spec);
        });
    }
}

impl Decode for MigrationSpec {
    const RECORD: &'static str = "MigrationSpec";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 3, |input, envelope| {
            let mut spec = MigrationSpec {
                side: input.field("header_type")?,
                pool_id: input.field("pool_id")?,
                pool_namespace: input.field("pool_namespace")?,
                image_name: input.field("image_name")?,
                image_id: input.field("image_id")?,
                snap_seqs: input.field("snap_seqs")?,
                overlap: input.field("overlap")?,
                flatten: input.field("flatten")?,
                mirroring: input.field("mirroring")?,
                state: input.field("state")?,
                state_description: input.field("state_description")?,
                mirror_image_mode: 0,
                source_spec: String::new(),
            };
            if envelope.version >= 2 {
                spec.mirror_image_mode = input.field("mirror_image_mode")?;
            }
            if envelope.version >= 3 {
                spec.source_spec = input.field("source_spec")?;
            }
            Ok(spec)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile::{hex, unhex};

    const DESTINATION: &str = "03014f0000000202000000000000000000000006000000666d742d6d310c000000\
        3235373936626464366337310100000029000000000000002a000000000000000000800000000000000002\
        000000000000000000";

    fn destination() -> MigrationSpec {
        MigrationSpec {
            side: MigrationSide::Destination,
            pool_id: 2,
            pool_namespace: String::new(),
            image_name: "fmt-m1".to_owned(),
            image_id: "25796bdd6c71".to_owned(),
            snap_seqs: [(0x29, 0x2a)].into(),
            overlap: 8 << 20,
            flatten: false,
            mirroring: false,
            state: MigrationState::Prepared,
            state_description: String::new(),
            mirror_image_mode: 0,
            source_spec: String::new(),
        }
    }

    #[test]
    fn bytes_are_those_of_an_osd() {
        assert_eq!(hex(&destination().to_bytes()), DESTINATION);
        assert_eq!(MigrationSpec::from_bytes(&unhex(DESTINATION)).unwrap(), destination());
    }

    #[test]
    fn a_source_spec_shuts_out_older_readers() {
        let spec = MigrationSpec { source_spec: "{}".to_owned(), ..destination() };
        assert_eq!(spec.to_bytes()[..2], [3, 3]);
        assert_eq!(MigrationSpec::from_bytes(&spec.to_bytes()).unwrap(), spec);
    }

    proptest! {
        #[test]
        fn round_trip(name: String, snap_seqs: BTreeMap<u64, u64>, overlap: u64, flatten: bool) {
            let spec = MigrationSpec {
                image_name: name, snap_seqs, overlap, flatten, ..destination()
            };
            prop_assert_eq!(MigrationSpec::from_bytes(&spec.to_bytes()).unwrap(), spec);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>, at in 0usize..85, flip: u8) {
            let _ = MigrationSpec::from_bytes(&bytes);
            let mut near = unhex(DESTINATION);
            near[at] ^= flip;
            let _ = MigrationSpec::from_bytes(&near);
        }
    }
}
