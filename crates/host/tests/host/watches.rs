//! Watches through the owner.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join;
use marcot_store::op::CreateMode;
use marcot_store::watch::{Acknowledgement, WatchEvent};
use marcot_store::{Errno, Objects, Store, Watches, WriteOp, WriteStep};

use crate::served::{Setup, first_object, served};

fn create() -> WriteOp {
    WriteOp::new(vec![WriteStep::Create(CreateMode::IfAbsent)])
}

#[test]
fn a_notification_goes_round() {
    let host = served(Setup::default());
    let (watcher, notifier) = (host.client(), host.client());
    pollster::block_on(async {
        let object = first_object(&*watcher).await;
        watcher.write(&object, create()).await.unwrap();
        let mut watch = watcher.watch(&object).await.unwrap();
        let watchers = notifier.list_watchers(&object).await.unwrap();
        assert_eq!(watchers.len(), 1);
        assert_eq!(watchers[0].client, watcher.client_id());
        assert_eq!(watchers[0].address, watcher.client_address());
        let answer = async {
            let Some(WatchEvent::Notified(notification)) = watch.events.next().await else {
                panic!("no notification");
            };
            assert_eq!(notification.payload, "question");
            assert_eq!(notification.notifier, notifier.client_id());
            let ack = Acknowledgement {
                object: object.clone(),
                handle: watch.handle,
                id: notification.id,
                payload: Bytes::from_static(b"answer"),
            };
            watcher.acknowledge(ack).await.unwrap();
        };
        let question =
            notifier.notify(&object, Bytes::from_static(b"question"), Duration::from_secs(60));
        let (outcome, ()) = join(question, answer).await;
        let ack = (watcher.client_id(), watch.handle, Bytes::from_static(b"answer"));
        assert_eq!(outcome.unwrap().acks, [ack]);
        watcher.unwatch(&object, watch.handle).await.unwrap();
        assert_eq!(watch.events.next().await, None);
        assert_eq!(notifier.list_watchers(&object).await.unwrap(), []);
    });
}

#[test]
fn the_watches_of_a_client_end_with_it() {
    // On a hostile engine the watch is not ready at once.
    let host = served(Setup { hostile: Some(3), ..Setup::default() });
    let (watcher, other) = (host.client(), host.client());
    pollster::block_on(async {
        let object = first_object(&*watcher).await;
        watcher.write(&object, create()).await.unwrap();
        let _watch = watcher.watch(&object).await.unwrap();
        drop(watcher);
        while !other.list_watchers(&object).await.unwrap().is_empty() {
            std::thread::sleep(Duration::from_millis(2));
        }
    });
}

#[test]
fn a_watch_of_a_removed_object_is_lost() {
    let host = served(Setup::default());
    let watcher = host.client();
    pollster::block_on(async {
        let object = first_object(&*watcher).await;
        assert_eq!(watcher.watch(&object).await.unwrap_err().errno, Errno::NOENT);
        watcher.write(&object, create()).await.unwrap();
        let mut watch = watcher.watch(&object).await.unwrap();
        watcher.write(&object, WriteOp::new(vec![WriteStep::Remove])).await.unwrap();
        assert!(matches!(watch.events.next().await, Some(WatchEvent::Lost(_))));
        assert_eq!(watch.events.next().await, None);
    });
}
