//! Watches, notifications, answers.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join, join3};
use futures_util::{FutureExt, StreamExt};
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, WatchEvent};
use marcot_store::{ClientId, Errno, ObjectId, Store, WatchHandle, WriteStep};
use pollster::block_on;

use crate::{Subject, bytes, put};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn watched(s: &Subject) -> ObjectId {
    let id = s.object("o");
    s.write(&id, vec![put(0, "x")]);
    id
}

/// Answers the next notification with `reply`; yields who sent it, and what.
async fn answer(
    store: &dyn Store,
    object: &ObjectId,
    watch: &mut Watch,
    reply: &str,
) -> (ClientId, Bytes) {
    match watch.events.next().await {
        Some(WatchEvent::Notified(notification)) => {
            let ack = Acknowledgement {
                object: object.clone(),
                handle: watch.handle,
                id: notification.id,
                payload: bytes(reply),
            };
            store.acknowledge(ack).await.expect("an answer is taken");
            (notification.notifier, notification.payload)
        }
        other => panic!("expected a notification, got {other:?}"),
    }
}

fn notify(store: &dyn Store, id: &ObjectId, timeout: Duration) -> NotifyOutcome {
    block_on(store.notify(id, bytes("payload"), timeout)).expect("the notification is sent")
}

pub fn watching_needs_the_object(s: &Subject) {
    let id = s.object("none");
    let errno = |outcome: Result<(), marcot_store::StoreError>| outcome.map_err(|e| e.errno);
    assert_eq!(errno(block_on(s.store.watch(&id)).map(|_| ())), Err(Errno::NOENT));
    let sent = block_on(s.store.notify(&id, bytes(""), SHORT));
    assert_eq!(errno(sent.map(|_| ())), Err(Errno::NOENT));
    let listed = block_on(s.store.list_watchers(&id));
    assert_eq!(errno(listed.map(|_| ())), Err(Errno::NOENT));
}

pub fn watchers_are_listed_with_client_address_and_handle(s: &Subject) {
    let (id, other) = (watched(s), s.client());
    assert_eq!(s.wait(s.store.list_watchers(&id)), []);
    let mine = s.wait(s.store.watch(&id));
    let theirs = s.wait(other.watch(&id));
    let watchers = s.wait(other.list_watchers(&id));
    let mut listed: Vec<_> =
        watchers.iter().map(|w| (w.client, w.address.clone(), w.handle)).collect();
    listed.sort();
    let mut expected = vec![
        (s.store.client_id(), s.store.client_address(), mine.handle),
        (other.client_id(), other.client_address(), theirs.handle),
    ];
    expected.sort();
    assert_eq!(listed, expected);
    s.wait(s.store.unwatch(&id, mine.handle));
    assert_eq!(s.wait(s.store.list_watchers(&id)).len(), 1);
}

pub fn notifying_nobody_yields_nobody(s: &Subject) {
    let id = watched(s);
    assert_eq!(notify(&*s.store, &id, LONG), NotifyOutcome::default());
}

pub fn every_watcher_hears_and_answers_the_notifier_too(s: &Subject) {
    let (id, other) = (watched(s), s.client());
    let mut mine = s.wait(s.store.watch(&id));
    let mut theirs = s.wait(other.watch(&id));
    let (outcome, first, second) = block_on(join3(
        s.store.notify(&id, bytes("payload"), LONG),
        answer(&*s.store, &id, &mut mine, "me"),
        answer(&*other, &id, &mut theirs, "they"),
    ));
    let mut acks = outcome.expect("the notification is sent").acks;
    acks.sort();
    let mut expected = vec![
        (s.store.client_id(), mine.handle, bytes("me")),
        (other.client_id(), theirs.handle, bytes("they")),
    ];
    expected.sort();
    assert_eq!(acks, expected);
    assert_eq!((first.0, second.0), (s.store.client_id(), s.store.client_id()));
    assert_eq!((first.1, second.1), (bytes("payload"), bytes("payload")));
}

