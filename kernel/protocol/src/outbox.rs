//! What waits to be sent on one socket.
//!
//! Each socket is written by one task, from an unbounded queue. Whoever has
//! something to say, on whatever thread, puts it there and goes on: a front end
//! that stopped reading never holds up a cell. A barrier in the queue tells when
//! everything before it was handed to the socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use zeromq::{RouterSendHalf, SocketSend, ZmqMessage};

use crate::connection::Channel;

/// One thing in the queue.
pub(crate) enum Item {
    Message(ZmqMessage),
    Barrier(Box<dyn FnOnce() + Send>),
}

/// The writing end of a socket's queue.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    queue: mpsc::UnboundedSender<Item>,
    stalled: Arc<AtomicBool>,
}

impl Outbox {
    /// A queue, and what the socket's task reads from.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Item>) {
        let (queue, items) = mpsc::unbounded_channel();
        let outbox = Self {
            queue,
            stalled: Arc::default(),
        };
        (outbox, items)
    }

    /// Queues a message. After the socket was closed at the kernel's end, nobody
    /// is left to read it and it goes nowhere.
    pub(crate) fn send(&self, message: ZmqMessage) {
        if self.queue.send(Item::Message(message)).is_err() {
            tracing::debug!("message after the socket was closed");
        }
    }

    /// Blocks until everything queued so far was handed to the socket, at most
    /// for `limit`. Once that was too short, it doesn't wait again before the
    /// socket has caught up: a stalled front end costs one `limit`, not one a cell.
    pub(crate) fn settle(&self, limit: Duration) {
        if self.stalled.load(Ordering::Acquire) {
            return;
        }
        let (done, wait) = sync_channel(1);
        let stalled = Arc::clone(&self.stalled);
        let barrier = move || {
            stalled.store(false, Ordering::Release);
            // Nobody waits any more where the limit has passed.
            done.send(()).ok();
        };
        // Set first, so that a barrier passed late clears it.
        self.stalled.store(true, Ordering::Release);
        if self.queue.send(Item::Barrier(Box::new(barrier))).is_ok() {
            wait.recv_timeout(limit).ok();
        }
    }

    /// As [`Outbox::settle`], for asynchronous code.
    pub(crate) async fn settled(&self, limit: Duration) {
        let (done, wait) = oneshot::channel();
        let barrier = move || {
            done.send(()).ok();
        };
        if self.queue.send(Item::Barrier(Box::new(barrier))).is_ok() {
            tokio::time::timeout(limit, wait).await.ok();
        }
    }
}

/// Writes what is queued to a ROUTER socket until the queue is gone; `failed` is
/// told of each message whose front end is not connected.
pub(crate) async fn serve(
    channel: Channel,
    mut socket: RouterSendHalf,
    mut items: mpsc::UnboundedReceiver<Item>,
    failed: impl Fn() + Send + 'static,
) {
    while let Some(item) = items.recv().await {
        match item {
            Item::Message(message) => {
                if let Err(error) = socket.send(message).await {
                    tracing::debug!(%channel, %error, "message to a front end that is gone");
                    failed();
                }
            }
            Item::Barrier(pass) => pass(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_stalled_reader_costs_one_limit_until_it_catches_up() {
        let (outbox, mut items) = Outbox::new();
        let limit = Duration::from_millis(20);
        let start = Instant::now();
        for _ in 0..50 {
            outbox.send(ZmqMessage::from("x"));
            outbox.settle(limit);
        }
        assert!(start.elapsed() >= limit);
        assert!(start.elapsed() < limit * 10, "{:?}", start.elapsed());
        let mut messages = 0;
        while let Ok(item) = items.try_recv() {
            match item {
                Item::Message(_) => messages += 1,
                Item::Barrier(pass) => pass(),
            }
        }
        assert_eq!(messages, 50);
        let start = Instant::now();
        outbox.settle(limit);
        assert!(start.elapsed() >= limit, "it waits again");
    }
}
