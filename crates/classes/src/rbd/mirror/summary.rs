//! How many mirrored images are in which state.

use std::collections::{BTreeMap, BTreeSet};

use marcot_format::call::mirror::MirrorImageStatusGetSummary;
use marcot_format::mirror::{
    MirrorImageStatus, MirrorPeer, MirrorPeerDirection, MirrorStatusState,
};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::image::images;
use super::status::status;
use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 1] = [Entry::of::<MirrorImageStatusGetSummary>()];

impl Method for MirrorImageStatusGetSummary {
    fn run(
        self,
        object: &mut dyn ObjectContext,
    ) -> Result<BTreeMap<MirrorStatusState, i32>, Errno> {
        let peers = self.peers.0.unwrap_or_default();
        let mut counts = BTreeMap::new();
        for (_, image) in images(object, "", u64::MAX)? {
            let state = match status(object, &image.global_image_id) {
                Ok(status) => state(&status, &peers),
                Err(Errno::NOENT) => MirrorStatusState::Unknown,
                Err(errno) => return Err(errno),
            };
            *counts.entry(state).or_insert(0) += 1;
        }
        Ok(counts)
    }
}

/// One image's state: an error anywhere, else the least that one of the sites has come to.
///
/// As an OSD of 16.2 answers: this site's word counts while its author is there and if the first
/// of the peers receives or any does both; the words of the others count as soon as one peer
/// sends, and then all of them, whoever asked for them. A peer without a word makes the state
/// unknown, errors or not; an error counts even if its author is gone.
fn state(status: &MirrorImageStatus, peers: &[MirrorPeer]) -> MirrorStatusState {
    let both = |peer: &MirrorPeer| peer.direction == MirrorPeerDirection::Both;
    let receives = |peer: &MirrorPeer| peer.direction == MirrorPeerDirection::Receive;
    let local_counts = peers.first().is_none_or(receives) || peers.iter().any(both);
    let mut states = Vec::new();
    states.extend(
        status.local.iter().filter(|local| local_counts && local.up).map(|local| local.state),
    );
    let senders: Vec<&MirrorPeer> = peers.iter().filter(|peer| !receives(peer)).collect();
    if !senders.is_empty() {
        let said: BTreeSet<&str> =
            status.remote.iter().map(|remote| &remote.mirror_uuid[..]).collect();
        if senders.iter().any(|peer| !said.contains(&peer.mirror_uuid[..])) {
            return MirrorStatusState::Unknown;
        }
        states.extend(status.remote.iter().map(|remote| match remote.state {
            MirrorStatusState::Error => MirrorStatusState::Error,
            state if remote.up => state,
            _ => MirrorStatusState::Unknown,
        }));
    }
    if states.contains(&MirrorStatusState::Error) {
        return MirrorStatusState::Error;
    }
    states.into_iter().min().unwrap_or(MirrorStatusState::Unknown)
}
