//! Requests whose caller goes away, at every await.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use marcot_store::memory::MemoryOptions;

use super::world::World;
use crate::operation::{CreateOptions, Layout, create};
use crate::{Image, IoError};

const OBJECT: u64 = 4096;
const LENGTH: usize = 3 * OBJECT as usize;

/// Drops `work` when it waits for the n-th time; whether it was done before.
async fn drop_at<T>(n: u64, work: impl Future<Output = T>) -> bool {
    let mut work = pin!(work);
    let mut waits = 0;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending => {
            waits += 1;
            if waits == n { Poll::Ready(false) } else { Poll::Pending }
        }
    })
    .await
}

/// Drops a request that changes three objects from ones to twos, at every wait in turn.
fn dropped_everywhere(request: impl AsyncFn(&Image) -> Result<(), IoError>, after: u8) {
    let (before, after) = (vec![1; LENGTH], vec![after; LENGTH]);
    for wait in 1.. {
        let done = pollster::block_on(async {
            let world = World::new(MemoryOptions::hostile(wait)).await;
            let layout = Layout { order: Some(12), ..Layout::default() };
            let options = CreateOptions { size: 4 * OBJECT, layout, ..CreateOptions::default() };
            create(&world.client, &world.at, "a", &options).await.unwrap();
            let image = world.open("a").await;
            image.write(0, Bytes::from(before.clone())).await.unwrap();
            // The request has to wait for the lock, too.
            image.close().await.unwrap();
            let image = world.open("a").await;
            let done = drop_at(wait, request(&image)).await;
            let read = async || image.read(0, LENGTH as u64).await.unwrap();
            // Whoever waits for writes to end, sees all of it or nothing.
            let quiet = image.quiesce().await;
            let seen = read().await;
            assert!(seen == before || seen == after, "half of it after {wait} waits");
            drop(quiet);
            while read().await != after {
                world.client.env.sleep(Duration::from_millis(1)).await;
            }
            image.close().await.unwrap();
            done
        });
        if done {
            assert!(wait > 3, "the request waits more often than that");
            return;
        }
    }
}

#[test]
fn a_write_that_nobody_waits_for_comes_to_its_end() {
    let data = Bytes::from(vec![2; LENGTH]);
    dropped_everywhere(async |image| image.write(0, data.clone()).await, 2);
}

#[test]
fn a_discard_that_nobody_waits_for_comes_to_its_end() {
    dropped_everywhere(async |image| image.discard(0, LENGTH as u64).await, 0);
}
