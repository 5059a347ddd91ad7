//! Captured notifications, and round trips of every kind.

use proptest::prelude::*;

use super::*;
use crate::hostile::unhex;

const CLIENT: ImageClient = ImageClient { instance: 4123, handle: 94_570 };
const REQUEST: AsyncRequest = AsyncRequest { client: CLIENT, request: 7 };

fn snapshot() -> SnapshotName {
    SnapshotName { name: "s1".to_owned(), namespace: SnapshotNamespace::User }
}

fn every_message() -> Vec<NotifyMessage> {
    let (request, snapshot) = (REQUEST, snapshot());
    vec![
        NotifyMessage::AcquiredLock(CLIENT),
        NotifyMessage::ReleasedLock(CLIENT),
        NotifyMessage::RequestLock { client: CLIENT, force: true },
        NotifyMessage::HeaderUpdate,
        NotifyMessage::AsyncProgress { request, offset: 1, total: 2 },
        NotifyMessage::AsyncComplete { request, result: -22 },
        NotifyMessage::Flatten(request),
        NotifyMessage::Resize { size: 1 << 24, request, allow_shrink: false },
        NotifyMessage::SnapCreate { snapshot: snapshot.clone(), request, flags: 1 },
        NotifyMessage::SnapRemove { snapshot: snapshot.clone(), request },
        NotifyMessage::RebuildObjectMap(request),
        NotifyMessage::SnapRename { snap_id: 4, snapshot: snapshot.clone(), request },
        NotifyMessage::SnapProtect { snapshot: snapshot.clone(), request },
        NotifyMessage::SnapUnprotect { snapshot, request },
        NotifyMessage::Rename { name: "other".to_owned(), request },
        NotifyMessage::UpdateFeatures { features: Features::OBJECT_MAP, enabled: true, request },
        NotifyMessage::Migrate(request),
        NotifyMessage::Sparsify { request, sparse_size: 4096 },
        NotifyMessage::Quiesce(request),
        NotifyMessage::Unquiesce(request),
        NotifyMessage::MetadataUpdate { key: "k".to_owned(), value: None, request },
        NotifyMessage::Unknown { number: 21 },
    ]
}

#[test]
fn every_message_comes_back_under_its_number() {
    for (number, message) in (0u32..).zip(every_message()) {
        assert_eq!(message.number(), number);
        assert_eq!(NotifyMessage::from_bytes(&message.to_bytes()).unwrap(), message);
    }
}

#[test]
fn bytes_are_those_of_librbd() {
    let ids = "1b10000000000000 6a71010000000000";
    let captured = [
        (NotifyMessage::HeaderUpdate, "0701 04000000 03000000".to_owned()),
        (NotifyMessage::ReleasedLock(CLIENT), format!("0701 14000000 01000000 {ids}")),
        (
            NotifyMessage::Resize { size: 1 << 24, request: REQUEST, allow_shrink: false },
            format!("0701 25000000 07000000 0000000100000000 {ids} 0700000000000000 00"),
        ),
        (
            NotifyMessage::AsyncComplete { request: REQUEST, result: 0 },
            format!("0701 20000000 05000000 {ids} 0700000000000000 00000000"),
        ),
    ];
    for (message, bytes) in captured {
        assert_eq!(message.to_bytes(), unhex(&bytes), "{message:?}");
    }
    let response = NotifyResponse { result: -16 };
    assert_eq!(response.to_bytes(), unhex("0101 04000000 f0ffffff"));
    assert_eq!(NotifyResponse::from_bytes(&response.to_bytes()).unwrap(), response);
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(number in 0u32..23, bytes: Vec<u8>) {
        let mut out = Encoder::default();
        out.versioned(7, 1, |out| { out.put(&number).raw(&bytes); });
        let _ = NotifyMessage::from_bytes(&out.into_bytes());
        let _ = NotifyMessage::from_bytes(&bytes);
        let _ = NotifyResponse::from_bytes(&bytes);
    }

    #[test]
    fn truncated_messages_are_refused(which in 1usize..20, cut in 1usize..9) {
        let message = &every_message()[which];
        let mut body = Encoder::default();
        message.encode_body(&mut body);
        let body = body.into_bytes();
        if body.len() >= cut {
            let mut out = Encoder::default();
            out.versioned(7, 1, |out| { out.put(&message.number()).raw(&body[..body.len() - cut]); });
            prop_assert!(NotifyMessage::from_bytes(&out.into_bytes()).is_err());
        }
    }
}

#[test]
fn an_empty_payload_says_that_the_header_changed() {
    assert_eq!(NotifyMessage::from_payload(&[]).unwrap(), NotifyMessage::HeaderUpdate);
    let released = NotifyMessage::ReleasedLock(ImageClient { instance: 7, handle: 8 });
    assert_eq!(NotifyMessage::from_payload(&released.to_bytes()).unwrap(), released);
}
