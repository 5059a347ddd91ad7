//! Changes that show whether they were lost or ran twice.

use bytes::Bytes;
use futures_util::future::{join, join_all};
use marcot_store::op::CreateMode;
use marcot_store::{
    ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapId, Store, WriteOp, WriteStep,
};

/// Requests under way at once.
const DEPTH: u64 = 8;

async fn pool(store: &dyn Store) -> PoolId {
    let pools = store.list_pools().await.unwrap();
    assert_eq!(pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["rbd"]);
    pools[0].id
}

fn counter(pool: PoolId, number: u32) -> ObjectId {
    ObjectId::new(pool, "", format!("counter{number}"))
}

fn marker(pool: PoolId, number: u32, count: u64) -> ObjectId {
    ObjectId::new(pool, "", format!("marker{number}.{count}"))
}

fn bytes(count: u64) -> Bytes {
    Bytes::copy_from_slice(&count.to_le_bytes())
}

fn create() -> WriteOp {
    WriteOp::new(vec![WriteStep::Create(CreateMode::Exclusive)]).ordered()
}

/// Counts up by an operation that fails when it runs twice or out of turn.
fn count_from(count: u64) -> WriteOp {
    let compare = WriteStep::CompareExtent { offset: 0, data: bytes(count) };
    let step = WriteStep::Write { offset: 0, data: bytes(count + 1) };
    WriteOp::new(vec![compare, step]).ordered()
}

/// How far the counter of `number` is.
pub(crate) async fn counted(store: &dyn Store, number: u32) -> u64 {
    let read = ReadOp::single(ReadStep::Read { offset: 0, length: 8 });
    match store.read(&counter(pool(store).await, number), SnapId::HEAD, read).await {
        Err(error) if error.errno == marcot_store::Errno::NOENT => 0,
        found => match &found.unwrap()[..] {
            [ReadResult::Data(data)] => u64::from_le_bytes(data[..].try_into().unwrap()),
            other => panic!("{other:?}"),
        },
    }
}

/// Counts on by `rounds` batches, and makes a snapshot id for each.
pub(crate) async fn count_on(store: &dyn Store, number: u32, rounds: u64) {
    let pool = pool(store).await;
    let start = counted(store, number).await;
    for round in 0..rounds {
        let counts = start + round * DEPTH..start + (round + 1) * DEPTH;
        let requests: Vec<_> = counts
            .map(|count| {
                let marked = store.write(&marker(pool, number, count), create());
                join(marked, store.write(&counter(pool, number), count_from(count)))
            })
            .collect();
        let snap = store.create_snap_id(pool);
        for (marked, counted) in join_all(requests).await {
            marked.expect("a marker is made once");
            counted.expect("each number is counted once, in turn");
        }
        snap.await.expect("a snapshot id");
    }
    store.flush().await.unwrap();
}

/// Checks what the processes with those numbers have left: `rounds` batches each.
pub(crate) async fn check(store: &dyn Store, numbers: u32, rounds: u64) {
    let pool = pool(store).await;
    for number in 0..numbers {
        assert_eq!(counted(store, number).await, rounds * DEPTH, "counter {number}");
        for count in 0..rounds * DEPTH {
            let there = ReadOp::single(ReadStep::AssertExists);
            store.read(&marker(pool, number, count), SnapId::HEAD, there).await.unwrap();
        }
    }
}

/// A snapshot id, to see how many have been made between two of them.
pub(crate) async fn snap_id(store: &dyn Store) -> u64 {
    store.create_snap_id(pool(store).await).await.unwrap().0
}
