//! Who polls a connection: its task, or the thread that completed its only request.
//!
//! With one request in flight there is nothing to gather, and its reply would only wait for another
//! thread to wake up. So a completing thread that lends its time ([`errand`]) sends the reply itself.
//! With more in flight the task is woken, and sends with one call what has come together.
//!
//! The transmission is locked for one turn at a time, never across an await.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use marcot_store::errand::{self, Errand};
use tokio::io::{AsyncRead, AsyncWrite};

use super::transmission::Transmission;

/// A connection that its task and others poll.
pub(crate) struct Turns<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    shared: Arc<Shared<S>>,
    waker: Waker,
}

struct Shared<S> {
    /// Empty once it was taken out.
    transmission: Mutex<Option<Transmission<S>>>,
    task: AtomicWaker,
    /// Whether one request alone was in flight after the last turn.
    alone: AtomicBool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Turns<S> {
    pub(crate) fn new(transmission: Transmission<S>) -> Turns<S> {
        let shared = Arc::new(Shared {
            transmission: Mutex::new(Some(transmission)),
            task: AtomicWaker::new(),
            alone: AtomicBool::new(false),
        });
        Turns { waker: Waker::from(Arc::clone(&shared)), shared }
    }

    /// Serves until the client ends it. Dropping the future loses nothing.
    pub(crate) async fn run(&self) {
        poll_fn(|cx| {
            self.shared.task.register(cx.waker());
            self.with(|transmission| self.shared.turn(transmission, &self.waker))
        })
        .await;
    }

    /// Works on the transmission between two turns.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Transmission<S>) -> R) -> R {
        let mut slot = self.shared.transmission.lock().expect("no turn of it has panicked");
        work(slot.as_mut().expect("only `end` takes it"))
    }

