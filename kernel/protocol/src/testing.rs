//! For tests of an engine: a cell's outputs without sockets or a front end.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::connection::Channel;
use crate::engine::ExecuteRequest;
use crate::iopub::Iopub;
use crate::outbox::{Item, Outbox};
use crate::outputs::Outputs;
use crate::stdin::Stdin;
use crate::wire::Session;

/// What a cell has shown, message by message.
///
/// ```
/// use ironsage_protocol::testing::Transcript;
/// let (outputs, transcript) = Transcript::new();
/// outputs.stdout("hello");
/// outputs.flush();
/// assert_eq!(transcript.take()[0].1["text"], "hello");
/// ```
pub struct Transcript {
    session: Arc<Session>,
    items: Mutex<mpsc::UnboundedReceiver<Item>>,
}

impl Transcript {
    /// Outputs to hand to an engine, and the record of them. Text appears in the
    /// record when it is flushed or something else is shown; nobody answers questions.
    pub fn new() -> (Outputs, Self) {
        let session = Arc::new(Session::new(""));
        let (iopub, items) = Iopub::new(Arc::clone(&session));
        let (outbox, _) = Outbox::new();
        let stdin = Arc::new(Stdin::new(outbox, Arc::clone(&session)));
        let (_, message) = session.encode(
            &[Bytes::from_static(b"test")],
            "execute_request",
            None,
            &Map::new(),
            &json!({}),
        );
        #[expect(clippy::expect_used, reason = "a message of our own is readable")]
        let request = session.decode(Channel::Shell, message).expect("our own message");
        let cell = ExecuteRequest {
            execution_count: 1,
            ..ExecuteRequest::default()
        };
        let outputs = Outputs::new(iopub, stdin, None, request, Arc::default(), &cell);
        let transcript = Self {
            session,
            items: Mutex::new(items),
        };
        (outputs, transcript)
    }

    /// The messages since the last call: each one's type and content.
    pub fn take(&self) -> Vec<(String, Value)> {
        let mut items = self.items.lock();
        let mut messages = Vec::new();
        while let Ok(item) = items.try_recv() {
            match item {
                Item::Barrier(pass) => pass(),
                Item::Message(message) => {
                    if let Ok(message) = self.session.decode(Channel::Iopub, message) {
                        let content = message.content().unwrap_or_default();
                        messages.push((message.header.msg_type.clone(), content));
                    }
                }
            }
        }
        messages
    }
}
