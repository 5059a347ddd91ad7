//! Round trips of every event, and the layouts of old.

use super::*;

fn every_event() -> Vec<Event> {
    let snapshot = EventSnapshot { name: "s".to_owned(), namespace: SnapshotNamespace::User };
    let op = 7;
    vec![
        Event::Discard { offset: 1, length: 2, granularity: 65536 },
        Event::Write { offset: 1, length: 2, data: b"ab".to_vec() },
        Event::Flush,
        Event::OpFinish { op, result: -2 },
        Event::SnapCreate { op, snapshot: snapshot.clone() },
        Event::SnapRemove { op, snapshot: snapshot.clone() },
        Event::SnapRename { op, snap_id: 4, from: "s".to_owned(), to: "t".to_owned() },
        Event::SnapProtect { op, snapshot: snapshot.clone() },
        Event::SnapUnprotect { op, snapshot: snapshot.clone() },
        Event::SnapRollback { op, snapshot },
        Event::Rename { op, name: "other".to_owned() },
        Event::Resize { op, size: 9 },
        Event::Flatten { op },
        Event::DemotePromote,
        Event::SnapLimit { op, limit: 3 },
        Event::UpdateFeatures { op, features: Features::OBJECT_MAP, enabled: true },
        Event::MetadataSet { op, key: "k".to_owned(), value: "v".to_owned() },
        Event::MetadataRemove { op, key: "k".to_owned() },
        Event::WriteSame { offset: 1, length: 4, data: b"ab".to_vec() },
        Event::CompareAndWrite { offset: 1, length: 1, compare: vec![1], data: vec![2] },
        Event::Unknown { number: 20 },
    ]
}

#[test]
fn every_event_comes_back_under_its_number() {
    for (number, event) in (0u32..).zip(every_event()) {
        assert_eq!(event.number(), number);
        let entry = JournalEvent { event, timestamp: Utime { seconds: 1, nanoseconds: 2 } };
        assert_eq!(JournalEvent::from_bytes(&entry.to_bytes()).unwrap(), entry);
    }
}

/// An event as an older release wrote it.
fn old(version: u8, body: impl FnOnce(&mut Encoder)) -> Event {
    let mut out = Encoder::default();
    out.versioned(version, 1, body);
    if version >= 4 {
        out.versioned(1, 1, |out| {
            out.put(&Utime::default());
        });
    }
    JournalEvent::from_bytes(&out.into_bytes()).unwrap().event
}

#[test]
fn older_versions_are_read() {
    let discard = |granularity| Event::Discard { offset: 1, length: 2, granularity };
    let extent = |out: &mut Encoder| {
        out.put(&0u32).put(&1u64).put(&2u64);
    };
    assert_eq!(old(3, extent), discard(0));
    for (skip, granularity) in [(true, u32::MAX), (false, 0)] {
        let event = old(4, |out| {
            extent(out);
            out.put(&skip);
        });
        assert_eq!(event, discard(granularity));
    }
    let renamed = old(1, |out| {
        out.put(&6u32).put(&7u64).put("t").put(&4u64);
    });
    let expected = Event::SnapRename { op: 7, snap_id: 4, from: String::new(), to: "t".to_owned() };
    assert_eq!(renamed, expected);
    let user = EventSnapshot { name: "s".to_owned(), namespace: SnapshotNamespace::User };
    for (version, number, namespace) in [(2, 4u32, false), (3, 4, true), (3, 5, false)] {
        let event = old(version, |out| {
            out.put(&number).put(&7u64).put("s");
            if namespace {
                out.put(&SnapshotNamespace::User);
            }
        });
        assert_eq!(event.number(), number);
        let (Event::SnapCreate { snapshot, .. } | Event::SnapRemove { snapshot, .. }) = event
        else {
            panic!("another event");
        };
        assert_eq!(snapshot, user);
    }
}
