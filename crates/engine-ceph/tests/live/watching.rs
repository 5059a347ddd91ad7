//! Watches that are lost: whoever watched is told, and hears again after registering anew.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use marcot_store::op::CreateMode;
use marcot_store::watch::{Acknowledgement, Watch, WatchEvent};
use marcot_store::{ClusterChange, Errno, ObjectId, Store, WatchHandle, WriteStep};
use pollster::block_on;

use super::{cluster, pool, write};

/// A cluster tells of a lost watch when it is lost, or at the client's next sign of life.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watcher that answers what it hears with `yes`, and passes on how its watch ended.
struct Watcher {
    store: Arc<dyn Store>,
    object: ObjectId,
}

impl Watcher {
    fn new(name: &str) -> Option<Watcher> {
        let store = cluster()?;
        let object = ObjectId::new(pool(&*store), "", name);
        write(&*store, &object, WriteStep::Create(CreateMode::IfAbsent)).expect("create");
        Some(Watcher { store, object })
    }

    fn watch(&self) -> Result<(WatchHandle, Receiver<Errno>), Errno> {
        let Watch { handle, mut events } =
            block_on(self.store.watch(&self.object)).map_err(|error| error.errno)?;
        let (store, object) = (Arc::clone(&self.store), self.object.clone());
        let (told, ended) = channel();
        thread::spawn(move || {
            while let Some(event) = block_on(events.next()) {
                match event {
                    WatchEvent::Notified(note) => {
                        let (object, payload) = (object.clone(), Bytes::from_static(b"yes"));
                        let ack = Acknowledgement { object, handle, id: note.id, payload };
                        block_on(store.acknowledge(ack)).expect("acknowledge");
                    }
                    // The test may have ended by then.
                    WatchEvent::Lost(errno) => drop(told.send(errno)),
                }
            }
        });
        Ok((handle, ended))
    }

    /// Who answers a notification by another client.
    fn heard_by(&self, other: &dyn Store) -> Vec<WatchHandle> {
        let asked = Bytes::from_static(b"anybody?");
        let outcome = block_on(other.notify(&self.object, asked, PATIENCE)).expect("notify");
        assert_eq!(outcome.timeouts, []);
        outcome.acks.iter().map(|(_, handle, _)| *handle).collect()
    }
}

#[test]
fn a_watch_lost_with_its_object_is_registered_anew() {
    let (Some(watcher), Some(other)) = (Watcher::new("marcot-lost-object"), cluster()) else {
        return;
    };
    let (first, ended) = watcher.watch().expect("watch");
    assert_eq!(watcher.heard_by(&*other), [first]);
    write(&*other, &watcher.object, WriteStep::Remove).expect("remove");
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(Errno::NOTCONN));
    assert_eq!(watcher.watch().map(drop), Err(Errno::NOENT));

    write(&*other, &watcher.object, WriteStep::Create(CreateMode::Exclusive)).expect("create");
    assert_eq!(watcher.heard_by(&*other), []);
    let (second, _ended) = watcher.watch().expect("watch again");
    assert_eq!(watcher.heard_by(&*other), [second]);
    // The lost one was ended when it was lost, so its number may be the second's.
    if first != second {
        let gone = block_on(watcher.store.unwatch(&watcher.object, first));
        assert_eq!(gone.map_err(|error| error.errno), Err(Errno::NOENT));
    }
    block_on(watcher.store.unwatch(&watcher.object, second)).expect("unwatch");
    write(&*other, &watcher.object, WriteStep::Remove).expect("remove");
}

#[test]
fn a_client_let_in_again_watches_again() {
    let (Some(watcher), Some(other)) = (Watcher::new("marcot-lost-client"), cluster()) else {
        return;
    };
    let (first, ended) = watcher.watch().expect("watch");
    assert_eq!(watcher.heard_by(&*other), [first]);
    let address = watcher.store.client_address();
    let shut_out = ClusterChange::AddBlocklist { address: address.clone() };
    block_on(other.administer(shut_out)).expect("blocklist");
    let errno = ended.recv_timeout(PATIENCE).expect("the watch is lost");
    assert!([Errno::NOTCONN, Errno::SHUTDOWN].contains(&errno), "{errno}");
    assert_eq!(watcher.watch().map(drop), Err(Errno::SHUTDOWN));
    assert_eq!(watcher.heard_by(&*other), []);

    block_on(other.administer(ClusterChange::RemoveBlocklist { address })).expect("let in");
    // It learns of it with the next map.
    let again = (0..600).find_map(|_| {
        thread::sleep(Duration::from_millis(100));
        watcher.watch().ok()
    });
    let (second, _ended) = again.expect("watch again");
    assert_eq!(watcher.heard_by(&*other), [second]);
    block_on(watcher.store.unwatch(&watcher.object, second)).expect("unwatch");
    write(&*other, &watcher.object, WriteStep::Remove).expect("remove");
}
