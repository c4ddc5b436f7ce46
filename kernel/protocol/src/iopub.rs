//! The broadcast: everything that happens, to everyone who listens.
//!
//! An XPUB socket, so that a new listener is seen and greeted (`iopub_welcome`,
//! JEP 65): a front end that waits for the greeting loses no output. One task
//! owns the socket. The library's XPUB waits for its listeners and so loses
//! nothing; its plain PUB would drop what a slow one doesn't read. That it never
//! waits long for one who doesn't read at all is the gate's part.
//!
//! `starting` is said once, right after the first greeting: before it, nobody
//! would hear it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, json};
use tokio::sync::mpsc;
use zeromq::{SocketRecv, SocketSend, XPubSocket, ZmqMessage};

use crate::outbox::{Item, Outbox};
use crate::wire::{Request, Session};

/// The writing end of the broadcast.
#[derive(Clone, Debug)]
pub(crate) struct Iopub {
    outbox: Outbox,
    session: Arc<Session>,
}

/// What the kernel is doing.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Starting,
    Busy,
    Idle,
}

impl Iopub {
    pub(crate) fn new(session: Arc<Session>) -> (Self, mpsc::UnboundedReceiver<Item>) {
        let (outbox, items) = Outbox::new();
        (Self { outbox, session }, items)
    }

    /// Broadcasts a message that `parent` caused.
    pub(crate) fn publish(&self, msg_type: &str, parent: &Request, content: &impl Serialize) {
        let topic = format!("kernel.{}.{msg_type}", self.session.id());
        let (_, message) = self
            .session
            .encode(&[topic.into()], msg_type, Some(parent), &Map::new(), content);
        self.outbox.send(message);
    }

    /// Broadcasts what the kernel does about `parent`.
    pub(crate) fn status(&self, state: State, parent: &Request) {
        self.publish("status", parent, &json!({"execution_state": state}));
    }

    /// See [`Outbox::settle`].
    pub(crate) fn settle(&self, limit: Duration) {
        self.outbox.settle(limit);
    }

    /// See [`Outbox::settled`].
    pub(crate) async fn settled(&self, limit: Duration) {
        self.outbox.settled(limit).await;
    }
}

/// Owns the socket: greets listeners and writes what is queued.
pub(crate) async fn serve(mut socket: XPubSocket, session: Arc<Session>, mut items: mpsc::UnboundedReceiver<Item>) {
    let mut started = false;
    loop {
        tokio::select! {
            // Subscriptions first: a listener that is already there misses nothing.
            biased;
            received = socket.recv() => match received {
                Ok(message) => {
                    let Some(topic) = subscription(&message) else { continue };
                    tracing::debug!(%topic, "new listener");
                    send(&mut socket, welcome(&session, &topic)).await;
                    if !started {
                        started = true;
                        send(&mut socket, starting(&session)).await;
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a listener went away");
                    tokio::task::yield_now().await;
                }
            },
            item = items.recv() => match item {
                Some(Item::Message(message)) => send(&mut socket, message).await,
                Some(Item::Barrier(pass)) => pass(),
                None => return,
            },
        }
    }
}

async fn send(socket: &mut XPubSocket, message: ZmqMessage) {
    if let Err(error) = socket.send(message).await {
        tracing::debug!(%error, "broadcast to a listener that went away");
    }
}

/// The topic, where the message is a subscription to one.
fn subscription(message: &ZmqMessage) -> Option<String> {
    let frame = message.get(0).filter(|_| message.len() == 1)?;
    let (1, topic) = frame.split_first()? else {
        return None;
    };
    Some(String::from_utf8_lossy(topic).into_owned())
}

/// Goes by the topic itself, so that whoever subscribed to it gets it.
fn welcome(session: &Session, topic: &str) -> ZmqMessage {
    let content = json!({"subscription": topic});
    session
        .encode(&[topic.to_owned().into()], "iopub_welcome", None, &Map::new(), &content)
        .1
}

fn starting(session: &Session) -> ZmqMessage {
    let topic = format!("kernel.{}.status", session.id());
    let content = json!({"execution_state": State::Starting});
    session.encode(&[topic.into()], "status", None, &Map::new(), &content).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn only_a_subscription_is_greeted() {
        let frame = |bytes: &'static [u8]| ZmqMessage::from(Bytes::from_static(bytes));
        assert_eq!(subscription(&frame(b"\x01")).as_deref(), Some(""));
        assert_eq!(subscription(&frame(b"\x01kernel")).as_deref(), Some("kernel"));
        assert_eq!(subscription(&frame(b"\x00kernel")), None);
        assert_eq!(subscription(&frame(b"")), None);
        let mut two = frame(b"\x01");
        two.push_back(Bytes::from_static(b"more"));
        assert_eq!(subscription(&two), None);
    }
}
