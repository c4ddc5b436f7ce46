//! Questions of a running cell to the person in front of it.
//!
//! The answer must come from whom the question went to, and name that question
//! as its parent if it names one at all (`jupyter_client` leaves the parent
//! empty). Everything else is a leftover or a forgery, and is dropped.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Map, json};

use crate::engine::CellFailure;
use crate::outbox::Outbox;
use crate::wire::{Request, Session};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The front end said that it takes no questions.
    #[error("this front end can't be asked: it ran the cell with `allow_stdin` off")]
    NotAllowed,
    /// The cell was interrupted while it waited, or the kernel ends.
    #[error("interrupted while waiting for input")]
    Interrupted,
    /// The front end that ran the cell is gone.
    #[error("the front end that ran the cell is not connected for input")]
    Disconnected,
}

impl InputError {
    /// The name that Jupyter knows this error by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotAllowed => "StdinNotImplementedError",
            Self::Interrupted => "KeyboardInterrupt",
            Self::Disconnected => "InputError",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotAllowed => {
                Some("run the cell in JupyterLab or a console, or give the value as a parameter".to_owned())
            }
            Self::Interrupted => None,
            Self::Disconnected => Some("run the cell again from a connected notebook".to_owned()),
        }
    }
}

impl From<InputError> for CellFailure {
    fn from(error: InputError) -> Self {
        let mut failure = CellFailure::new(error.name(), error.to_string());
        if let Some(hint) = error.hint() {
            failure.traceback.push(format!("hint: {hint}"));
        }
        failure
    }
}

struct Question {
    id: String,
    identities: Vec<Bytes>,
    answer: SyncSender<Result<String, InputError>>,
}

/// The open questions.
pub(crate) struct Stdin {
    outbox: Outbox,
    session: Arc<Session>,
    open: Mutex<Vec<Question>>,
}

#[derive(Deserialize)]
struct InputReply {
    value: String,
}

impl Stdin {
    pub(crate) fn new(outbox: Outbox, session: Arc<Session>) -> Self {
        Self {
            outbox,
            session,
            open: Mutex::default(),
        }
    }

    /// Asks whoever sent `parent`; blocks until there is an answer or none can come.
    /// An interrupt that came before the question was open shows in `interrupted`.
    pub(crate) fn ask(
        &self,
        parent: &Request,
        prompt: &str,
        password: bool,
        interrupted: impl FnOnce() -> bool,
    ) -> Result<String, InputError> {
        let content = json!({"prompt": prompt, "password": password});
        let (id, message) =
            self.session
                .encode(&parent.identities, "input_request", Some(parent), &Map::new(), &content);
        let (answer, wait) = sync_channel(1);
        self.open.lock().push(Question {
            id: id.clone(),
            identities: parent.identities.clone(),
            answer,
        });
        let answer = if interrupted() {
            Err(InputError::Interrupted)
        } else {
            self.outbox.send(message);
            wait.recv().unwrap_or(Err(InputError::Interrupted))
        };
        self.open.lock().retain(|question| question.id != id);
        answer
    }

    /// Hands a reply to the question it answers, if it answers one.
    pub(crate) fn answer(&self, reply: &Request) {
        if reply.header.msg_type != "input_reply" {
            tracing::warn!(msg_type = reply.header.msg_type, "unexpected on stdin");
            return;
        }
        let mut open = self.open.lock();
        let of_this_question = |question: &Question| {
            question.identities == reply.identities
                && reply.parent.as_ref().is_none_or(|parent| parent.msg_id == question.id)
        };
        let Some(at) = open.iter().position(of_this_question) else {
            tracing::warn!("input reply that answers no open question dropped");
            return;
        };
        match reply.content::<InputReply>() {
            // A send fails only where the asker has stopped waiting.
            Ok(content) => {
                open.remove(at).answer.try_send(Ok(content.value)).ok();
            }
            Err(error) => tracing::warn!(%error, "malformed input reply dropped"),
        }
    }

    /// Ends all waiting with this error.
    pub(crate) fn cancel(&self, error: &InputError) {
        for question in self.open.lock().drain(..) {
            question.answer.try_send(Err(error.clone())).ok();
        }
    }
}