    /// The transmission, which nobody else polls any more.
    pub(crate) fn end(self) -> Transmission<S> {
        let mut slot = self.shared.transmission.lock().expect("no turn of it has panicked");
        slot.take().expect("only `end` takes it")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Drop for Turns<S> {
    fn drop(&mut self) {
        // The socket keeps wakers, and they keep what keeps the socket.
        let slot = self.shared.transmission.lock();
        let left = slot.unwrap_or_else(PoisonError::into_inner).take();
        drop(left);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shared<S> {
    fn turn(&self, transmission: &mut Transmission<S>, waker: &Waker) -> Poll<()> {
        let polled = transmission.poll_run(&mut Context::from_waker(waker));
        self.alone.store(transmission.in_flight() == 1, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Wake for Shared<S> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.alone.load(Ordering::Relaxed) || !errand::leave(self) {
            self.task.wake();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Errand for Shared<S> {
    fn run(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        // After a panic the task finds the lock poisoned and panics as well, where tokio expects it.
        let polled =
            catch_unwind(AssertUnwindSafe(|| match self.transmission.try_lock().as_deref_mut() {
                Ok(Some(transmission)) => self.turn(transmission, &waker),
                // Somebody else has it, and may have looked before the request was completed.
                Ok(None) | Err(_) => Poll::Ready(()),
            }));
        if !matches!(polled, Ok(Poll::Pending)) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::sync::oneshot;

    use super::*;
    use crate::nbd::budget::{Budget, Lease};
    use crate::nbd::command::Terms;
    use crate::nbd::export::{
        Export, ExportAccess, ExportError, ExportFuture, Extent, Persistence, Range, ZeroOptions,
    };
    use crate::nbd::handshake::Session;
    use crate::nbd::limits::Limits;
    use crate::nbd::request::HeaderKind;
    use crate::nbd::wire;

    /// Answers reads when the test says so, and nothing else.
    #[derive(Default)]
    struct Held(Mutex<VecDeque<oneshot::Sender<Bytes>>>);

    fn refused<T: Send + 'static>() -> ExportFuture<T> {
        std::future::ready(Err(ExportError::ReadOnly)).boxed()
    }

    impl Export for Held {
        fn size(&self) -> u64 {
            1 << 20
        }
        fn access(&self) -> ExportAccess {
            ExportAccess::ReadOnly
        }
        fn read(self: Arc<Self>, _: u64, _: u32) -> ExportFuture<Bytes> {
            let (answer, answered) = oneshot::channel();
            self.0.lock().unwrap().push_back(answer);
            async { Ok(answered.await.expect("the test answers")) }.boxed()
        }
        fn write(self: Arc<Self>, _: u64, _: Bytes, _: Persistence) -> ExportFuture<()> {
            refused()
        }
        fn trim(self: Arc<Self>, _: Range, _: Persistence) -> ExportFuture<()> {
            refused()
        }
        fn write_zeroes(self: Arc<Self>, _: Range, _: ZeroOptions) -> ExportFuture<()> {
            refused()
        }
        fn flush(self: Arc<Self>) -> ExportFuture<()> {
            refused()
        }
        fn allocation(self: Arc<Self>, _: Range) -> ExportFuture<Vec<Extent>> {
            refused()
        }
    }

    fn connected(export: &Arc<Held>) -> (Turns<DuplexStream>, DuplexStream) {
        let (client, socket) = tokio::io::duplex(1 << 16);
        let terms = Terms {
            header: HeaderKind::Compact,
            size: export.size(),
            writable: false,
            structured: false,
            allocation_context: false,
            payload_bytes_max: 1 << 20,
        };
        let export: Arc<dyn Export> = Arc::clone(export) as Arc<dyn Export>;
        let limits = Arc::new(Limits::default());
        let lease = Lease::new(&Budget::new(limits.total_bytes), limits.connection_bytes);
        let session = Session { export, terms };
        (Turns::new(Transmission::new(socket, session, &limits, lease)), client)
    }

    fn ask(client: &mut DuplexStream, cookie: u64) {
        let mut request = wire::REQUEST_MAGIC.to_be_bytes().to_vec();
        request.extend([0; 4]);
        request.extend(cookie.to_be_bytes());
        request.extend(0_u64.to_be_bytes());
        request.extend(512_u32.to_be_bytes());
        client.write_all(&request).now_or_never().expect("there is room").unwrap();
    }

    /// The cookie of the reply, if one was sent.
    fn answer(client: &mut DuplexStream) -> Option<u64> {
        let mut reply = [0; 16 + 512];
        client.read_exact(&mut reply).now_or_never()?.unwrap();
        Some(u64::from_be_bytes(reply[8..16].try_into().unwrap()))
    }

    fn complete(export: &Held) {
        let answer = export.0.lock().unwrap().pop_front().expect("a request waits");
        errand::lend(|| answer.send(Bytes::from(vec![7; 512])).unwrap());
    }

    #[test]
    fn who_completes_the_only_request_sends_its_reply() {
        let export = Arc::new(Held::default());
        let (turns, mut client) = connected(&export);
        ask(&mut client, 1);
        assert!(turns.run().now_or_never().is_none());
        assert_eq!(answer(&mut client), None);
        complete(&export);
        assert_eq!(answer(&mut client), Some(1), "the task was not polled again");
    }

    #[test]
    fn replies_to_several_are_left_to_the_task() {
        let export = Arc::new(Held::default());
        let (turns, mut client) = connected(&export);
        ask(&mut client, 1);
        ask(&mut client, 2);
        assert!(turns.run().now_or_never().is_none());
        complete(&export);
        assert_eq!(answer(&mut client), None);
        assert!(turns.run().now_or_never().is_none());
        assert_eq!(answer(&mut client), Some(1));
        complete(&export);
        assert_eq!(answer(&mut client), Some(2));
    }

    #[test]
    fn an_ended_connection_lets_its_export_go() {
        let export = Arc::new(Held::default());
        let (turns, mut client) = connected(&export);
        ask(&mut client, 1);
        assert!(turns.run().now_or_never().is_none());
        drop(turns);
        assert_eq!(Arc::strong_count(&export), 1);
    }
}
