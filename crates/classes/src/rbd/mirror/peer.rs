//! Other clusters that mirror a pool.

use marcot_format::call::mirror::{
    MirrorPeerAdd, MirrorPeerList, MirrorPeerPing, MirrorPeerRemove, MirrorPeerSetClient,
    MirrorPeerSetCluster, MirrorPeerSetDirection,
};
use marcot_format::mirror::{
    MirrorMode, MirrorPeer, MirrorPeerDirection, MirrorUuid, PEER_PREFIX, UUID,
};
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::mode::mode;
use crate::method::{Entry, Method};
use crate::omap;
use crate::rbd::{now, snapshot};

pub(super) const METHODS: [Entry; 7] = [
    Entry::of::<MirrorPeerList>(),
    Entry::of::<MirrorPeerPing>(),
    Entry::of::<MirrorPeerAdd>(),
    Entry::of::<MirrorPeerRemove>(),
    Entry::of::<MirrorPeerSetClient>(),
    Entry::of::<MirrorPeerSetCluster>(),
    Entry::of::<MirrorPeerSetDirection>(),
];

fn peers(object: &mut dyn ObjectContext) -> Result<Vec<MirrorPeer>, Errno> {
    let peers = omap::list(object, PEER_PREFIX, "", u64::MAX)?.into_iter();
    peers.map(|(_, peer)| MirrorPeer::from_bytes(&peer).map_err(|_| Errno::IO)).collect()
}

fn save(object: &mut dyn ObjectContext, peer: &MirrorPeer) -> Result<(), Errno> {
    omap::set(object, &MirrorPeer::key(&peer.uuid), peer)
}

/// Changes a peer that is there.
fn update(
    object: &mut dyn ObjectContext,
    uuid: &str,
    change: impl FnOnce(&mut MirrorPeer),
) -> Result<(), Errno> {
    let mut peer = omap::value(object, &MirrorPeer::key(uuid))?;
    change(&mut peer);
    save(object, &peer)
}

/// `EINVAL` unless the pool is mirrored.
fn require_mirrored(object: &mut dyn ObjectContext) -> Result<(), Errno> {
    if mode(object)? == MirrorMode::Disabled { Err(Errno::INVAL) } else { Ok(()) }
}

impl Method for MirrorPeerList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Vec<MirrorPeer>, Errno> {
        peers(object)
    }
}

impl Method for MirrorPeerPing {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let transmits = self.direction == MirrorPeerDirection::Transmit;
        if self.site_name.is_empty() || self.mirror_uuid.is_empty() || !transmits {
            return Err(Errno::INVAL);
        }
        require_mirrored(object)?;
        let known = peers(object)?;
        let found = known.iter().find(|peer| peer.mirror_uuid == self.mirror_uuid);
        let found = found.or_else(|| known.iter().find(|peer| peer.site_name == self.site_name));
        let mut peer = found.cloned().unwrap_or_else(|| MirrorPeer {
            uuid: snapshot::hidden_name(object, known.len() as u64),
            direction: MirrorPeerDirection::Transmit,
            site_name: String::new(),
            client_name: String::new(),
            mirror_uuid: String::new(),
            last_seen: now(object),
        });
        // A name that another site has stays with it.
        let taken =
            |other: &MirrorPeer| other.uuid != peer.uuid && other.site_name == self.site_name;
        if !known.iter().any(taken) {
            peer.site_name = self.site_name;
        }
        peer.mirror_uuid = self.mirror_uuid;
        peer.last_seen = now(object);
        if peer.direction == MirrorPeerDirection::Receive {
            peer.direction = MirrorPeerDirection::Both;
        }
        save(object, &peer)
    }
}

impl Method for MirrorPeerAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let new = self.peer;
        require_mirrored(object)?;
        let own = omap::optional::<MirrorUuid>(object, UUID)?.unwrap_or_default().0;
        let named = ![&new.uuid, &new.site_name, &new.client_name].iter().any(|it| it.is_empty());
        if !named || new.uuid == own || new.direction == MirrorPeerDirection::Transmit {
            return Err(Errno::INVAL);
        }
        for known in peers(object)? {
            if known.uuid == new.uuid {
                return Err(Errno::STALE);
            }
            let same_pool = !new.mirror_uuid.is_empty() && known.mirror_uuid == new.mirror_uuid;
            if known.site_name == new.site_name || same_pool {
                return Err(Errno::EXIST);
            }
        }
        save(object, &new)
    }
}

impl Method for MirrorPeerRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = MirrorPeer::key(&self.uuid);
        if omap::contains(object, &key)? { omap::remove(object, &key) } else { Ok(()) }
    }
}

impl Method for MirrorPeerSetClient {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        update(object, &self.uuid, |peer| peer.client_name = self.client_name)
    }
}

impl Method for MirrorPeerSetCluster {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let taken = |peer: &MirrorPeer| peer.uuid != self.uuid && peer.site_name == self.site_name;
        if peers(object)?.iter().any(taken) {
            return Err(Errno::EXIST);
        }
        update(object, &self.uuid, |peer| peer.site_name = self.site_name)
    }
}

impl Method for MirrorPeerSetDirection {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        update(object, &self.uuid, |peer| peer.direction = self.direction)
    }
}
