//! A remote store is the store behind it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use marcot_host::server::Limits;
use marcot_store::op::CreateMode;
use marcot_store::{
    Cluster, Errno, ListQuery, ObjectId, Objects, ReadOp, ReadResult, ReadStep, SnapContext,
    SnapId, Snapshots, Store, WriteOp, WriteStep,
};

use crate::served::{Setup, first_object, served};

fn write(data: &'static [u8]) -> WriteOp {
    WriteOp::new(vec![WriteStep::WriteFull { data: Bytes::from_static(data) }])
}

fn read_all() -> ReadOp {
    ReadOp::single(ReadStep::Read { offset: 0, length: 64 << 20 })
}

#[test]
fn each_call_answers_as_the_engine_does() {
    let host = served(Setup::default());
    let (remote, local) = (host.client(), host.cluster.client());
    assert_eq!(remote.capabilities(), local.capabilities());
    assert_ne!(remote.client_id(), local.client_id());
    pollster::block_on(async {
        let object = first_object(&*remote).await;
        let snap = remote.create_snap_id(object.pool).await.unwrap();
        remote.write(&object, write(b"old")).await.unwrap();
        let context = SnapContext { seq: snap, snaps: [snap].into() };
        let version =
            remote.write(&object, write(b"new").with_snap_context(context)).await.unwrap();
        for at in [SnapId::HEAD, snap] {
            let found = remote.read(&object, at, read_all()).await;
            assert_eq!(found, local.read(&object, at, read_all()).await);
        }
        let stat = ReadOp::single(ReadStep::Stat);
        let found = remote.read(&object, SnapId::HEAD, stat).await.unwrap();
        assert!(matches!(found[..], [ReadResult::Stat(stat)] if stat.version == version));
        assert_eq!(remote.list_snaps(&object).await, local.list_snaps(&object).await);
        let query = ListQuery { pool: object.pool, namespace: None, cursor: None, max: 10 };
        assert_eq!(remote.list_objects(query.clone()).await, local.list_objects(query).await);
        assert_eq!(remote.list_pools().await, local.list_pools().await);
        assert_eq!(remote.status().await, local.status().await);
        assert_eq!(remote.list_config_keys().await.unwrap(), Vec::<String>::new());
        assert_eq!(remote.config_key("x").await.unwrap_err().errno, Errno::NOENT);
        assert_eq!(remote.remove_snap_id(object.pool, snap).await, Ok(()));
        assert_eq!(remote.flush().await, Ok(()));
    });
}

#[test]
fn errors_come_across_whole() {
    let host = served(Setup::default());
    let (remote, local) = (host.client(), host.cluster.client());
    pollster::block_on(async {
        let object = first_object(&*remote).await;
        remote.write(&object, write(b"abcd")).await.unwrap();
        let compare = WriteStep::CompareExtent { offset: 0, data: Bytes::from_static(b"abXd") };
        let found = remote.write(&object, WriteOp::new(vec![compare.clone()])).await.unwrap_err();
        assert_eq!(found.mismatch_offset, Some(2));
        assert_eq!(found, local.write(&object, WriteOp::new(vec![compare])).await.unwrap_err());
        let create = WriteOp::new(vec![WriteStep::Create(CreateMode::Exclusive)]);
        assert_eq!(remote.write(&object, create).await.unwrap_err().errno, Errno::EXIST);
    });
}

#[test]
fn unawaited_writes_of_one_object_keep_their_order() {
    for hostile in [None, Some(7)] {
        let host = served(Setup { hostile, ..Setup::default() });
        let remote = host.client();
        pollster::block_on(async {
            let object = first_object(&*remote).await;
            let writes: Vec<_> = (0..500u64)
                .map(|n| {
                    let data = Bytes::copy_from_slice(&n.to_le_bytes());
                    let step = WriteStep::Write { offset: n % 7, data };
                    remote.write(&object, WriteOp::new(vec![step]))
                })
                .collect();
            let versions = join_all(writes).await;
            assert!(versions.is_sorted_by_key(|version| version.clone().unwrap()));
            let mut expected = vec![0; 14];
            for n in 0..500u64 {
                let at = (n % 7) as usize;
                expected[at..at + 8].copy_from_slice(&n.to_le_bytes());
            }
            let found = remote.read(&object, SnapId::HEAD, read_all()).await.unwrap();
            assert_eq!(found, [ReadResult::Data(expected.into())]);
        });
    }
}

#[test]
fn a_write_whose_future_is_dropped_happens_all_the_same() {
    let host = served(Setup::default());
    let remote = host.client();
    pollster::block_on(async {
        let object = first_object(&*remote).await;
        drop(remote.write(&object, write(b"dropped")));
        let found = remote.read(&object, SnapId::HEAD, read_all()).await.unwrap();
        assert_eq!(found, [ReadResult::Data(Bytes::from_static(b"dropped"))]);
    });
}

#[test]
fn many_large_requests_pass_through_little_memory() {
    let limits = Limits {
        bytes_under_way: 3 << 20,
        heartbeat: Duration::from_millis(1),
        idle: Duration::from_millis(300),
        ..Limits::default()
    };
    let host = served(Setup { limits, ..Setup::default() });
    let remote = host.client();
    pollster::block_on(async {
        let first = first_object(&*remote).await;
        let object = |n: usize| ObjectId::new(first.pool, "", format!("o{n}"));
        let data = |n: usize| Bytes::from(vec![n as u8; 2 << 20]);
        let writes = (0..12).map(|n| {
            let full = WriteStep::WriteFull { data: data(n) };
            remote.write(&object(n), WriteOp::new(vec![full]))
        });
        assert!(join_all(writes.collect::<Vec<_>>()).await.iter().all(Result::is_ok));
        let reads = (0..12).map(|n| remote.read(&object(n), SnapId::HEAD, read_all()));
        for (n, found) in join_all(reads.collect::<Vec<_>>()).await.into_iter().enumerate() {
            assert_eq!(found.unwrap(), [ReadResult::Data(data(n))]);
        }
    });
}

#[test]
fn a_host_without_clients_ends_and_takes_its_socket_along() {
    let mut host = served(Setup::default());
    let client = host.client();
    drop(client);
    host.wait();
    assert_eq!(std::fs::read_dir(host.directory.path()).unwrap().count(), 0);
}
