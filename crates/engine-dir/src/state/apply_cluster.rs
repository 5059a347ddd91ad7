//! What records do beside objects.

use crate::layout::ClusterItem;

use super::{Pool, SessionState, State};

impl State {
    /// Applies one change. A change of something that is not there does nothing: the record was
    /// checked before it was written, and one that the log repeats has done its work.
    pub(super) fn apply_cluster(&mut self, item: &ClusterItem) {
        let cluster = &mut self.cluster;
        match item {
            ClusterItem::CreatePool { id, name } => {
                cluster.next_pool = cluster.next_pool.max(id.0.saturating_add(1));
                cluster.pools.insert(*id, Pool::new(name.clone()));
            }
            ClusterItem::RenamePool { id, name } => {
                if let Some(pool) = cluster.pools.get_mut(id) {
                    pool.name.clone_from(name);
                }
            }
            ClusterItem::RemovePool { id } => {
                cluster.pools.remove(id);
                cluster.trims.retain(|(pool, _)| pool != id);
                cluster.purges.insert(*id);
            }
            ClusterItem::PoolPurged { id } => {
                cluster.purges.remove(id);
            }
            ClusterItem::SetMinCompatClient { release } => {
                cluster.min_compat_client.clone_from(release);
            }
            ClusterItem::SetConfigKey { key, value } => {
                cluster.config.insert(key.clone(), value.clone());
            }
            ClusterItem::RemoveConfigKey { key } => {
                cluster.config.remove(key);
            }
            ClusterItem::AddBlocklist { address } => {
                cluster.blocklist.insert(address.clone());
            }
            ClusterItem::RemoveBlocklist { address } => {
                cluster.blocklist.remove(address);
            }
            ClusterItem::CreateSnap { pool, snap } => {
                if let Some(pool) = cluster.pools.get_mut(pool) {
                    pool.snap_seq = pool.snap_seq.max(*snap);
                }
            }
            ClusterItem::RemoveSnap { pool, snap } => {
                if let Some(found) = cluster.pools.get_mut(pool) {
                    found.removed.insert(snap.0, 1);
                    cluster.trims.insert((*pool, *snap));
                }
            }
            ClusterItem::SnapTrimmed { pool, snap } => {
                cluster.trims.remove(&(*pool, *snap));
            }
            session => self.apply_session(session),
        }
    }

    fn apply_session(&mut self, item: &ClusterItem) {
        let sessions = &mut self.cluster.sessions;
        match item {
            ClusterItem::StartSession { client, process } => {
                let (answers, watches) = Default::default();
                sessions.insert(*client, SessionState { process: *process, answers, watches });
            }
            ClusterItem::EndSession { client } => {
                sessions.remove(client);
            }
            ClusterItem::Answered { client, number, answered_below, answer } => {
                if let Some(session) = sessions.get_mut(client) {
                    session.answers = session.answers.split_off(answered_below);
                    session.answers.insert(*number, *answer);
                }
            }
            ClusterItem::Watch { client, handle, object } => {
                if let Some(session) = sessions.get_mut(client) {
                    session.watches.insert(*handle, object.clone());
                }
            }
            ClusterItem::Unwatch { client, handle, .. } => {
                if let Some(session) = sessions.get_mut(client) {
                    session.watches.remove(handle);
                }
            }
            _ => debug_assert!(false, "the caller applies everything else"),
        }
    }
}