pub fn a_silent_watcher_times_out(s: &Subject) {
    let (id, other) = (watched(s), s.client());
    let silent = s.wait(other.watch(&id));
    let mut mine = s.wait(s.store.watch(&id));
    let (outcome, _) = block_on(join(
        s.store.notify(&id, bytes("payload"), SHORT),
        answer(&*s.store, &id, &mut mine, "here"),
    ));
    let outcome = outcome.expect("the notification is sent");
    assert_eq!(outcome.acks, [(s.store.client_id(), mine.handle, bytes("here"))]);
    assert_eq!(outcome.timeouts, [(other.client_id(), silent.handle)]);
}

pub fn a_watcher_that_dropped_its_receiver_is_waited_for(s: &Subject) {
    let (id, other) = (watched(s), s.client());
    let watch = s.wait(other.watch(&id));
    let handle = watch.handle;
    drop(watch);
    assert_eq!(notify(&*s.store, &id, SHORT).timeouts, [(other.client_id(), handle)]);
    assert_eq!(s.wait(s.store.list_watchers(&id)).len(), 1, "it is still registered");
}

pub fn an_answer_after_the_timeout_is_dropped(s: &Subject) {
    let id = watched(s);
    let mut watch = s.wait(s.store.watch(&id));
    assert_eq!(notify(&*s.store, &id, SHORT).timeouts.len(), 1);
    block_on(answer(&*s.store, &id, &mut watch, "late"));
    let (outcome, _) = block_on(join(
        s.store.notify(&id, bytes("payload"), LONG),
        answer(&*s.store, &id, &mut watch, "in time"),
    ));
    let acks = outcome.expect("the notification is sent").acks;
    assert_eq!(acks, [(s.store.client_id(), watch.handle, bytes("in time"))]);
}

pub fn after_unwatch_nothing_is_heard(s: &Subject) {
    let id = watched(s);
    let mut watch = s.wait(s.store.watch(&id));
    s.wait(s.store.unwatch(&id, watch.handle));
    assert_eq!(notify(&*s.store, &id, LONG), NotifyOutcome::default());
    let heard = watch.events.next().now_or_never().flatten();
    assert!(!matches!(heard, Some(WatchEvent::Notified(_))), "{heard:?}");
}

pub fn unwatch_of_a_strange_handle_is_refused(s: &Subject) {
    let id = watched(s);
    let watch = s.wait(s.store.watch(&id));
    assert!(block_on(s.store.unwatch(&id, WatchHandle(watch.handle.0 + 1000))).is_err());
    assert!(block_on(s.client().unwatch(&id, watch.handle)).is_err(), "of another client");
    assert_eq!(s.wait(s.store.list_watchers(&id)).len(), 1);
}

pub fn a_watch_ends_with_its_object(s: &Subject) {
    let id = watched(s);
    let mut watch = s.wait(s.store.watch(&id));
    s.write(&id, vec![WriteStep::Remove]);
    assert!(matches!(block_on(watch.events.next()), Some(WatchEvent::Lost(_))));
    s.write(&id, vec![put(0, "again")]);
    assert_eq!(s.wait(s.store.list_watchers(&id)), []);
}

pub fn a_watch_lives_through_writes(s: &Subject) {
    let id = watched(s);
    let _watch = s.wait(s.store.watch(&id));
    s.write(&id, vec![WriteStep::WriteFull { data: bytes("other") }]);
    assert_eq!(s.wait(s.store.list_watchers(&id)).len(), 1);
}

pub fn watches_belong_to_one_object(s: &Subject) {
    let (id, other) = (watched(s), s.object("other"));
    s.write(&other, vec![put(0, "x")]);
    let _watch = s.wait(s.store.watch(&id));
    assert_eq!(notify(&*s.store, &other, LONG), NotifyOutcome::default());
}

pub fn one_client_may_watch_twice(s: &Subject) {
    let id = watched(s);
    let mut first = s.wait(s.store.watch(&id));
    let mut second = s.wait(s.store.watch(&id));
    assert_ne!(first.handle, second.handle);
    let (outcome, _, _) = block_on(join3(
        s.store.notify(&id, bytes("payload"), LONG),
        answer(&*s.store, &id, &mut first, "1"),
        answer(&*s.store, &id, &mut second, "2"),
    ));
    assert_eq!(outcome.expect("the notification is sent").acks.len(), 2);
}
